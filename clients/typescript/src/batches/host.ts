import type { ChatOptions } from "../chat.js";
import type { ChatAction, ModelChoice } from "../types.js";
import type { Batch, ItemCounts, Outcome, Run } from "./batches.js";
import type { BatchSpec, Step, Table } from "./spec.js";
import type { RecordFields } from "./where.js";

/** A decrypted record: its fields with its `id`. */
export type BatchRecord = RecordFields & { id: string };

/** A run as the app is told of it. */
export interface RunInfo {
  batch: Batch;
  spec: BatchSpec;
  run: Run;
}

/** Actions that wait for the user's yes: those of one step. */
export interface ActionApproval extends RunInfo {
  step: Step;
  actions: readonly ChatAction[];
  /** Aborted when the answer is not needed any more: another device has the run, or the runner was stopped. */
  signal: AbortSignal;
}

/** What a runner asks of the app: its decrypted data, and its user. */
export interface BatchHost {
  /** All of a table, in the order that a selection's limit is to be about. */
  records(table: Table): Iterable<BatchRecord> | AsyncIterable<BatchRecord>;
  /** One of them, as it is now; `undefined` when it is not there any more. */
  record(table: Table, id: string): BatchRecord | undefined | Promise<BatchRecord | undefined>;
  /**
   * Carries out one action. Called again with the same `action.id` after an interruption: apply each once. What it throws is that
   * record's failure.
   */
  apply(action: ChatAction, info: RunInfo): void | Promise<void>;
  /** Yes or no to all of them, or the ids of those that may be applied. Without it nothing is applied that waits for a yes. */
  approve?(request: ActionApproval): Promise<boolean | readonly string[]>;
  /** Reads of agent steps, as for `client.chat`; without them the selected records are all that a step sees. */
  tools?: ChatOptions["tools"];
  /** What an agent step may know beside the selected records: `user_profile`, for instance. */
  context?(info: RunInfo): Record<string, unknown> | Promise<Record<string, unknown>>;
  /** Who answers: asked at each run, so that an own key may stay in the keychain. */
  model?(info: RunInfo): ModelChoice | undefined | Promise<ModelChoice | undefined>;
}

/** What a runner tells of itself. */
export type RunEvent =
  | ({ type: "started" } & RunInfo)
  | ({ type: "progress"; items: ItemCounts } & RunInfo)
  /** What an agent step has said. */
  | ({ type: "answer"; step: Step; text: string } & RunInfo)
  | ({ type: "finished"; ending: Ending } & RunInfo)
  /** Another device has it, the network is gone, or the key is locked: nothing is reported. */
  | ({ type: "lost" } & RunInfo);

/** `code`: why it is not all done: `time_limit`, `token_limit`, `item_limit`, `not_approved`, a problem's code, … */
export interface Ending {
  outcome: Outcome;
  items: ItemCounts;
  code?: string;
}
