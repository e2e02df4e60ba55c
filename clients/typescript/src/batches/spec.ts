import type { ChatAction } from "../types.js";

/** The plaintext of a batch, which only its user's devices can read (docs/api.md § 14; JSON Schema: `Batches.schema`). */
export interface BatchSpec {
  version: 1;
  name: string;
  trigger: Trigger;
  selection: Selection;
  steps: Step[];
  limits: Limits;
  approval: Approval;
}

export type Trigger = { kind: "manual" } | ScheduleTrigger | { kind: "record_changed"; table: Table };
export type TriggerKind = Trigger["kind"];

export interface ScheduleTrigger {
  kind: "schedule";
  /** RFC 5545: FREQ DAILY, WEEKLY or MONTHLY; INTERVAL counts from `anchor`. */
  rrule: string;
  /** Local date and time of the first due one: `2026-11-30T09:00:00`. */
  anchor: string;
  /** An IANA name. */
  timezone: string;
  /** What becomes of due times that no device was awake for: one run for the newest of them, or none. */
  catch_up: "latest" | "skip";
}

export type Table = NonNullable<ChatAction["table"]>;
export type Op = "eq" | "ne" | "lt" | "lte" | "gt" | "gte" | "in" | "contains" | "is_empty" | "within_days" | "older_than_days";

export interface Condition {
  field: string;
  op: Op;
  value?: unknown;
}

/** Records of a table that meet every condition, in the app's order, at most `limit` (1,000). */
export interface Selection {
  table: Table;
  where: Condition[];
  limit: number;
}

export interface Step {
  id: string;
  /** `map`: the instruction for each record by itself. `agent`: once, for all of them together. */
  type: "map" | "agent";
  instruction: string;
  /** The tools that it may use, by name. */
  tools: string[];
}

export interface Limits {
  max_items: number;
  max_tokens: number;
  max_minutes: number;
}

/** Which actions wait for the user's yes. */
export type Approval = "always" | "destructive" | "never";

/** The spec is one of a later version, or not one at all: this version of the app leaves its batch alone. */
export class UnknownSpec extends Error {
  override readonly name = "UnknownSpec";

  constructor() {
    super("The batch is not of a version that this client knows.");
  }
}

/** Of what was sealed, which is JSON. Throws `UnknownSpec`. */
export function readSpec(text: string): BatchSpec {
  const spec = parsed(text) as Partial<BatchSpec> | undefined;
  const isSpec = spec?.version === 1 && spec.trigger?.kind !== undefined && Array.isArray(spec.steps) && Array.isArray(spec.selection?.where);
  if (!isSpec) throw new UnknownSpec();
  return spec as BatchSpec;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
