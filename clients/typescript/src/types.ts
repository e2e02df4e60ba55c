import type { components } from "./schema.js";

type Schemas = components["schemas"];

export type AuthTokens = Schemas["AuthTokens"];
export type BackupMeta = Schemas["BackupMeta"];
export type Change = Schemas["Change"];
export type ChatAction = Schemas["Action"];
export type ChatRequest = Schemas["ChatRequest"];
export type Feed = Schemas["Feed"];
export type Problem = Schemas["Problem"];
export type ProblemCode = Schemas["ProblemCode"];
/** The reads that the assistant may ask a client for. */
export type ReadTool = Schemas["ReadTool"];
export type RecordMeta = Schemas["RecordMeta"];

export type UserProfile = Schemas["UserProfile"];

/** What a client sends over the WebSocket. */
export type ClientFrame = Schemas["ClientFrame"];
/** What the server sends over it; `type` tells them apart. */
export type ServerFrame = Schemas["ServerFrame"];
export type ActionFrame = Schemas["ActionFrame"];
export type ChunkFrame = Schemas["ChunkFrame"];
export type DoneFrame = Schemas["DoneFrame"];
export type ErrorFrame = Schemas["ErrorFrame"];
export type ToolCallFrame = Schemas["ToolCallFrame"];
