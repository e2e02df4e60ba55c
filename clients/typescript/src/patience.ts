import type { Clock } from "./clock.js";
import type { Pace } from "./pace.js";
import { retryAfter } from "./problem.js";

export interface RetryOptions {
  /**
   * Seconds that one call may spend waiting because the server said so (`Retry-After` of a 429 or a 503), in all. What
   * would take longer is thrown at once, with its `retryAfter`.
   */
  maxWait: number;
  /** How often a request that may be repeated is sent again when the connection was lost before the answer came. */
  lostAnswers: number;
}

export const RETRY: RetryOptions = { maxWait: 300, lostAnswers: 2 };

/** Something is put off: show it, or abort it with the call's signal. */
export interface Wait {
  /**
   * `rate_limited`, `unavailable`: the server said so (429, 503). `connection`: an answer was lost. `pace`: work in the
   * background leaves the rest of this minute's requests to the user.
   */
  reason: "rate_limited" | "unavailable" | "connection" | "pace";
  seconds: number;
}

const LOST_SECONDS = 0.5;

/** Sends a request until it is answered with something that does not say "later". */
export class Patience {
  constructor(
    private readonly fetch: typeof globalThis.fetch,
    readonly options: RetryOptions,
    readonly clock: Clock,
    private readonly pace: Pace,
    readonly onWait: (wait: Wait) => void,
  ) {}

  /**
   * `make` gives the request anew for each attempt. `repeatable`: doing it twice is doing it once, which otherwise is
   * taken from the method and the `Idempotency-Key`. A 429 was not carried out, so any request is sent again after it;
   * after a 503 or a lost answer nobody knows, so only a repeatable one is.
   */
  async send(make: () => Request | Promise<Request>, repeatable = false): Promise<Response> {
    let waited = 0;
    let lost = 0;
    for (;;) {
      const request = await make();
      const again = repeatable || isRepeatable(request);
      let response: Response;
      try {
        response = await this.fetch(request);
      } catch (error) {
        if (request.signal.aborted || !again || lost >= this.options.lostAnswers) throw error;
        lost += 1;
        await this.#wait({ reason: "connection", seconds: LOST_SECONDS * lost }, request.signal);
        continue;
      }
      this.pace.observe(response);
      const wait = waitFor(response, again);
      if (wait === undefined || waited + wait.seconds > this.options.maxWait) return response;
      waited += wait.seconds;
      await response.body?.cancel();
      await this.#wait(wait, request.signal);
    }
  }

  async #wait(wait: Wait, signal: AbortSignal): Promise<void> {
    this.onWait(wait);
    await this.clock.sleep(wait.seconds * 1000, signal);
  }
}

function isRepeatable({ method, headers }: Request): boolean {
  return (method !== "POST" && method !== "PATCH") || headers.has("Idempotency-Key");
}

function waitFor(response: Response, again: boolean): Wait | undefined {
  const seconds = retryAfter(response);
  if (seconds === undefined) return undefined;
  if (response.status === 429) return { reason: "rate_limited", seconds };
  return response.status === 503 && again ? { reason: "unavailable", seconds } : undefined;
}
