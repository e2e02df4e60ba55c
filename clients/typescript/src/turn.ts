import { AdiuvaProblem } from "./problem.js";
import type { ActionFrame, ChatAction, ChatRequest, ChunkFrame, ClientFrame, DoneFrame, Problem, ServerFrame } from "./types.js";

export interface TurnOptions {
  onChunk?: (text: string) => void;
  /** `action.id` is unique: apply each once. Ask the user first where it is `destructive`. */
  onAction?: (action: ChatAction) => void;
  signal?: AbortSignal;
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

/** One request and its answer: `await turn.result`, or read frames as they come with `for await`. */
export class Turn implements AsyncIterable<ChunkFrame | ActionFrame> {
  readonly id = crypto.randomUUID();
  readonly result: Promise<DoneFrame>;
  /** Seconds that it was put off. */
  waited = 0;
  /** Answers to the server's reads, by their ids: one that comes again on another socket is not carried out again. */
  readonly answers = new Map<string, Promise<ClientFrame>>();
  #place: { turnId: string; seq: number } | undefined;
  #begun = false;
  #cancelled = false;
  #text = "";
  #actions = new Map<string, ChatAction>();
  #frames: (ChunkFrame | ActionFrame)[] = [];
  #wake: (() => void) | undefined;
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

  /** Where another socket can go on; `undefined` while nothing has come that says so. */
  get place(): { turnId: string; seq: number } | undefined {
    return this.#place;
  }

  get isCancelled(): boolean {
    return this.#cancelled;
  }

  /** The model's call ends; `result` is what came until then, with `cancelled: true`. */
  readonly cancel = (): void => {
    if (this.#over) return;
    this.#cancelled = true;
    this.onCancel(this);
  };

  /** Notes the number of `frame`; false for one that has come before. */
  isNew({ turn_id: turnId, seq }: ServerFrame): boolean {
    if (turnId === undefined || seq === undefined) return true;
    if (this.#place?.turnId === turnId && seq <= this.#place.seq) return false;
    this.#place = { turnId, seq };
    return true;
  }

  /** It was put off: the server's next attempt has another id, and there is nothing to go on with until it comes. */
  beginAnew(): void {
    this.#place = undefined;
  }

  take(frame: ChunkFrame | ActionFrame): void {
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
    this.#wake?.();
  }

  failure(problem: Problem): TurnFailed {
    return new TurnFailed(problem, this.#text, [...this.#actions.values()]);
  }

  finish(end: DoneFrame | Error): void {
    if (this.#over) return;
    this.#over = true;
    this.options.signal?.removeEventListener("abort", this.cancel);
    if (end instanceof Error) this.#reject(end);
    else this.#resolve(end);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChunkFrame | ActionFrame, void, undefined> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        yield frame;
      } else if (this.#over) {
        await this.result;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
