import { Locked } from "../keys/ring.js";
import { isProblem, type CauseOptions } from "../problem.js";
import type { ChatAction } from "../types.js";
import { LEASE_MS, rfc3339, type Batch, type Batches } from "./batches.js";
import type { Ending, RunEvent, RunInfo } from "./host.js";
import type { Journaling, JournalRun } from "./journal.js";
import { Lease, LeaseLost } from "./lease.js";
import type { RunnerClient, RunnerOptions } from "./runner.js";
import { nextDue } from "./schedules.js";
import type { BatchSpec } from "./spec.js";
import { Work } from "./work.js";

/** After a refusal that another look at the list explains. */
const REFUSED_MS = 5_000;
/** What the server's clock and the idea of it may be apart. */
const TOLERANCE_MS = 15_000;
/** A batch that the tier has no room for. */
const SUSPENDED_MS = 600_000;
/** Whoever has taken a slot over so often has met something that ends the app each time. */
const MOST_ATTEMPTS = 5;
const NOTHING = { total: 0, done: 0, failed: 0, skipped: 0 };

/** What was asked for cannot be run now. `busy`: a run of the batch is under way, or batches are another window's to run; `refused`: `cause` says why. */
export class NotRun extends Error {
  override readonly name = "NotRun";

  constructor(readonly reason: "busy" | "unknown" | "unreadable" | "refused" | "lost" | "stopped", options?: CauseOptions) {
    super(`The batch was not run: ${reason}.`, options);
  }
}

/** What is told to the runner. */
export interface Runner {
  say(event: RunEvent): void;
  /** What another attempt may not meet. */
  failed(error: unknown): void;
  /** What nobody can do anything about. */
  wrong(error: unknown): void;
  applying(action: ChatAction): void;
  leaveAlone(batchId: string, milliseconds: number): void;
}

/** Runs slots: from the lease to the report. */
export class Slots {
  readonly #gate: Gate;

  constructor(
    private readonly client: RunnerClient,
    private readonly batches: Batches,
    private readonly journal: Journaling,
    private readonly options: RunnerOptions & { graceSeconds: number },
    private readonly runner: Runner,
  ) {
    this.#gate = new Gate(options.concurrency ?? 2);
  }

  /** Rejects with `NotRun` where it is not this device's to run, with `stop`'s reason, and with what another attempt may not meet. */
  run(batch: Batch, spec: BatchSpec, slot: string, leased: (lease: Lease) => void, stop: AbortSignal): Promise<Ending> {
    return this.#gate.through(() => this.#run(batch, spec, slot, leased, stop));
  }

  async #run(batch: Batch, spec: BatchSpec, slot: string, leased: (lease: Lease) => void, stop: AbortSignal): Promise<Ending> {
    const { clock } = this.client;
    stop.throwIfAborted();
    const askedAt = clock.now();
    const run = await this.batches.claim(batch.id, slot, batch.revision, stop).catch((error: unknown) => this.#refused(batch, slot, error));
    const known = this.journal.find(batch.id, slot);
    if (run.outcome !== null) {
      if (known !== undefined) await this.journal.forget(known);
      this.runner.leaveAlone(batch.id, REFUSED_MS);
      return { outcome: run.outcome, items: run.items ?? NOTHING, ...(run.error_code === null ? {} : { code: run.error_code }) };
    }
    const lease = new Lease(this.batches, run, clock, askedAt);
    leased(lease);
    const left = Date.parse(run.lease_expires_at ?? "") - this.batches.time.now();
    if (!(Math.abs(left - LEASE_MS) < TOLERANCE_MS)) lease.check(); // this session had it already, and it may be about to end
    const journal = this.journal.begin(batch.id, slot, run.spec_revision, this.batches.time.now());
    journal.runId = run.run_id;
    const info: RunInfo = { batch, spec, run };
    try {
      await this.journal.save();
      const ending = await this.#end(info, slot, known !== undefined, lease, journal, stop);
      const { outcome, items, code } = ending;
      const next = spec.trigger.kind === "schedule" && isTime(slot) ? nextDue(spec.trigger, Date.parse(slot)) : undefined;
      const rest = { ...(code === undefined ? {} : { error_code: code }), ...(next === undefined ? {} : { next_due_at: rfc3339(next) }) };
      journal.report = { attempt: run.attempt, outcome, items, ...rest };
      await this.journal.save();
      this.runner.say({ type: "finished", ...info, ending });
      await this.report(journal, stop).catch((error: unknown) => this.runner.failed(error)); // it is kept, and told again
      return ending;
    } catch (error) {
      if (!(error instanceof LeaseLost || error instanceof Locked)) throw error;
      if (error instanceof LeaseLost && error.isTaken) await this.journal.forget(journal);
      this.runner.say({ type: "lost", ...info });
      throw new NotRun(error instanceof Locked ? "unreadable" : "lost", { cause: error });
    } finally {
      lease.close();
    }
  }

