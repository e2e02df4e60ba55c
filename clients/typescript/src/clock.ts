import { FOR_EVER } from "./timeouts.js";

/** What goes on in the background is put off for no longer, whatever a server asks for: it may be back long before. */
export const MOST_PUT_OFF_MS = 900_000;

/** Time as the client sees it; tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason as soon as it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** Steady: what is to be done in a second must not wait for hours because the machine's clock was set back by as much. */
export const systemClock: Clock = { now: () => performance.timeOrigin + performance.now(), sleep };

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, Math.min(milliseconds, FOR_EVER));
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** `shared` goes on for others; who has aborted no longer waits for it. */
export function abortable<Value>(shared: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    // Also where nobody waits any more: a failure that nobody hears of ends a Node process.
    shared.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
