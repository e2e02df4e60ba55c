import type { Patience } from "./patience.js";
import { AdiuvaProblem, isProblem, UnexpectedResponse } from "./problem.js";
import { AdiuvaTimeoutError } from "./timeouts.js";

const FIRST_SECONDS = 0.5;
const LONGEST_SECONDS = 30;

/**
 * For a transfer that may take hours, and more than one connection: it is given up once nothing has got through for as long
 * as `retry.maxWait` allows to wait.
 */
export class Endurance {
  #tries = 0;
  #waited = 0;

  /** `passing`: the statuses of problems that another attempt may not meet. */
  constructor(
    private readonly patience: Patience,
    private readonly passing: ReadonlySet<number>,
    private readonly signal?: AbortSignal,
  ) {}

  /** Something has got through: what was waited until now does not count any more. */
  progress(): void {
    this.#tries = 0;
    this.#waited = 0;
  }

  /** What `work` gives; `undefined` after it was interrupted and a pause: try again. Throws what trying again cannot help. */
  async attempt<Value>(work: () => Promise<Value>): Promise<Value | undefined> {
    try {
      this.signal?.throwIfAborted();
      return await work();
    } catch (error) {
      await this.#pause(error);
      return undefined;
    }
  }

  async #pause(error: unknown): Promise<void> {
    if (this.signal?.aborted === true || !this.#passes(error)) throw error;
    const named = error instanceof AdiuvaProblem || error instanceof UnexpectedResponse ? error.retryAfter : undefined;
    const seconds = named ?? Math.min(FIRST_SECONDS * 2 ** this.#tries, LONGEST_SECONDS);
    if (this.#waited + seconds > this.patience.options.maxWait) throw error;
    this.#tries += 1;
    this.#waited += seconds;
    this.patience.onWait({ reason: isProblem(error) ? "unavailable" : "connection", seconds });
    await this.patience.clock.sleep(seconds * 1000, this.signal);
  }

  #passes(error: unknown): boolean {
    if (error instanceof AdiuvaProblem) return this.passing.has(error.status);
    if (error instanceof UnexpectedResponse) return error.status >= 500 || error.status === 408; // a proxy without a server behind it, or one that has lost patience
    if (error instanceof AdiuvaTimeoutError) return true;
    return error instanceof TypeError; // what `fetch` throws without a connection, and a body that breaks off
  }
}
