type Step<Item> = IteratorResult<Item, undefined>;

const END = { done: true, value: undefined } as const;

/** What has come and was not read yet, to be read with `for await`. */
export class Arrivals<Item> {
  readonly #items: Item[] = [];
  #isOver = false;
  #waiting: (() => void)[] = [];

  push(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  /** Nothing more comes. */
  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  /**
   * `result` is awaited at the end, so that a failure is thrown there. `onLeave` is called when the reader goes before that: by
   * `break`, by an error in the loop, by `return()`, also while a `next()` still waits, which an async generator would not notice.
   */
  read(result: Promise<unknown>, onLeave: () => void): AsyncIterableIterator<Item> {
    let isDone = false;
    const next = async (): Promise<Step<Item>> => {
      while (!isDone) {
        const item = this.#items.shift();
        if (item !== undefined) return { done: false, value: item };
        isDone = this.#isOver;
        if (isDone) await result;
        else await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      return END;
    };
    const leave = (): void => {
      if (isDone) return;
      isDone = true;
      this.#wake();
      onLeave();
    };
    const iterator: AsyncIterableIterator<Item> = {
      next,
      return: async () => (leave(), END),
      throw: async (error: unknown) => {
        leave();
        throw error;
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
