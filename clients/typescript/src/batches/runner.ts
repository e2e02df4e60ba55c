import type { ChatOptions, ChatSocket } from "../chat.js";
import type { Clock } from "../clock.js";
import type { Connectivity } from "../connectivity.js";
import { isProblem, SignedOut } from "../problem.js";
import { Hints, type Hint, type HintOptions } from "../sync/hints.js";
import { lockOf, type Lock } from "../sync/lock.js";
import type { ChatAction } from "../types.js";
import { rfc3339, type Batch, type Batches, type Seal } from "./batches.js";
import type { BatchHost, Ending, RunEvent } from "./host.js";
import { Journaling, MemoryBatchStore, type BatchStore } from "./journal.js";
import type { Lease } from "./lease.js";
import { Pause, whenOnline } from "./pause.js";
import { Retries } from "./retries.js";
import { newestDue, nextDue } from "./schedules.js";
import { NotRun, Slots } from "./slots.js";
import type { BatchSpec, Table } from "./spec.js";
import { Windows } from "./windows.js";

export interface RunnerOptions extends HintOptions {
  seal: Seal;
  host: BatchHost;
  /** What has to survive a restart; in memory unless given. */
  store?: BatchStore;
  /** How runners that have the same store take turns; by the store's name unless given. */
  lock?: Lock;
  /** Whether it has a `WS /sync` of its own; else the app passes `onHint` the hints of its sync engine. True unless given. */
  listen?: boolean;
  /** What happens to runs. What it throws is told to `onError`. */
  onEvent?: (event: RunEvent) => void | Promise<void>;
  /**
   * Something failed, and is tried again after so many seconds; `undefined`: never, for nobody is logged in (`SignedOut`), or it was one of
   * the app's own functions.
   */
  onError?: (error: unknown, retryInSeconds: number | undefined) => void | Promise<void>;
  /** The server is asked this often though nothing was hinted at. 300 unless given. */
  pollSeconds?: number;
  /** With `catch_up: "skip"`: a due time that is older was slept through. 600 unless given. */
  graceSeconds?: number;
  /** For so long changes of records are collected, each new one beginning anew, though no longer than twelve times that. 5 s unless given. */
  collectMs?: number;
  /** Runs at the same time, each of another batch; those that wait for a person do not count. 2 unless given. */
  concurrency?: number;
}

/** What a runner needs of the client. */
export interface RunnerClient {
  readonly clock: Clock;
  batches(seal: Seal): Batches;
  chat(options: ChatOptions): ChatSocket;
  /** Aborted with `SignedOut` when somebody logs out or in. */
  session(): AbortSignal;
  hintAddress(signal: AbortSignal): Promise<string>;
  readonly connectivity: Connectivity;
  /** Milliseconds that its socket may be silent. */
  readonly silenceMs: number;
}

const GAP_MS = 1_000;
/** A lock that is free is given sooner. */
const TURN_MS = 1_000;
const TICK_MS = 30_000;
/** So that not everybody's devices ask at nine o'clock sharp. */
const SPREAD_MS = 5_000;
/** A change of a record by a run's own action is heard of within this. */
const OWN_MS = 60_000;

interface Asked {
  batchId: string;
  resolve: (ending: Ending) => void;
  reject: (error: unknown) => void;
}

/**
 * Runs what is due, on whichever device is first: mount it in one place (Electron's main process). It sleeps until the next due time,
 * and wakes when the server hints at one.
 */
export class BatchRunner {
  readonly batches: Batches;
  readonly #journal: Journaling;
  readonly #options: Required<Pick<RunnerOptions, "pollSeconds" | "graceSeconds" | "collectMs">> & RunnerOptions;
  /** By batch. */
  readonly #running = new Map<string, { lease?: Lease; over: Promise<void> }>();
  /** Until then a batch is left alone. */
  readonly #notBefore = new Map<string, number>();
  readonly #retries = new Retries();
  readonly #asked: Asked[] = [];
  readonly #changed = new Map<Table, { since: number; dueAt: number }>();
  /** Batches of which records were changed while they ran, or could not begin. */
  readonly #again = new Set<string>();
  readonly #slots: Slots;
  readonly #store: BatchStore;
  readonly #own = new Map<string, number>();
  /** What was changed before it was this runner's turn, and no other has noted: a record of each table. */
  readonly #early = new Map<Table, string>();
  #turn: "unknown" | "here" | "elsewhere" = "unknown";
  #windows: Windows | undefined;
  #stop = new AbortController();
  #over: Promise<void> | undefined;
  #alarm = new AbortController();
  #wakeAt = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** When the next batch is due, by the server's clock. */
  #dueAt = Number.POSITIVE_INFINITY;
  readonly #pause = new Pause();

