import type { Clock } from "./clock.js";
import type { Connectivity } from "./connectivity.js";
import type { Pace } from "./pace.js";
import { retryAfter, UnexpectedResponse } from "./problem.js";
import { AdiuvaTimeoutError, fetchInTime, patienceFor, type Timeouts } from "./timeouts.js";

export interface RetryOptions {
  /**
   * Seconds that one call may spend waiting between its attempts (`Retry-After` of a 429 or a 503, and the pauses below), in
   * all. What would take longer is thrown at once, with its `retryAfter`.
   */
  maxWait: number;
  /** How often a request that may be repeated is sent again when the connection was lost before the answer came, or stood still (408). */
  lostAnswers: number;
  /** The same after a 502, 503 or 504 that names no time. The pauses are half a second, one, two, … up to eight, each a bit shorter by chance. */
  unavailable: number;
}

export const RETRY: RetryOptions = { maxWait: 300, lostAnswers: 2, unavailable: 4 };
/** Nothing is sent twice, not even after a 429. */
export const NO_RETRY: RetryOptions = { maxWait: 0, lostAnswers: 0, unavailable: 0 };

/** Something is put off: show it, or abort it with the call's signal. */
export interface Wait {
  /**
   * `rate_limited`, `unavailable`: the server said so (429, 503). `connection`: an answer was lost. `pace`: work in the
   * background leaves the rest of this minute's requests to the user.
   */
  reason: "rate_limited" | "unavailable" | "connection" | "pace";
  seconds: number;
}

const FIRST_SECONDS = 0.5;
const LONGEST_SECONDS = 8;
const GATEWAY = new Set([502, 503, 504]);
/** Problems with such a status that another attempt meets again: a store has lost the bytes, the operator has set nothing up. */
const LASTING = /"code":\s*"(upstream_error|not_configured)"/;

export interface Sending {
  /** Doing it twice is doing it once, which otherwise is taken from the method and the `Idempotency-Key`. */
  repeatable?: boolean | undefined;
  /** Milliseconds in which an answer has to begin, and from one piece of it to the next; the client's own unless given. */
  timeout?: number | undefined;
  /** Of the request's body, where that is known: what is large takes its time. */
  bytes?: number | undefined;
  /** Ends the waiting between attempts, not an attempt. */
  until?: ((request: Request) => AbortSignal | undefined) | undefined;
}

/** Sends a request until it is answered with something that does not say "later". */
export class Patience {
  constructor(
    private readonly fetch: typeof globalThis.fetch,
    readonly options: RetryOptions,
    readonly timeouts: Timeouts,
    readonly clock: Clock,
    private readonly pace: Pace,
    readonly connectivity: Connectivity,
    readonly onWait: (wait: Wait) => void,
  ) {}

  /**
   * `make` gives the request anew for each attempt. A 429 was not carried out, so any request is sent again after it; after a
   * 408, 502, 503, 504 or a lost answer nobody knows, so only a repeatable one is. What has timed out is not: it has had its time.
   */
  async send(make: () => Request | Promise<Request>, { repeatable = false, timeout, bytes, until }: Sending = {}): Promise<Response> {
    const again = new Again(this.options);
    for (;;) {
      const request = await make();
      const mayRepeat = repeatable || isRepeatable(request);
      const usual = patienceFor(request, this.timeouts, bytes);
      let response: Response | undefined;
      let wait: Wait | undefined;
      let trouble: unknown;
      let isHasty = false;
      try {
        response = await this.#fetch(request, timeout ?? usual, timeout ?? Math.min(usual, this.timeouts.answer));
        if (GATEWAY.has(response.status)) response = await whole(response);
      } catch (error) {
        if (request.signal.aborted) throw error;
        response = undefined; // half of it may have come
        trouble = error;
        isHasty = error instanceof AdiuvaTimeoutError && error.milliseconds < Math.min(usual, this.timeouts.answer);
        wait = mayRepeat && !(error instanceof AdiuvaTimeoutError) ? again.afterLoss() : undefined;
      }
      if (response !== undefined) {
        this.pace.observe(response);
        wait = again.after(response, mayRepeat);
        if (isGatewaysOwn(response)) trouble = new UnexpectedResponse(response.status);
      }
      if (trouble === undefined) this.connectivity.answered();
      else if (!isHasty) this.connectivity.unanswered(trouble, wait !== undefined);
      if (wait === undefined) {
        if (response === undefined) throw trouble;
        return response;
      }
      await response?.body?.cancel();
      this.onWait(wait);
      const end = until?.(request);
      await this.clock.sleep(wait.seconds * 1000, end === undefined ? request.signal : AbortSignal.any([request.signal, end]));
    }
  }

  #fetch(request: Request, answer: number, piece: number): Promise<Response> {
    return fetchInTime(this.fetch, request, { answer, piece });
  }
}

/** How long one call has waited, and how often it was sent again. */
class Again {
  #waited = 0;
  #lost = 0;
  #unavailable = 0;

  constructor(private readonly options: RetryOptions) {}

  afterLoss(): Wait | undefined {
    if (this.#lost >= this.options.lostAnswers) return undefined;
    return this.#allowed({ reason: "connection", seconds: pauseAfter(this.#lost++) });
  }

  after(response: Response & { isLasting?: boolean }, mayRepeat: boolean): Wait | undefined {
    const named = retryAfter(response);
    if (response.status === 429) return named === undefined ? undefined : this.#allowed({ reason: "rate_limited", seconds: named });
    // The connection stood still while the body was sent, and is closed.
    if (response.status === 408) return mayRepeat ? this.afterLoss() : undefined;
    if (!GATEWAY.has(response.status) || !mayRepeat || response.isLasting === true) return undefined;
    if (named !== undefined) return this.#allowed({ reason: "unavailable", seconds: named });
    if (this.#unavailable >= this.options.unavailable) return undefined;
    return this.#allowed({ reason: "unavailable", seconds: pauseAfter(this.#unavailable++) });
  }

  #allowed(wait: Wait): Wait | undefined {
    if (this.#waited + wait.seconds > this.options.maxWait) return undefined;
    this.#waited += wait.seconds;
    return wait;
  }
}

/** Never the same for all who have lost the same server. */
function pauseAfter(failures: number): number {
  return Math.min(FIRST_SECONDS * 2 ** failures, LONGEST_SECONDS) * (0.75 + Math.random() / 4);
}

function isRepeatable({ method, headers }: Request): boolean {
  return (method !== "POST" && method !== "PATCH") || headers.has("Idempotency-Key");
}

function isDocument({ headers }: Response): boolean {
  return headers.get("Content-Type")?.startsWith("application/problem+json") === true;
}

/** There is a proxy, and no server behind it. */
function isGatewaysOwn(response: Response): boolean {
  return GATEWAY.has(response.status) && !isDocument(response);
}

/** A problem that was read, to see whether it lasts. */
async function whole(response: Response): Promise<Response & { isLasting?: boolean }> {
  if (!isDocument(response)) return response;
  const text = await response.text();
  const { status, statusText, headers } = response;
  return Object.assign(new Response(text, { status, statusText, headers }), { isLasting: LASTING.test(text) });
}
