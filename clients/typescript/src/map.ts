import { Arrivals } from "./arrivals.js";
import { AdiuvaProblem } from "./problem.js";
import { ConnectionLost } from "./socket.js";
import { AdiuvaTimeoutError } from "./timeouts.js";
import type { Exchange } from "./turn.js";
import type { ChatAction, ClientFrame, ErrorFrame, ItemsFrame, MapFrame, MapServerFrame, ModelChoice, Problem, ProblemCode, ServerFrame, Usage } from "./types.js";

export interface MapOptions extends ModelChoice {
  /** Any UUID; the same one again (with the keys that have no result yet) goes on with a run that broke off. */
  runId?: string;
  instruction: string;
  /** The tools that it may use, by name. */
  tools: readonly string[];
  /** What today is: an IANA name, or an offset from UTC. UTC unless given. */
  timezone?: string;
  /** Which records, by the app's own names for them, each once. */
  keys: Iterable<string>;
  /** Asked for when the server has room for it, and again after a lost connection. `undefined`: it is not there any more. */
  record: (key: string) => object | undefined | Promise<object | undefined>;
  onProgress?: (progress: MapProgress) => void;
  signal?: AbortSignal;
}

export interface MapProgress {
  completed: number;
  failed: number;
  total: number;
}

/** What became of one record. `skipped`: it was not there any more. */
export interface MapItem {
  key: string;
  status: "done" | "failed" | "skipped";
  /** Each `id` is the same whenever this run does this record again: apply each once. */
  actions: ChatAction[];
  /** Of a failed one: its `code`, `payload_too_large` for a record over 16 KiB. */
  error?: Pick<Problem, "code" | "detail">;
  usage: Usage;
}

/** `partial`: not every record is done. `skipped` are those that nothing was done with. */
export interface MapResult {
  outcome: "succeeded" | "partial";
  items: { total: number; done: number; failed: number; skipped: number };
  usage: Usage;
  /** What has ended it before its last record: a provider that is down, a budget that is used up. */
  error?: Problem;
  cancelled?: boolean;
}

/** The contract's bounds: bytes of a record's JSON, and records in a frame. */
const MAX_RECORD_BYTES = 16 * 1024;
const MAX_ITEMS = 20;
const NOTHING: Usage = { input_tokens: 0, output_tokens: 0 };
const TOO_LARGE = { code: "payload_too_large", detail: `A record has at most ${MAX_RECORD_BYTES} bytes.` } as const;
/** Connections in a row that were lost before anything came of them. */
const MAX_VAIN = 5;
const KEPT_MS = 300_000;

/**
 * One instruction over many records, on a conversation: `for await (const item of run)`, then `await run.result`. Leaving the loop ends
 * it. A lost connection is replaced by another that does what has no result yet; what was done twice has the same ids.
 */
export class MapRun implements AsyncIterable<MapItem>, Exchange {
  readonly id = crypto.randomUUID();
  readonly runId: string;
  readonly result: Promise<MapResult>;
  readonly waitsFor: readonly ProblemCode[] = ["rate_limited", "upstream_unavailable"];
  readonly keptMs = KEPT_MS;
  waited = 0;
  /** Keys without a result. */
  readonly #rest: Set<string>;
  readonly #items = { total: 0, done: 0, failed: 0, skipped: 0 };
  /** Of earlier connections, and of this one so far. */
  #usage = NOTHING;
  #before = NOTHING;
  /** Rises with each connection. */
  #connection = 0;
  #vain = 0;
  #toOffer: string[] = [];
  #needed = 0;
  #isFeeding = false;
  #stopped: Problem | undefined;
  #failure: Error | undefined;
  #cancelled = false;
  readonly #frames = new Arrivals<MapItem>();
  #over = false;
  #resolve!: (result: MapResult) => void;
  #reject!: (error: Error) => void;

