import { abortable } from "./clock.js";
import type { Patience, Sending } from "./patience.js";
import { isProblem, problemOf } from "./problem.js";
import type { Session } from "./session.js";

/** These take no token; a 401 of theirs is about the credentials in the body. */
const PUBLIC = new Set([
  "auth/email/verify",
  "auth/login",
  "auth/login/second-factor",
  "auth/passkeys/login",
  "auth/passkeys/login/options",
  "auth/password/reset",
  "auth/password/reset/confirm",
  "auth/prelogin",
  "auth/refresh",
  "auth/register",
  "auth/sso/discover",
  "auth/sso/token",
  "billing/tiers",
  "health",
  "health/ready",
]);
/** POSTs that are carried out once for each `Idempotency-Key` (a record with an id of its own anyway); they all get one. */
const KEYED = new Set(["billing/checkout", "storage/records"]);
const PREFIX = "/api/v1/";

/** Sends a request as often as it takes: with a token, with a fresh one after a 401, later when it is told to wait. */
export class Transport {
  constructor(
    private readonly session: Session,
    private readonly patience: Patience,
  ) {}

  /**
   * `make` gives the request anew for each attempt, so that bodies need not be kept. Resolves for answers below 400
   * only; throws `AdiuvaProblem`, `UnexpectedResponse`, `SignedOut`, `AdiuvaTimeoutError`, or what `fetch` throws without a network.
   */
  async send(make: () => Request, sending: Sending = {}): Promise<Response> {
    const key = crypto.randomUUID();
    for (let refreshed = false; ; refreshed = true) {
      let token: string | undefined;
      let signal: AbortSignal | undefined;
      const prepare = async (): Promise<Request> => {
        const request = make();
        const route = routeOf(request.url);
        signal = request.signal;
        if (request.method === "POST" && KEYED.has(route) && !request.headers.has("Idempotency-Key")) {
          request.headers.set("Idempotency-Key", key);
        }
        token = PUBLIC.has(route) ? undefined : await this.#tokenFor(request);
        if (token !== undefined) request.headers.set("Authorization", `Bearer ${token}`);
        return request;
      };
      const response = await this.patience.send(prepare, sending);
      if (response.status < 400) return response;
      const problem = await problemOf(response);
      if (response.status !== 401 || token === undefined || signal === undefined || refreshed) throw problem;
      if (isProblem(problem, "invalid_credentials", "invalid_grant")) throw problem; // about a code in the body, which may count once
      await abortable(this.session.replace(token), signal);
    }
  }

  /** Without one the request is not sent: what its body reads from, a file for instance, is let go of. */
  async #tokenFor({ body, signal }: Request): Promise<string> {
    try {
      return await abortable(this.session.accessToken(), signal);
    } catch (error) {
      await body?.cancel(error).catch(() => {});
      throw error;
    }
  }
}

function routeOf(url: string): string {
  const { pathname } = new URL(url);
  return pathname.slice(pathname.indexOf(PREFIX) + PREFIX.length);
}
