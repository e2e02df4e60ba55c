import { abortable, MOST_PUT_OFF_MS, type Clock } from "../clock.js";
import type { Connectivity } from "../connectivity.js";
import { AdiuvaProblem, SignedOut, UnexpectedResponse } from "../problem.js";
import { NoWebSocket, platformWebSocket, type WebSocketClass } from "../socket.js";
import { after, TIMEOUTS } from "../timeouts.js";

/** What the server says over `WS /sync`: never content, and any of it may be lost. `seq`: of the feed's newest change. */
export type Hint =
  | { type: "hello"; seq: number; due: string[]; key_requests: string[] }
  | { type: "changes"; seq: number }
  | ({ type: "batch_due" | "key_request" } & Record<string, unknown>);

/** What is said of the connection itself. */
type Sign = { type: "ping" | "revoked" };

export interface HintOptions {
  /** For a platform that has none, or for tests. */
  WebSocket?: WebSocketClass;
  /** The server pings every 30 seconds; a connection silent for longer than this is dead. The client's `timeouts.silence` unless given. */
  silenceMs?: number;
}

const FIRST_PAUSE_MS = 2_000;
const MOST_PAUSE_MS = 60_000;
const OPEN = 1;

/** Twice as long after each failure, and never the same for all who lost the same server; at least what the server asks for. */
export function pauseAfter(failures: number, error?: unknown): number {
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, failures - 1), MOST_PAUSE_MS) * (0.5 + Math.random() / 2);
  return Math.max(pause, askedFor(error) ?? 0);
}

/** Milliseconds, of a `Retry-After`; a quarter of an hour at most. */
export function askedFor(error: unknown): number | undefined {
  const seconds = error instanceof AdiuvaProblem || error instanceof UnexpectedResponse ? error.retryAfter : undefined;
  return seconds === undefined ? undefined : Math.min(seconds * 1000, MOST_PUT_OFF_MS);
}

/** One socket, made anew as often as it is lost. */
export class Hints {
  /** `address` gives the URL with a ticket, which works once. */
  constructor(
    private readonly address: (signal: AbortSignal) => Promise<string>,
    private readonly clock: Clock,
    private readonly options: HintOptions = {},
    private readonly connectivity?: Connectivity,
  ) {}

  /** Until the signal, whose reason it throws; or `SignedOut`, or `NoWebSocket`. */
  async listen(heard: (hint: Hint) => void, signal: AbortSignal): Promise<never> {
    try {
      return await this.#listen(heard, signal);
    } finally {
      this.connectivity?.settled(this, "sync"); // nobody wants it any more
    }
  }

  async #listen(heard: (hint: Hint) => void, signal: AbortSignal): Promise<never> {
    for (let failures = 0; ; ) {
      let failure: unknown;
      try {
        failures = (await this.#connect(heard, signal)) ? 1 : failures + 1;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SignedOut || error instanceof NoWebSocket) throw error;
        failure = error;
        failures += 1;
      }
      signal.throwIfAborted();
      this.connectivity?.lost(this, "sync", failure);
      await this.#pause(pauseAfter(failures, failure), signal);
    }
  }

  /** Over when the socket is; whether the server had said hello. */
  async #connect(heard: (hint: Hint) => void, signal: AbortSignal): Promise<boolean> {
    const Socket = this.options.WebSocket ?? (await platformWebSocket());
    const socket = new Socket(await abortable(this.address(signal), signal));
    return new Promise((resolve) => {
      let hasGreeted = false;
      let silence: ReturnType<typeof setTimeout> | undefined;
      const end = (): void => {
        clearTimeout(silence);
        signal.removeEventListener("abort", end);
        socket.close();
        resolve(hasGreeted);
      };
      const wait = (): void => {
        clearTimeout(silence);
        silence = after(this.options.silenceMs ?? TIMEOUTS.silence, end);
      };
      signal.addEventListener("abort", end);
      socket.addEventListener("error", end);
      socket.addEventListener("close", end);
      socket.addEventListener("message", ({ data }) => {
        if (signal.aborted) return;
        wait();
        const frame = JSON.parse(String(data)) as Hint | Sign;
        if (frame.type === "ping" && socket.readyState === OPEN) socket.send(JSON.stringify({ type: "pong" }));
        if (isSign(frame)) return;
        hasGreeted ||= frame.type === "hello";
        if (hasGreeted) this.connectivity?.settled(this, "sync");
        heard(frame);
      });
      wait();
      if (signal.aborted) end();
    });
  }

  /** Shorter where the platform says that there is a network again. */
  async #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    const isOver = new AbortController();
    const end = (): void => isOver.abort();
    const window = globalThis as { addEventListener?: typeof addEventListener; removeEventListener?: typeof removeEventListener };
    signal.addEventListener("abort", end);
    window.addEventListener?.("online", end);
    try {
      await this.clock.sleep(milliseconds, isOver.signal).catch(() => signal.throwIfAborted());
    } finally {
      signal.removeEventListener("abort", end);
      window.removeEventListener?.("online", end);
    }
  }
}

function isSign(frame: Hint | Sign): frame is Sign {
  return frame.type === "ping" || frame.type === "revoked";
}
