import type { Json } from "../accounts/json.js";
import { fromBase64, sha256, toBase64 } from "../bytes.js";
import { isProblem } from "../problem.js";
import type { ModelChoice, Usage } from "../types.js";
import { nextDue } from "./schedules.js";
import type { ServerTime } from "./server_time.js";
import { readSpec, type BatchSpec, type TriggerKind } from "./spec.js";

/** The contract's: for so long a slot is a device's, from when it was last asked for. */
export const LEASE_MS = 120_000;

/**
 * How this app seals texts: for instance a `Vault`, with a key of the master key. `place` is to be bound to the bytes, so that the
 * server cannot hand out one batch as another.
 */
export interface Seal {
  seal(text: string, place: string): Promise<Uint8Array>;
  /** Throws when the bytes are not what was sealed for that place. */
  open(bytes: Uint8Array, place: string): Promise<string>;
}

export type BatchState = "active" | "paused" | "suspended";
export type Outcome = "succeeded" | "partial" | "failed" | "skipped";

/** How many of what was to be done: records of each map step, and agent steps. What a run that was cut short did not come to is in none. */
export interface ItemCounts {
  total: number;
  done: number;
  failed: number;
  skipped: number;
}

/** What the server knows of a run: a lease while it is under way, an outcome once it has ended. */
export interface Run {
  run_id: string;
  /** The due time, or the UUID of a run that no schedule asked for. */
  slot: string;
  attempt: number;
  spec_revision: number;
  lease_expires_at: string | null;
  started_at: string;
  finished_at: string | null;
  outcome: Outcome | null;
  items: ItemCounts | null;
  error_code: string | null;
}

/** What the server knows of a batch. */
export interface SealedBatch {
  id: string;
  state: BatchState;
  /** Why it is not active: its user, five failures in a row, or the tier. */
  reason: "user" | "failing" | "tier" | null;
  trigger: TriggerKind;
  next_due_at: string | null;
  /** Base64. */
  spec: string;
  checksum: string;
  revision: number;
  last_run: Run | null;
  consecutive_failures: number;
  lease: { run_id: string; attempt: number; expires_at: string } | null;
  etag: string;
  created_at: string;
  updated_at: string;
}

/** `spec` is undefined where it cannot be opened here, and `failure` says why: a locked key, changed bytes, `UnknownSpec`. */
export interface Batch extends Omit<SealedBatch, "spec"> {
  spec: BatchSpec | undefined;
  failure?: unknown;
}

export interface BatchList {
  items: Batch[];
  active: number;
  /** Of the tier; null is unlimited. */
  active_limit: number | null;
}

/** What a sentence has become. With `questions`, ask the user before it is kept. */
export interface Built {
  /** Null as long as nothing can be said without answers to the questions. */
  spec: BatchSpec | null;
  explanation: string;
  questions: string[];
  warnings: string[];
  /** The next three due times of a schedule. */
  next_runs: string[];
  usage: Usage;
}

export interface BuildRequest extends ModelChoice {
  message: string;
  /** An IANA name. */
  timezone: string;
  /** The one to be changed. */
  spec?: BatchSpec;
  /** What the sentence may name: projects, for instance. */
  context?: Record<string, unknown>;
}

export interface RunResult {
  attempt: number;
  outcome: Outcome;
  items: ItemCounts;
  error_code?: string;
  next_due_at?: string;
}

interface Conditional {
  /** The batch's `etag`: one that has changed since is left alone (`precondition_failed`). */
  ifMatch?: string;
  signal?: AbortSignal;
}

/** Saved agents, sealed on the device: the server counts them, and sees to it that each due time is run once. */
export class Batches {
  constructor(
    private readonly json: Json,
    private readonly sealing: Seal,
    readonly time: ServerTime,
  ) {}

