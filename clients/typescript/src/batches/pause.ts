import { askedFor, pauseAfter } from "../sync/hints.js";

/** Of a time that the server asked for, so much is left to it whatever happens: sockets may open while it is too busy for more. */
const LEAST_ASKED_MS = 60_000;

/** Calls `heard` whenever the browser says that there is a network again. */
export function whenOnline(heard: () => void, signal: AbortSignal): void {
  const window = globalThis as { addEventListener?: typeof addEventListener };
  window.addEventListener?.("online", heard, { signal });
}

/** How long a runner asks for nothing: after a failure, which a sign of life ends, and as the server says, whose first minute nothing ends. */
export class Pause {
  #failures = 0;
  #ownUntil = 0;
  #askedUntil = 0;
  #firstMinuteUntil = 0;

  get until(): number {
    return Math.max(this.#ownUntil, this.#askedUntil);
  }

  /** Milliseconds until the next attempt. */
  failed(error: unknown, now: number): number {
    this.#failures += 1;
    const pause = pauseAfter(this.#failures, error);
    this.#ownUntil = now + pause;
    this.heed(error, now);
    return pause;
  }

  /** Only what the server asks for. */
  heed(error: unknown, now: number): void {
    const asked = askedFor(error) ?? 0;
    this.#askedUntil = Math.max(this.#askedUntil, now + asked);
    this.#firstMinuteUntil = Math.max(this.#firstMinuteUntil, now + Math.min(asked, LEAST_ASKED_MS));
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** There is a network, and a server. */
  signOfLife(): void {
    this.#ownUntil = 0;
    this.#askedUntil = Math.min(this.#askedUntil, this.#firstMinuteUntil);
  }
}