  async #end(info: RunInfo, slot: string, isKnown: boolean, lease: Lease, journal: JournalRun, stop: AbortSignal): Promise<Ending> {
    const { spec, run } = info;
    const { host, graceSeconds } = this.options;
    const now = this.batches.time.now();
    const isLate = isTime(slot) && now - Date.parse(slot) > graceSeconds * 1000;
    if (isLate && !isKnown && run.attempt === 1 && spec.trigger.kind === "schedule" && spec.trigger.catch_up === "skip") {
      return { outcome: "skipped", items: NOTHING, code: "slept_through" };
    }
    if (run.attempt > MOST_ATTEMPTS) return { outcome: "failed", items: NOTHING, code: "too_many_attempts" };
    this.runner.say({ type: "started", ...info });
    const { WebSocket } = this.options;
    const chat = this.client.chat({ ...(host.tools === undefined ? {} : { tools: host.tools }), ...(WebSocket === undefined ? {} : { WebSocket }) });
    const work = new Work({
      info,
      host,
      chat,
      clock: this.client.clock,
      now,
      journal,
      save: () => this.journal.save(),
      asideWhile: (wait) => this.#gate.outside(wait),
      tell: (event) => this.runner.say(event),
      applying: (action) => this.runner.applying(action),
      signal: AbortSignal.any([lease.signal, stop]),
    });
    try {
      return await work.carryOut();
    } finally {
      chat.close();
    }
  }

  /** Why a slot is not this device's: nothing that anybody needs to hear of, unless they asked for it. */
  #refused(batch: Batch, slot: string, error: unknown): never {
    if (!isProblem(error, "lease_held", "conflict", "precondition_failed", "quota_exceeded", "not_found")) throw error;
    const left = isProblem(error, "lease_held") ? Date.parse(error.problem.lease_expires_at ?? "") - this.batches.time.now() : 0;
    const pause = isProblem(error, "quota_exceeded") ? SUSPENDED_MS : Number.isNaN(left) ? LEASE_MS : left;
    this.runner.leaveAlone(batch.id, Math.max(pause, REFUSED_MS));
    const known = this.journal.find(batch.id, slot);
    if (known !== undefined && isProblem(error, "conflict", "not_found")) this.journal.forget(known).catch((unkept: unknown) => this.runner.wrong(unkept));
    throw new NotRun("refused", { cause: error });
  }

  /** Says how a run has ended until the server has it; what it does not take is not said again. */
  async report(run: JournalRun, signal: AbortSignal): Promise<void> {
    if (run.report === undefined || run.runId === undefined) return;
    try {
      await this.batches.finish(run.runId, run.report, signal);
    } catch (error) {
      if (!isProblem(error, "lease_lost", "not_found", "validation_error")) throw error;
      if (isProblem(error, "validation_error")) this.runner.wrong(error);
    }
    await this.journal.forget(run);
  }
}

function isTime(slot: string): boolean {
  return slot.includes("T");
}

/** So many at a time. */
class Gate {
  readonly #waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async through<Value>(work: () => Promise<Value>): Promise<Value> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  /** For who is inside: another goes in meanwhile. */
  async outside<Value>(wait: () => Promise<Value>): Promise<Value> {
    this.#leave();
    try {
      return await wait();
    } finally {
      await this.#enter();
    }
  }

  async #enter(): Promise<void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.free += 1;
    else next();
  }
}
