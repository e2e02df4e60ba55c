import type { ActionFrame, ChatAction, ChatRequest, ChunkFrame, DoneFrame } from "./types.js";

export interface TurnOptions {
  onChunk?: (text: string) => void;
  /** `action.id` is unique: apply each once. Ask the user first where it is `destructive`. */
  onAction?: (action: ChatAction) => void;
  signal?: AbortSignal;
}

/** One request and its answer: `await turn.result`, or read frames as they come with `for await`. */
export class Turn implements AsyncIterable<ChunkFrame | ActionFrame> {
  readonly id = crypto.randomUUID();
  readonly result: Promise<DoneFrame>;
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

  /** The model's call ends; `result` is what came until then, with `cancelled: true`. */
  readonly cancel = (): void => {
    if (!this.#over) this.onCancel(this);
  };

  take(frame: ChunkFrame | ActionFrame): void {
    if (frame.type === "chunk") this.options.onChunk?.(frame.text);
    else this.options.onAction?.(frame.action);
    this.#frames.push(frame);
    this.#wake?.();
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
