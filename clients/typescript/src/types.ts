import type {
  Action as SchemaAction,
  ActionFrame as SchemaActionFrame,
  ChunkFrame,
  components,
  DoneFrame as SchemaDoneFrame,
  Usage,
} from "./schema.js";

type Schemas = components["schemas"];

export type {
  AuthTokens,
  BackupMeta,
  BackupPolicy,
  Change,
  CheckoutPage,
  ChunkFrame,
  ExecutionPlan,
  Feed,
  Health,
  Installation,
  Invoice,
  Onboarding,
  OwnSubmission,
  PlanStep,
  Playbook,
  Plugin,
  PluginDetail,
  PluginEarnings,
  PluginVersion,
  ReadTool,
  RecordMeta,
  Settings as StorageSettings,
  Submitted,
  Subscription,
  Tier,
  ToolCallFrame,
  Usage,
  UserProfile,
} from "./schema.js";
/** What the server says of a record; its bytes are sealed. */
export type { RecordMeta as RecordEntry, RecordList as RecordPage, Trash as TrashEntry, Version as RecordVersion } from "./schema.js";
/** A session of the account's, on whatever device. */
export type { Session as AccountSession } from "./schema.js";
/** Bytes used and allowed, of records and of backups. */
export type { Quota as StorageQuota } from "./schema.js";

/** What the assistant asks the app to do with its own data. `id` is unique: apply each once, and ask first where it is `destructive`. */
export interface ChatAction extends SchemaAction {}
/** A message, and what goes with it. */
export interface ChatRequest extends Omit<Schemas["ChatRequest"], keyof ModelChoice>, ModelChoice {}
/** `quota_exceeded` of anything but bytes names what is used up: see `quotaOf`. */
export type Problem = Omit<Schemas["Problem"], "code"> & { code: ProblemCode } & Partial<Omit<Quota, "resource">> & ProblemFields;
interface ProblemFields {
  resource?: string;
  lease_expires_at?: string;
  /** `sso_required` of a login: a target for `signInWith`. */
  organization?: string;
}
export type ProblemCode = Schemas["ProblemCode"] | "lease_held" | "lease_lost" | "not_buildable";

/** Who answers: a model of the operator's, the default one unless given; or, with `provider`, a model of the user's own account there. */
export interface ModelChoice {
  model?: string | null;
  provider?: OwnProvider | null;
}

export type ProviderKind = "openai" | "anthropic" | "gemini" | "mistral" | "openrouter" | "openai_compatible";

/** A user's own account at a provider of language models. The server uses the key for one request and keeps it nowhere. */
export interface OwnProvider {
  kind: ProviderKind;
  api_key: string;
  /** Of `openai_compatible`, and only of it. */
  base_url?: string | null;
}

/** What a `quota_exceeded` says of anything but bytes. */
export interface Quota {
  /** `llm_tokens`: a month's, used up until `resets_at`. `batch_active`: more of them from `required_tier` on. `seats`: an organisation's. */
  resource: "llm_tokens" | "batch_active" | "seats";
  limit: number;
  used: number;
  resets_at?: string;
  required_tier?: string;
}

/** The month's budget is null where it is unlimited; an own key spends none of it. */
export type UsageReport = Schemas["UsageReport"] & {
  limits: { llm_tokens: number | null };
  remaining: { llm_tokens: number | null };
  resets_at: string;
};

/** What a client sends over the WebSocket. */
export type ClientFrame = Schemas["ClientFrame"] | MapFrame | ItemsFrame;
/** What the server sends over it; `type` tells them apart. */
export type ServerFrame = Exclude<Schemas["ServerFrame"], { type: "error" }> | ErrorFrame | MapServerFrame;
export interface ActionFrame extends SchemaActionFrame {
  action: ChatAction;
}
/** What a turn's loop gets: a piece of the answer, or an action. */
export type ChatEvent = ChunkFrame | ActionFrame;
/** The whole answer, and why it has ended. */
export interface DoneFrame extends SchemaDoneFrame {
  actions: ChatAction[];
}
export interface ErrorFrame extends Omit<Schemas["ErrorFrame"], "error"> {
  error: Problem;
}

/** Begins a map: one instruction over `total` records, which the server asks for as it needs them. */
export interface MapFrame extends ModelChoice {
  type: "map";
  run_id: string;
  instruction: string;
  tools: string[];
  total: number;
  /** An IANA name, or an offset: what today is. */
  timezone?: string;
  request_id?: string;
}

/** As many as were asked for, or fewer at a time; none: there are no more. */
export interface ItemsFrame {
  type: "items";
  items: { key: string; record: object }[];
  request_id?: string;
}

/** What a server says of a map. */
export type MapServerFrame = (
  | { type: "need"; count: number }
  | { type: "item"; key: string; status: "done" | "failed"; actions: ChatAction[]; error?: Problem; usage: Usage }
  | { type: "progress"; completed: number; failed: number; total: number }
  | MapDoneFrame
) & Place;

export interface MapDoneFrame {
  type: "done";
  done: true;
  outcome: "succeeded" | "partial";
  items: { total: number; done: number; failed: number; skipped: number };
  usage: Usage;
  /** What has ended it before its last item. */
  error?: Problem;
  cancelled?: boolean;
}

/** What a frame may say of the exchange that it belongs to. */
interface Place {
  request_id?: string;
  turn_id?: string;
  seq?: number;
}
