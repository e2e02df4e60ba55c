import type { Clock } from "../clock.js";
import { OtherAccount, SignedOut } from "../problem.js";
import { askedFor, pauseAfter, type Hint, type HintOptions, type Hints } from "./hints.js";
import type { Lock } from "./lock.js";
import type { SyncResult } from "./run.js";

export interface LiveOptions extends HintOptions {
  /** Ends it, like `stop`. */
  signal?: AbortSignal;
  /** After each synchronisation: show what came. What it throws is told to `onError`. */
  onSynced?: (result: SyncResult) => void | Promise<void>;
  /**
   * A synchronisation failed, and is tried again after so many seconds; `undefined`: never, for nobody is logged in
   * (`SignedOut`), or it is somebody else (`OtherAccount`); or it was one of these functions that failed.
   */
  onError?: (error: unknown, retryInSeconds: number | undefined) => void | Promise<void>;
  /** Everything that the server hints at: batches that are due and requests for keys, too. */
  onHint?: (hint: Hint) => void | Promise<void>;
  /** The feed is asked this often though nothing was hinted at: hints may be lost. 300 unless given. */
  pollSeconds?: number;
  /** For so long edits are collected; half a second unless given. */
  collectMs?: number;
  /** Two synchronisations do not begin closer together; a second unless given. */
  gapMs?: number;
}

/** Of a time that the server asked for, so much is left to it whatever happens: sockets may open while it is too busy for more. */
const LEAST_ASKED_MS = 60_000;

/** What a live engine needs of the engine. */
export interface Syncing {
  sync(signal: AbortSignal): Promise<SyncResult>;
  /** The number of the newest change that is known here. */
  known(): number | undefined;
}

/**
 * Synchronises when something was written here, when the server hints at something, when the network is back, and now and then.
 * Of the windows that share a store, one listens to the server (lock `live`); each sends what was written in it.
 */
export class Live {
  readonly #stop = new AbortController();
  readonly #options: LiveOptions & { pollSeconds: number; collectMs: number; gapMs: number };
  #isListening = false;
  #alarm = new AbortController();
  #dueAt = 0;
  /** The highest number that hints told of; nothing else is due unless `isDueAnyway`. */
  #hinted: number | undefined;
  #isDueAnyway = true;
  #beganAt = Number.NEGATIVE_INFINITY;
  /** A failure's pause, which a sign of life ends, and one that the server asked for, whose first minute nothing ends. */
  #pauseUntil = 0;
  #askedUntil = 0;
  #firstMinuteUntil = 0;
  #failures = 0;
  readonly #over: Promise<void>;

  constructor(
    private readonly engine: Syncing,
    private readonly hints: Hints,
    private readonly lock: Lock,
    private readonly clock: Clock,
    options: LiveOptions,
  ) {
    this.#options = { pollSeconds: 300, collectMs: 500, gapMs: 1000, ...options };
    const { signal } = options;
    const abort = (): void => this.#stop.abort(signal?.reason);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    this.#stop.signal.addEventListener("abort", () => {
      signal?.removeEventListener("abort", abort);
      this.#alarm.abort();
    });
    this.#over = Promise.all([this.#listen(), this.#work()]).then(() => undefined);
  }

  get isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void> {
    this.#stop.abort();
    return this.#over;
  }

  /** Something was written here. */
  edited(): void {
    this.#due(this.#options.collectMs);
  }

  async #listen(): Promise<void> {
    const { signal } = this.#stop;
    const online = (): void => this.#signOfLife();
    const window = globalThis as { addEventListener?: typeof addEventListener; removeEventListener?: typeof removeEventListener };
    window.addEventListener?.("online", online);
    const listen = (): Promise<never> => {
      this.#isListening = true;
      this.#due(0);
      return this.hints.listen((hint) => this.#heard(hint), signal);
    };
    try {
      await this.lock("live", listen, signal);
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    } finally {
      window.removeEventListener?.("online", online);
    }
  }

  #heard(hint: Hint): void {
    if (hint.type === "hello") this.#signOfLife();
    if (hint.type === "changes") {
      this.#hinted = Math.max(hint.seq, this.#hinted ?? 0); // the last to come need not be of the last change
      this.#wakeAt(this.clock.now());
    }
    this.#tell(() => this.#options.onHint?.(hint));
  }

  /** There is a network, and a server. */
  #signOfLife(): void {
    this.#pauseUntil = 0;
    this.#askedUntil = Math.min(this.#askedUntil, this.#firstMinuteUntil);
    this.#due(0);
  }

  #due(milliseconds: number): void {
    this.#isDueAnyway = true;
    this.#wakeAt(this.clock.now() + milliseconds);
  }

  #wakeAt(time: number): void {
    this.#dueAt = Math.min(this.#dueAt, time);
    this.#alarm.abort();
  }

  async #work(): Promise<void> {
    while (await this.#isDue()) {
      // A hint may be the server's word of what was sent from here.
      const isKnown = !this.#isDueAnyway && this.#hinted !== undefined && this.#hinted === this.engine.known();
      [this.#dueAt, this.#hinted, this.#isDueAnyway] = [Number.POSITIVE_INFINITY, undefined, false];
      if (!isKnown) await this.#sync();
      if (this.#isListening) this.#dueAt = Math.min(this.#dueAt, this.clock.now() + this.#options.pollSeconds * 1000);
    }
  }

  async #sync(): Promise<void> {
    const { signal } = this.#stop;
    this.#beganAt = this.clock.now();
    try {
      const result = await this.engine.sync(signal);
      this.#failures = 0;
      this.#tell(() => this.#options.onSynced?.(result));
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (error instanceof SignedOut || error instanceof OtherAccount) {
      this.#tell(() => this.#options.onError?.(error, undefined));
      this.#stop.abort(error);
      return;
    }
    this.#failures += 1;
    const now = this.clock.now();
    const pause = pauseAfter(this.#failures, error);
    const asked = askedFor(error) ?? 0;
    [this.#pauseUntil, this.#askedUntil] = [now + pause, now + asked];
    this.#firstMinuteUntil = now + Math.min(asked, LEAST_ASKED_MS);
    this.#due(0);
    this.#tell(() => this.#options.onError?.(error, pause / 1000));
  }

  /** Waits; false when it is over. */
  async #isDue(): Promise<boolean> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const at = Math.max(this.#dueAt, this.#pauseUntil, this.#askedUntil, this.#beganAt + this.#options.gapMs);
      const wait = at - this.clock.now();
      if (wait <= 0) return true;
      this.#alarm = new AbortController();
      await this.clock.sleep(Math.min(wait, 3_600_000), this.#alarm.signal).catch(() => undefined);
    }
    return false;
  }

  /** What the app's own functions throw must not end what goes on in the background. */
  #tell(say: () => unknown): void {
    const heard = async (): Promise<void> => void (await say());
    const failed = async (error: unknown): Promise<void> => this.#options.onError?.(error, undefined);
    heard().catch(failed).catch(() => {}); // nobody is left who could be told
  }
}
