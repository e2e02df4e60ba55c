export { fromBase64, sha256, toBase64, type Sealed } from "./bytes.js";
export type { Backups, Downloaded, Packages, Records, Written } from "./blobs.js";
export type { FeedEvent } from "./changes.js";
export { ChatSocket, type ChatOptions, type ClientTool } from "./chat.js";
export {
  AdiuvaClient,
  conflictingEtag,
  createAdiuvaClient,
  idempotencyKey,
  ok,
  type Api,
  type ClientOptions,
  type Credentials,
} from "./client.js";
export { AdiuvaProblem, ChecksumMismatch, isProblem, SignedOut, UnexpectedResponse } from "./problem.js";
export type { components, operations, paths } from "./schema.js";
export { ConnectionLost, type WebSocketClass, type WebSocketLike } from "./socket.js";
export { MemoryTokens, type StoredTokens, type TokenStore } from "./tokens.js";
export type { RetryOptions } from "./transport.js";
export { Turn, type TurnOptions } from "./turn.js";
export type * from "./types.js";