  /** All of them, oldest first. */
  async list({ signal }: { signal?: AbortSignal } = {}): Promise<BatchList> {
    const items: SealedBatch[] = [];
    for (let page = 1; ; page += 1) {
      const response = await this.json.send("GET", `batches?limit=100&page=${page}`, undefined, { signal });
      const { items: some, total, active, active_limit } = (await response.json()) as BatchList & { items: SealedBatch[]; total: number };
      items.push(...some);
      if (some.length === 0 || items.length >= total) return { items: await Promise.all(items.map((one) => this.open(one))), active, active_limit };
    }
  }

  async get(id: string, { signal }: { signal?: AbortSignal } = {}): Promise<Batch> {
    return this.open(await this.json.get<SealedBatch>(`batches/${id}`, { signal }));
  }

  /** Active unless `state` says otherwise. An answer that is lost makes no second one. Throws the problem `quota_exceeded` (`quotaOf`). */
  async create(spec: BatchSpec, { id = crypto.randomUUID(), state = "active", signal }: { id?: string; state?: "active" | "paused"; signal?: AbortSignal } = {}): Promise<Batch> {
    const body = { id, ...(await this.#sealed(id, spec, signal)), state };
    try {
      return await this.open(await this.json.post<SealedBatch>("batches", body, { signal, isRepeatable: true }));
    } catch (error) {
      if (!isProblem(error, "conflict")) throw error;
      // An earlier attempt of the app's may have sealed the same: that has other bytes each time.
      const there = await this.get(id, signal === undefined ? {} : { signal });
      if (JSON.stringify(there.spec) !== JSON.stringify(spec)) throw error;
      return there;
    }
  }

  /** Another spec is a new revision. One with another trigger is due as that says; with the same, what is due by now stays due. */
  async update(id: string, changes: { spec?: BatchSpec; state?: "active" | "paused" }, { ifMatch, signal }: Conditional = {}): Promise<Batch> {
    const { spec, state } = changes;
    const body = { ...(spec === undefined ? {} : await this.#sealed(id, spec, signal)), ...(state === undefined ? {} : { state }) };
    if (spec?.trigger.kind === "schedule") {
      const there = await this.get(id, signal === undefined ? {} : { signal });
      const isSame = JSON.stringify(there.spec?.trigger) === JSON.stringify(spec.trigger);
      if (isSame && there.next_due_at !== null && "next_due_at" in body) delete body.next_due_at;
    }
    return this.#put(id, body, ifMatch, signal, (there) => "checksum" in body && there.checksum === body.checksum);
  }

  /** Says when it is due next; the server takes no due time that is over. */
  reschedule(id: string, due: number, { ifMatch, signal }: Conditional = {}): Promise<Batch> {
    return this.#put(id, { next_due_at: rfc3339(due) }, ifMatch, signal, (there) => there.next_due_at !== null && Date.parse(there.next_due_at) === due);
  }

  /** From now on: due times that it has slept through are not made up for. */
  async activate(batch: Batch, { signal }: { signal?: AbortSignal } = {}): Promise<Batch> {
    const body = { state: "active", ...(await this.#nextDueAt(batch.spec, signal)) };
    return this.#put(batch.id, body, batch.etag, signal, (there) => there.state === "active" && there.checksum === batch.checksum);
  }

  async pause(id: string, { ifMatch, signal }: Conditional = {}): Promise<Batch> {
    const headers = ifMatchHeader(ifMatch);
    return this.open(await this.json.post<SealedBatch>(`batches/${id}/pause`, {}, { headers, signal, isRepeatable: ifMatch === undefined }));
  }

  /** With its runs. What is gone already is no error. */
  async remove(id: string, { ifMatch, signal }: Conditional = {}): Promise<void> {
    try {
      await this.json.delete(`batches/${id}`, undefined, { headers: ifMatchHeader(ifMatch), signal });
    } catch (error) {
      if (!isProblem(error, "not_found")) throw error;
    }
  }

  /** The last 50, newest first. */
  async runs(id: string, { signal }: { signal?: AbortSignal } = {}): Promise<Run[]> {
    return (await this.json.get<{ items: Run[] }>(`batches/${id}/runs`, { signal })).items;
  }

  /** Of a sentence (pro and up). Nothing is kept. Throws the problem `not_buildable`, `feature_not_available`, … */
  build(request: BuildRequest, { signal }: { signal?: AbortSignal } = {}): Promise<Built> {
    return this.json.post("batches/build", request, { signal });
  }

  /** The JSON Schema of a spec. */
  schema({ signal }: { signal?: AbortSignal } = {}): Promise<Record<string, unknown>> {
    return this.json.get("batches/schema", { signal });
  }

  /** For runners: the lease of a slot, or the run that has ended. */
  async claim(id: string, slot: string, revision: number, signal?: AbortSignal): Promise<Run> {
    const body = { slot, spec_revision: revision };
    const response = await this.json.send("POST", `batches/${id}/runs`, body, { signal, isRepeatable: true });
    const run = (await response.json()) as Run;
    if (response.status === 201) this.time.learn(Date.parse(run.lease_expires_at ?? "") - LEASE_MS);
    return run;
  }

  async renew({ run_id, attempt }: Pick<Run, "run_id" | "attempt">, signal?: AbortSignal): Promise<Run> {
    return this.json.patch<Run>(`batches/runs/${run_id}`, { attempt }, { signal, isRepeatable: true });
  }

  /** Repeatable: the first that is said counts. */
  finish(runId: string, result: RunResult, signal?: AbortSignal): Promise<Run> {
    return this.json.post(`batches/runs/${runId}/finish`, result, { signal, isRepeatable: true });
  }

  async open({ spec: sealed, ...batch }: SealedBatch): Promise<Batch> {
    try {
      return { ...batch, spec: readSpec(await this.sealing.open(fromBase64(sealed), placeOf(batch.id))) };
    } catch (failure) {
      return { ...batch, spec: undefined, failure };
    }
  }

  /** `isDone`: whether what is there is what an earlier attempt, whose answer was lost, has made of it. */
  async #put(id: string, body: object, ifMatch: string | undefined, signal: AbortSignal | undefined, isDone: (there: SealedBatch) => boolean): Promise<Batch> {
    try {
      return await this.open(await this.json.put<SealedBatch>(`batches/${id}`, body, { headers: ifMatchHeader(ifMatch), signal }));
    } catch (error) {
      if (!isProblem(error, "precondition_failed")) throw error;
      const there = await this.json.get<SealedBatch>(`batches/${id}`, { signal });
      if (!isDone(there)) throw error;
      return this.open(there);
    }
  }

  async #sealed(id: string, spec: BatchSpec, signal: AbortSignal | undefined): Promise<{ spec: string; checksum: string; trigger: TriggerKind; next_due_at?: string | null }> {
    const bytes = await this.sealing.seal(JSON.stringify(spec), placeOf(id));
    const due = await this.#nextDueAt(spec, signal);
    return { spec: toBase64(bytes), checksum: await sha256(bytes), trigger: spec.trigger.kind, next_due_at: null, ...due };
  }

  /** By the server's clock, asked for where nothing has told it yet: this machine's may be hours wrong, but it is better than none. */
  async #nextDueAt(spec: BatchSpec | undefined, signal: AbortSignal | undefined): Promise<{ next_due_at?: string }> {
    if (spec?.trigger.kind !== "schedule") return {};
    if (!this.time.isKnown) await this.json.get("health", { signal }).catch(() => signal?.throwIfAborted());
    const due = nextDue(spec.trigger, this.time.now());
    return due === undefined ? {} : { next_due_at: rfc3339(due) };
  }
}

/** As the server writes times. */
export function rfc3339(instant: number): string {
  return new Date(instant).toISOString().replace(".000Z", "Z");
}

function placeOf(id: string): string {
  return `batches/${id}`;
}

function ifMatchHeader(etag: string | undefined): Record<string, string> {
  return etag === undefined ? {} : { "If-Match": etag };
}
