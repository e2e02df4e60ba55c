/** Does `work` for each item, `width` at a time. After a failure nothing new is begun, and what runs is waited for. */
export async function each<Item>(items: readonly Item[], width: number, work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items];
  const failures: unknown[] = [];
  const runner = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
        queue.length = 0;
      }
    }
  };
  await Promise.all(Array.from({ length: width }, runner));
  if (failures.length > 0) throw failures[0];
}

/** One after another, in the order of the calls. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve();

  run<Value>(work: () => Value | Promise<Value>): Promise<Value> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
