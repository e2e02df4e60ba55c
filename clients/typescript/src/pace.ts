import { abortable, MOST_PUT_OFF_MS, type Clock } from "./clock.js";
import type { Wait } from "./patience.js";
import { retryAfter } from "./problem.js";

/** Of a minute's requests this share is left to what the user does while work goes on in the background. */
const RESERVED = 0.1;
/** A request counts up to and including its last moment. */
const MARGIN_MS = 100;

/**
 * How fast the background may go, by what the last answers said (`RateLimit-Remaining`, `RateLimit-Reset`): all of a
 * user's devices and windows share one minute's requests, and a first synchronisation must not take the chat's.
 */
export class Pace {
  #left = Number.POSITIVE_INFINITY;
  #running = 0;
  #closedUntil = 0;
  #announced = 0;
  #waiting: (() => void)[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly onWait: (wait: Wait) => void,
  ) {}

  observe(response: Response): void {
    const now = this.clock.now();
    const [limit, remaining, reset] = ["Limit", "Remaining", "Reset"].map((name) => numberOf(response, `RateLimit-${name}`));
    if (limit !== undefined && remaining !== undefined && reset !== undefined) {
      this.#left = remaining - Math.ceil(limit * RESERVED);
      // The first answer that found it empty counts: those of others would put it off for ever.
      if (this.#left <= 0 && this.#closedUntil <= now) this.#closedUntil = now + Math.min(reset * 1000, MOST_PUT_OFF_MS) + MARGIN_MS;
    }
    // Where the window has room, it is a limit of that route's own, which may last for hours: of reports, of mails.
    if (response.status === 429 && (remaining === undefined || remaining <= 0)) {
      const seconds = Math.min(retryAfter(response) ?? 0, reset ?? Number.POSITIVE_INFINITY);
      this.#closedUntil = Math.max(this.#closedUntil, now + Math.min(seconds * 1000, MOST_PUT_OFF_MS));
    }
  }

  /** Does `work`, which is one request, when there is room for it. */
  async turn<Value>(work: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    for (;;) {
      signal?.throwIfAborted();
      const pause = this.#closedUntil - this.clock.now();
      if (pause > 0) {
        if (this.#announced !== this.#closedUntil) this.onWait({ reason: "pace", seconds: Math.ceil(pause / 1000) });
        this.#announced = this.#closedUntil;
        await this.clock.sleep(pause, signal);
      } else if (this.#running < this.#left || this.#running === 0) {
        break; // after a pause, one goes ahead and finds out how many are left
      } else {
        const free = new Promise<void>((resolve) => this.#waiting.push(resolve));
        await (signal === undefined ? free : abortable(free, signal));
      }
    }
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }
}

function numberOf(response: Response, header: string): number | undefined {
  const text = response.headers.get(header);
  const number = Number(text);
  return text === null || !Number.isFinite(number) ? undefined : number;
}
