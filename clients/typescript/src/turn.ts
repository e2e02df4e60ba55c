import { Arrivals } from "./arrivals.js";
import { AdiuvaProblem } from "./problem.js";
import type { ChatAction, ChatEvent, ChatRequest, ClientFrame, DoneFrame, Problem, ProblemCode, ServerFrame } from "./types.js";

export interface TurnOptions {
  onChunk?: (text: string) => void;
  /** `action.id` is unique: apply each once. Ask the user first where it is `destructive`. */
  onAction?: (action: ChatAction) => void;
  signal?: AbortSignal;
}

/** What a conversation carries out, one after another: a turn, or a map. */
export interface Exchange {
  readonly id: string;
  readonly isOver: boolean;
  readonly isCancelled: boolean;
  /** Whether something has come of it: what has not begun may be put off. */
  readonly hasBegun: boolean;
  /** Of these refusals the server says how long to wait. */
  readonly waitsFor: readonly ProblemCode[];
  /** Milliseconds in which a lost connection may be replaced. */
  readonly keptMs: number;
  /** Seconds that it was put off. */
  waited: number;
  /** The frame that begins it. */
  opening(options: { client_tools?: boolean; resume?: boolean }): ClientFrame;
  /** Whether another connection can go on with it, and the frame that says so there. */
  readonly canGoOn: boolean;
  goOn(): ClientFrame;
  /** Why `frame` says that the server does not go on with it. */
  refusal(frame: ServerFrame): Problem | undefined;
  /** It was put off. */
  beginAnew(): void;
  /** Notes the number of `frame`; false for one that has come before. */
  isNew(frame: ServerFrame): boolean;
  take(frame: ServerFrame, write: (frame: ClientFrame) => void): void;
  /** Of one that the server never heard of, or says no word about any more. */
  withdraw(): void;
  fail(error: Error): void;
}

/**
 * A turn that ended with a problem, `resume_lost` among them: `response` and `actions` are what had arrived of it. The
 * actions may have been applied already.
 */
export class TurnFailed extends AdiuvaProblem {
  constructor(
    problem: Problem,
    readonly response: string,
    readonly actions: readonly ChatAction[],
  ) {
    super(problem);
  }
}

/**
 * One request and its answer: `await turn.result`, or read frames as they come with `for await`. Leaving the loop, by `break`, `return`
 * or an error, cancels the turn.
 */
export class Turn implements AsyncIterable<ChatEvent>, Exchange {
  readonly id = crypto.randomUUID();
  readonly result: Promise<DoneFrame>;
  readonly waitsFor: readonly ProblemCode[] = ["rate_limited"];
  /** For so long the server keeps an answer that nobody reads. */
  readonly keptMs = 60_000;
  waited = 0;
  /** Answers to the server's reads, by their ids: one that comes again on another socket is not carried out again. */
  readonly answers = new Map<string, Promise<ClientFrame>>();
  #place: { turnId: string; seq: number } | undefined;
  #begun = false;
  #cancelled = false;
  #text = "";
  #actions = new Map<string, ChatAction>();
  readonly #frames = new Arrivals<ChatEvent>();
  #over = false;
  #resolve!: (frame: DoneFrame) => void;
  #reject!: (error: Error) => void;

  /** `onCancel` tells the conversation. */
  constructor(
    readonly request: ChatRequest,
    private readonly options: TurnOptions,
    private readonly onCancel: (turn: Turn) => void,
  ) {
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.result.catch(() => {}); // who only reads frames hears of it there
    options.signal?.addEventListener("abort", this.cancel, { once: true });
  }

  get isOver(): boolean {
    return this.#over;
  }

  get hasBegun(): boolean {
    return this.#begun;
  }

  get isCancelled(): boolean {
    return this.#cancelled;
  }

  /** The model's call ends; `result` is what came until then, with `cancelled: true`. */
  readonly cancel = (): void => {
    if (this.#over || this.#cancelled) return;
    this.#cancelled = true;
    this.onCancel(this);
  };

  opening(options: { client_tools?: boolean; resume?: boolean }): ClientFrame {
    return { ...this.request, ...options, request_id: this.id } as ClientFrame; // null is absent
  }

  /** Not while nothing has come that says where. */
  get canGoOn(): boolean {
    return this.#place !== undefined;
  }

  goOn(): ClientFrame {
    const { turnId, seq } = this.#place!;
    return { type: "resume", turn_id: turnId, after: seq, request_id: this.id };
  }

  isNew(frame: ServerFrame): boolean {
    const { turn_id: turnId, seq } = frame as { turn_id?: string; seq?: number }; // a map's have none
    if (turnId === undefined || seq === undefined) return true;
    if (this.#place?.turnId === turnId && seq <= this.#place.seq) return false;
    this.#place = { turnId, seq };
    return true;
  }

  refusal(frame: ServerFrame): Problem | undefined {
    return frame.type === "error" ? frame.error : undefined;
  }

  /** The server's next attempt has another id, and there is nothing to go on with until it comes. */
  beginAnew(): void {
    this.#place = undefined;
  }

  /** What a listener throws is the turn's failure. */
  take(frame: ServerFrame): void {
    if (frame.type === "error") this.#finish(this.#failure(frame.error));
    if (frame.type === "done") this.#finish(frame as DoneFrame);
    if (frame.type !== "chunk" && frame.type !== "action") return;
    this.#begun = true;
    if (frame.type === "action") {
      if (this.#actions.has(frame.action.id)) return;
      this.#actions.set(frame.action.id, frame.action);
      this.options.onAction?.(frame.action);
    } else {
      this.#text += frame.text;
      this.options.onChunk?.(frame.text);
    }
    this.#frames.push(frame);
  }

  #failure(problem: Problem): TurnFailed {
    return new TurnFailed(problem, this.#text, [...this.#actions.values()]);
  }

  withdraw(): void {
    const nothing = { input_tokens: 0, output_tokens: 0 };
    const [response, actions] = [this.#text, [...this.#actions.values()]];
    this.#finish({ type: "done", done: true, response, actions, usage: nothing, finish_reason: "stop", cancelled: true, request_id: this.id });
  }

  fail(error: Error): void {
    this.#finish(error);
  }

  #finish(end: DoneFrame | Error): void {
    if (this.#over) return;
    this.#over = true;
    this.options.signal?.removeEventListener("abort", this.cancel);
    if (end instanceof Error) this.#reject(end);
    else this.#resolve(end);
    this.#frames.end();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<ChatEvent> {
    return this.#frames.read(this.result, this.cancel);
  }
}

/** The name that an app knows it by. */
export type ChatTurn = Turn;
