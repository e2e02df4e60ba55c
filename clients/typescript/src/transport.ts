import { problemOf, retryAfter } from "./problem.js";
import type { Session } from "./session.js";

/** These take no token; a 401 of theirs is about the credentials in the body. */
const PUBLIC = new Set(["auth/login", "auth/refresh", "auth/register", "billing/tiers", "health", "health/ready"]);
const PREFIX = "/api/v1/";

export interface RetryOptions {
  /** How often a request that was told to wait (429, and 503 of a GET) is sent again. */
  attempts: number;
  /** A longer `Retry-After` than this, in seconds, is not waited for: the problem is thrown at once. */
  maxWait: number;
}

/** Sends a request as often as it takes: with a token, with a fresh one after a 401, later after a 429. */
export class Transport {
  constructor(
    private readonly session: Session,
    private readonly fetch: typeof globalThis.fetch,
    private readonly retry: RetryOptions,
  ) {}

  /**
   * `make` gives the request anew for each attempt, so that bodies need not be kept. Resolves for answers below 400
   * only; throws `AdiuvaProblem`, `UnexpectedResponse`, `SignedOut`, or what `fetch` throws without a network.
   */
  async send(make: () => Request): Promise<Response> {
    let refreshed = false;
    for (let attempt = 0; ; attempt += 1) {
      const request = make();
      const token = isPublic(request.url) ? undefined : await this.session.accessToken();
      if (token !== undefined) request.headers.set("Authorization", `Bearer ${token}`);
      const response = await this.fetch(request);
      if (response.status < 400) return response;
      if (response.status === 401 && token !== undefined && !refreshed) {
        refreshed = true;
        attempt -= 1;
        await response.body?.cancel();
        await this.session.replace(token);
        continue;
      }
      const wait = this.#waitFor(request, response);
      if (wait === undefined || attempt >= this.retry.attempts) throw await problemOf(response);
      await response.body?.cancel();
      await sleep(wait * 1000, request.signal);
    }
  }

  #waitFor(request: Request, response: Response): number | undefined {
    const may = response.status === 429 || (response.status === 503 && request.method === "GET");
    const seconds = may ? retryAfter(response) : undefined;
    return seconds !== undefined && seconds <= this.retry.maxWait ? seconds : undefined;
  }
}

function isPublic(url: string): boolean {
  const { pathname } = new URL(url);
  return PUBLIC.has(pathname.slice(pathname.indexOf(PREFIX) + PREFIX.length));
}

export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}