  /** `onCancel` tells the conversation. */
  constructor(
    private readonly options: MapOptions,
    private readonly onCancel: (run: MapRun) => void,
  ) {
    this.runId = options.runId ?? crypto.randomUUID();
    this.#rest = new Set(options.keys);
    this.#items.total = this.#rest.size;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.result.catch(() => {}); // who only reads items hears of it there
    options.signal?.addEventListener("abort", this.cancel, { once: true });
    if (this.#rest.size === 0) this.#end();
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** The rest may always be put off. */
  get hasBegun(): boolean {
    return false;
  }

  get isCancelled(): boolean {
    return this.#cancelled;
  }

  /** What it has cost until now. */
  get usage(): Usage {
    return { ...this.#usage };
  }

  /** Every call of a model's ends; `result` is what came until then, with `cancelled: true`. */
  readonly cancel = (): void => {
    if (this.#over || this.#cancelled) return;
    this.#cancelled = true;
    this.onCancel(this);
  };

  opening(): ClientFrame {
    return this.#frame();
  }

  get canGoOn(): boolean {
    return !this.#cancelled && this.#rest.size > 0 && this.#vain < MAX_VAIN;
  }

  goOn(): ClientFrame {
    this.#vain += 1;
    return this.#frame();
  }

  #frame(): MapFrame {
    this.#connection += 1;
    this.#before = this.#usage;
    this.#toOffer = [...this.#rest];
    this.#needed = 0;
    const { instruction, tools, model, provider, timezone } = this.options;
    const choice = { ...(model == null ? {} : { model }), ...(provider == null ? {} : { provider }), ...(timezone === undefined ? {} : { timezone }) };
    return { type: "map", run_id: this.runId, instruction, tools: [...tools], total: this.#rest.size, ...choice, request_id: this.id };
  }

  /** A server that restarts, for one, ends a map with what it has done of it. */
  refusal(frame: ServerFrame): Problem | undefined {
    if (frame.type === "error") return frame.error;
    const said = frame as MapServerFrame;
    if (said.type !== "done" || this.#cancelled || this.#rest.size === 0) return undefined;
    this.#usage = sum(this.#before, said.usage);
    return said.error;
  }

  beginAnew(): void {}

  isNew(): boolean {
    return true;
  }

  take(frame: ServerFrame, write: (frame: ClientFrame) => void): void {
    const said = frame as MapServerFrame | ErrorFrame;
    switch (said.type) {
      case "error":
        this.fail(new AdiuvaProblem(said.error));
        break;
      case "need":
        this.#needed += said.count;
        void this.#feed(write);
        break;
      case "item":
        this.#vain = 0;
        this.#usage = sum(this.#usage, said.usage);
        this.#settle(said);
        break;
      case "done":
        this.#stopped = said.error;
        this.#usage = sum(this.#before, said.usage);
        this.#end();
        break;
    }
  }

  withdraw(): void {
    this.#end();
  }

  /** One that was to be cancelled has ended as it should: the server cancels what nobody listens to. */
  fail(error: Error): void {
    const isOver = (error instanceof ConnectionLost || error instanceof AdiuvaTimeoutError) && (this.#cancelled || this.#rest.size === 0);
    if (!isOver) this.#failure ??= error;
    this.#end();
  }

  async #feed(write: (frame: ClientFrame) => void): Promise<void> {
    if (this.#isFeeding) return;
    this.#isFeeding = true;
    try {
      while (this.#needed > 0 && this.#toOffer.length > 0 && !this.#over && !this.#cancelled) {
        const connection = this.#connection;
        const items: ItemsFrame["items"] = [];
        for (const key of this.#toOffer.splice(0, Math.min(this.#needed, MAX_ITEMS))) {
          const record = await this.options.record(key);
          if (connection !== this.#connection || this.#over) break; // another one asks for all of them again
          const size = record === undefined ? 0 : new TextEncoder().encode(JSON.stringify(record)).length;
          if (record !== undefined && size <= MAX_RECORD_BYTES) items.push({ key, record });
          else if (record === undefined) this.#settle({ key, status: "skipped", actions: [], usage: NOTHING });
          else this.#settle({ key, status: "failed", actions: [], error: TOO_LARGE, usage: NOTHING });
        }
        const isShort = this.#needed > items.length && this.#toOffer.length === 0; // than it was promised
        if (connection !== this.#connection || this.#over) continue;
        this.#needed -= items.length;
        if (items.length > 0) write({ type: "items", items, request_id: this.id });
        if (isShort) write({ type: "items", items: [], request_id: this.id });
      }
    } catch (error) {
      this.#failure = error as Error;
      this.cancel();
    } finally {
      this.#isFeeding = false;
    }
  }

  #settle({ key, status, actions, error, usage }: MapItem): void {
    if (this.#over || !this.#rest.delete(key)) return; // it has had its result
    this.#items[status] += 1;
    this.#frames.push({ key, status, actions, ...(error === undefined ? {} : { error }), usage });
    const { done: completed, failed, total } = this.#items;
    this.options.onProgress?.({ completed, failed, total });
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.options.signal?.removeEventListener("abort", this.cancel);
    if (this.#failure !== undefined) {
      this.#reject(this.#failure);
    } else {
      const items = { ...this.#items, skipped: this.#items.skipped + this.#rest.size };
      const outcome = items.done === items.total ? "succeeded" : "partial";
      const ending = { ...(this.#stopped === undefined ? {} : { error: this.#stopped }), ...(this.#cancelled ? { cancelled: true } : {}) };
      this.#resolve({ outcome, items, usage: this.usage, ...ending });
    }
    this.#frames.end();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<MapItem> {
    return this.#frames.read(this.result, this.cancel);
  }
}

function sum(one: Usage, other: Usage): Usage {
  return { input_tokens: one.input_tokens + other.input_tokens, output_tokens: one.output_tokens + other.output_tokens };
}