  constructor(
    private readonly client: RunnerClient,
    options: RunnerOptions,
  ) {
    this.#options = { pollSeconds: 300, graceSeconds: 600, collectMs: 5_000, ...options };
    this.batches = client.batches(options.seal);
    this.#store = options.store ?? new MemoryBatchStore();
    this.#journal = new Journaling(this.#store);
    this.#slots = new Slots(client, this.batches, this.#journal, this.#options, {
      say: (event) => this.#tell(() => this.#options.onEvent?.(event)),
      failed: (error) => this.#fail(error),
      wrong: (error) => this.#tell(() => this.#options.onError?.(error, undefined)),
      applying: (action) => this.#applying(action),
      leaveAlone: (batchId, milliseconds) => void this.#notBefore.set(batchId, client.clock.now() + milliseconds),
    });
  }

  get isRunning(): boolean {
    return this.#over !== undefined && !this.#stop.signal.aborted;
  }

  /** A second call changes nothing while it runs. Logging out ends it; start it again, with that account's store, after the next login. */
  start(): void {
    if (this.isRunning) return;
    this.#stop = new AbortController();
    const session = this.client.session();
    const ended = (): void => this.#fail(session.reason);
    session.addEventListener("abort", ended, { once: true, signal: this.#stop.signal });
    if (session.aborted) ended();
    this.#stop.signal.addEventListener("abort", () => this.#alarm.abort());
    const before = this.#over ?? Promise.resolve();
    this.#over = before.then(() => this.#takeTurn()).catch((error: unknown) => {
      for (const { reject } of this.#asked.splice(0)) reject(new NotRun("stopped", { cause: error }));
      if (this.#stop.signal.aborted) return;
      this.#stop.abort(error); // the store is of no use
      this.#tell(() => this.#options.onError?.(error, undefined));
    });
  }

  /** Resolves when nothing of it runs any more. What was under way is gone on with after the next `start`, here or on another device. */
  async stop(): Promise<void> {
    this.#stop.abort(new NotRun("stopped"));
    await this.#over;
  }

  /** Runs a batch now, whatever its trigger, paused ones too. Resolves when it has ended; rejects with `NotRun`, or a problem. */
  run(batchId: string): Promise<Ending> {
    if (!this.isRunning) return Promise.reject(new NotRun("stopped"));
    if (this.#turn === "elsewhere") return Promise.reject(new NotRun("busy"));
    return new Promise((resolve, reject) => {
      this.#asked.push({ batchId, resolve, reject });
      this.#wake();
    });
  }

  /**
   * The user has changed a record on this device: what came from other devices was their runners' to hear of. What runs change
   * themselves triggers nothing.
   */
  recordChanged(table: Table, id: string): void {
    if (this.#turn !== "here") {
      this.#early.set(table, id);
      if (this.#turn === "elsewhere") this.#passOn();
      return;
    }
    const now = this.client.clock.now();
    for (const [own, until] of this.#own) if (until < now) this.#own.delete(own);
    if (this.#own.has(id)) return;
    const since = this.#changed.get(table)?.since ?? now;
    const dueAt = Math.min(now + this.#options.collectMs, since + 12 * this.#options.collectMs);
    this.#changed.set(table, { since, dueAt });
    this.#wake(dueAt);
  }

  /** A hint of `WS /sync`, where a sync engine listens to it. */
  readonly onHint = (hint: Hint): void => {
    if (hint.type === "hello") this.#signOfLife();
    if (hint.type === "batch_due") this.#wake();
  };

  readonly #signOfLife = (): void => {
    this.#pause.signOfLife();
    this.#retries.hurry();
    this.#wake();
  };

  #wake(at = this.client.clock.now()): void {
    this.#wakeAt = Math.min(this.#wakeAt, at);
    this.#alarm.abort();
  }

  async #takeTurn(): Promise<void> {
    const { signal } = this.#stop;
    const { lock = lockOf(this.#store) } = this.#options;
    const windows = Windows.of(this.#store, {
      isHere: () => this.#turn === "here" && !signal.aborted,
      changed: (table, id) => this.recordChanged(table, id),
      noted: (table, id) => void (this.#early.get(table) === id && this.#early.delete(table)),
      begun: () => this.#passOn(),
    });
    this.#windows = windows;
    this.client.clock.sleep(TURN_MS, signal).then(() => this.#leaveToOthers(), () => {});
    try {
      await lock("batches", () => this.#live(), signal);
    } finally {
      this.#turn = "unknown";
      windows?.close();
    }
  }

  /** Another window may keep the turn for hours: by then nobody waits for what was asked for here. */
  #leaveToOthers(): void {
    if (this.#turn === "here") return;
    this.#turn = "elsewhere";
    for (const { reject } of this.#asked.splice(0)) reject(new NotRun("busy"));
    this.#passOn();
  }

  /** What nobody notes waits for another window's turn, or this one's. */
  #passOn(): void {
    for (const [table, id] of this.#early) this.#windows?.recordChanged(table, id);
  }

  async #live(): Promise<void> {
    const { signal } = this.#stop;
    this.#turn = "here";
    for (const [table, id] of this.#early) this.recordChanged(table, id);
    this.#early.clear();
    this.#windows?.begun();
    const { listen = true, WebSocket, silenceMs = this.client.silenceMs } = this.#options;
    await this.#journal.load(this.batches.time.now());
    const socket = { ...(WebSocket === undefined ? {} : { WebSocket }), silenceMs };
    const hints = new Hints((closing) => this.client.hintAddress(closing), this.client.clock, socket, this.client.connectivity);
    const listening = listen ? hints.listen(this.onHint, signal).catch((error: unknown) => this.#fail(error)) : undefined;
    whenOnline(this.#signOfLife, signal);
    this.#wakeAt = 0;
    const hasJumped = this.batches.time.watch();
    while (await this.#isTime(hasJumped)) {
      this.#lookedAt = this.client.clock.now();
      this.#wakeAt = this.#lookedAt + this.#options.pollSeconds * 1000;
      try {
        await this.#look();
        this.#pause.succeeded();
      } catch (error) {
        for (const { reject } of this.#asked.splice(0)) reject(error);
        this.#fail(error);
      }
    }
    for (const { reject } of this.#asked.splice(0)) reject(new NotRun("stopped"));
    await Promise.all([...[...this.#running.values()].map(({ over }) => over), listening]);
    await this.#journal.save();
  }

  /** Waits; false when it is over. Never for long at a time: a machine that sleeps does not count. */
  async #isTime(hasJumped: () => boolean): Promise<boolean> {
    const { signal } = this.#stop;
    const { clock } = this.client;
    while (!signal.aborted) {
      if (hasJumped()) {
        for (const { lease } of this.#running.values()) lease?.check();
        this.#wakeAt = 0;
      }
      // An answer may have set the server's clock right since the last look, or another server's answer has set it wrong.
      this.#wakeAt = Math.min(this.#wakeAt, Math.max(this.#onClock(this.#dueAt), this.#lookedAt + TICK_MS));
      const wait = Math.max(this.#wakeAt, this.#pause.until, this.#lookedAt + GAP_MS) - clock.now();
      if (wait <= 0) return true;
      this.#alarm = new AbortController();
      await clock.sleep(Math.min(wait, TICK_MS), this.#alarm.signal).catch(() => {});
    }
    return false;
  }

  #fail(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    if (error instanceof SignedOut) {
      this.#stop.abort(error);
      this.#tell(() => this.#options.onError?.(error, undefined));
      return;
    }
    const pause = this.#pause.failed(error, this.client.clock.now());
    this.#wake(this.#pause.until);
    this.#tell(() => this.#options.onError?.(error, pause / 1000));
  }

  /** Looks go on meanwhile, for others, unless the server has asked for a pause. */
  #failRun(batchId: string, error: unknown): void {
    if (this.#stop.signal.aborted || error instanceof SignedOut) return this.#fail(error);
    const now = this.client.clock.now();
    const pause = this.#retries.failed(batchId, error, now);
    this.#pause.heed(error, now);
    this.#wake(now + pause);
    this.#tell(() => this.#options.onError?.(error, pause / 1000));
  }

  /** One look at all batches: one request, and those of what begins. */
  async #look(): Promise<void> {
    const { signal } = this.#stop;
    for (const run of this.#journal.runs) await this.#slots.report(run, signal);
    const { items } = await this.batches.list({ signal });
    this.#retries.keep(items.map(({ id }) => id));
    this.#dueAt = Number.POSITIVE_INFINITY;
    const now = this.client.clock.now();
    const changed = [...this.#changed].filter(([, { dueAt }]) => dueAt <= now).map(([table]) => table);
    for (const table of changed) this.#changed.delete(table);
    for (const { dueAt } of this.#changed.values()) this.#wake(dueAt);
    for (const batch of items) {
      const trigger = batch.spec?.trigger;
      if (batch.state === "active" && trigger?.kind === "record_changed" && changed.includes(trigger.table)) this.#again.add(batch.id);
    }
    for (const asked of this.#asked.splice(0)) this.#beginAsked(asked, items.find(({ id }) => id === asked.batchId));
    for (const batch of items) await this.#consider(batch);
    for (const run of this.#journal.runs) if (!items.some(({ id }) => id === run.batchId)) await this.#journal.forget(run);
  }

  #beginAsked({ batchId, resolve, reject }: Asked, batch: Batch | undefined): void {
    if (batch === undefined) reject(new NotRun("unknown"));
    else if (this.#running.has(batchId)) reject(new NotRun("busy"));
    else if (batch.spec === undefined) reject(new NotRun("unreadable", { cause: batch.failure }));
    else this.#begin(batch, batch.spec, crypto.randomUUID()).then(resolve, reject);
  }

  async #consider(batch: Batch): Promise<void> {
    const { spec, lease } = batch;
    const { clock } = this.client;
    if (spec === undefined || this.#running.has(batch.id)) return;
    const mine = this.#journal.runs.filter(({ batchId, report }) => batchId === batch.id && report === undefined);
    if (lease !== null && !mine.some(({ runId }) => runId === lease.run_id)) {
      const left = Date.parse(lease.expires_at) - this.batches.time.now();
      if (left > 0) this.#notBefore.set(batch.id, clock.now() + left + GAP_MS); // by then it has been renewed, or it is free
    }
    const notBefore = Math.max(this.#notBefore.get(batch.id) ?? 0, this.#retries.notBefore(batch.id));
    if (notBefore > clock.now()) return this.#wake(notBefore);
    const [interrupted] = mine;
    const slot = interrupted?.slot ?? (await this.#dueSlot(batch, spec));
    const isChanged = slot === undefined && this.#again.delete(batch.id);
    if (slot === undefined && !isChanged) return this.#retries.settled(batch.id);
    this.#begin(batch, spec, slot ?? crypto.randomUUID()).catch((error: unknown) => {
      if (isChanged && !(error instanceof NotRun)) this.#again.add(batch.id); // it has been told
    });
  }

  /** The newest due time, if it has come; else it wakes then. */
  async #dueSlot(batch: Batch, { trigger }: BatchSpec): Promise<string | undefined> {
    if (batch.state !== "active" || trigger.kind !== "schedule") return undefined;
    const now = this.batches.time.now();
    const due = batch.next_due_at === null ? undefined : Date.parse(batch.next_due_at);
    if (due !== undefined && due <= now) return rfc3339(newestDue(trigger, due, now) ?? due);
    const next = due ?? nextDue(trigger, now);
    if (next === undefined) return undefined;
    if (due === undefined) await this.#reschedule(batch, next);
    this.#dueAt = Math.min(this.#dueAt, next + SPREAD_MS * Math.random());
    this.#wake(this.#onClock(this.#dueAt));
    return undefined;
  }

  /** A time of the server's, by the clock that is slept by. */
  #onClock(time: number): number {
    return this.client.clock.now() + time - this.batches.time.now();
  }

  /** Nobody has said when it is due next: whoever ran it had another spec, or could not read this one. */
  async #reschedule(batch: Batch, due: number): Promise<void> {
    try {
      await this.batches.reschedule(batch.id, due, { ifMatch: batch.etag, signal: this.#stop.signal });
    } catch (error) {
      if (!isProblem(error, "precondition_failed", "not_found")) throw error;
      this.#wake();
    }
  }

  /** Rejects with `NotRun`, the session's end, or what a look would throw; each is told here already where it is of interest. */
  #begin(batch: Batch, spec: BatchSpec, slot: string): Promise<Ending> {
    const entry: { lease?: Lease; over: Promise<void> } = { over: Promise.resolve() };
    this.#running.set(batch.id, entry);
    const ending = this.#slots.run(batch, spec, slot, (lease) => (entry.lease = lease), this.#stop.signal);
    const settled = (): void => {
      this.#retries.settled(batch.id);
      this.#wake(this.client.clock.now() + GAP_MS);
    };
    const failed = (error: unknown): void => (error instanceof NotRun ? settled() : this.#failRun(batch.id, error));
    entry.over = ending.then(settled, failed).finally(() => this.#running.delete(batch.id));
    return ending;
  }

  #applying({ record_id: id }: ChatAction): void {
    if (id != null) this.#own.set(id, this.client.clock.now() + OWN_MS);
  }

  /** What the app's own functions throw must not end what goes on in the background. */
  #tell(say: () => unknown): void {
    const heard = async (): Promise<void> => void (await say());
    const failed = async (error: unknown): Promise<void> => this.#options.onError?.(error, undefined);
    heard().catch(failed).catch(() => {}); // nobody is left who could be told
  }
}
