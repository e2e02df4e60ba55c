import { askedFor, pauseAfter } from "../sync/hints.js";

/**
 * When batches whose runs have failed are tried again: together, after pauses that grow. One pause for each batch would be as many looks at
 * the list, though a full disk fails them all alike; those that run are not held up.
 */
export class Retries {
  readonly #failing = new Set<string>();
  #rounds = 0;
  #at = 0;

  /** Milliseconds until it is tried again. */
  failed(batchId: string, error: unknown, now: number): number {
    this.#failing.add(batchId);
    if (now >= this.#at) {
      this.#rounds += 1; // else another one has begun the pause
      this.#at = now + pauseAfter(this.#rounds);
    }
    this.#at = Math.max(this.#at, now + (askedFor(error) ?? 0));
    return this.#at - now;
  }

  /** It has run, or there is nothing to run any more. */
  settled(batchId: string): void {
    this.#failing.delete(batchId);
    if (this.#failing.size === 0) this.#rounds = 0;
  }

  /** What is not in the list any more is not tried again. */
  keep(batchIds: readonly string[]): void {
    for (const id of [...this.#failing]) if (!batchIds.includes(id)) this.settled(id);
  }

  /** Until then a batch is left alone. */
  notBefore(batchId: string): number {
    return this.#failing.has(batchId) ? this.#at : 0;
  }

  /** There is a network again. */
  hurry(): void {
    this.#at = 0;
  }
}
