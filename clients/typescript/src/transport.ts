import { abortable } from "./clock.js";
import type { Patience, Sending } from "./patience.js";
import { isProblem, problemOf } from "./problem.js";
import type { Renewal } from "./renewal.js";
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
/** Its answer takes the place of the tokens that it was sent with. */
const RENEWAL = "auth/password";
const PREFIX = "/api/v1/";

/** Sends a request as often as it takes: with a token, with a fresh one after a 401, later when it is told to wait. */
export class Transport {
  constructor(
    private readonly tokens: Session,
    private readonly patience: Patience,
  ) {}

  /** Until somebody logs out or in. */
  get session(): AbortSignal {
    return this.tokens.signal;
  }

  /** `signal`, and the end of the session: for what takes more than one request. */
  ofSession(signal?: AbortSignal): AbortSignal {
    return signal === undefined ? this.session : AbortSignal.any([signal, this.session]);
  }

  /** What `work` gives, which takes its time before a request: that is not for whoever has logged in meanwhile. */
  async prepared<Value>(work: Promise<Value>): Promise<Value> {
    const { session } = this;
    const value = await work;
    session.throwIfAborted();
    return value;
  }

  /**
   * `make` gives the request anew for each attempt, so that bodies need not be kept. Resolves for answers below 400
   * only; throws `AdiuvaProblem`, `UnexpectedResponse`, `SignedOut`, `AdiuvaTimeoutError`, or what `fetch` throws without a network.
   * It waits, and is sent again, as the account that began it only: else it ends with the reason of `session`.
   */
  async send(make: () => Request, sending: Sending = {}): Promise<Response> {
    const { session } = this;
    const until = ({ url }: Request): AbortSignal | undefined => (PUBLIC.has(routeOf(url)) ? undefined : session);
    const key = crypto.randomUUID();
    for (let refreshed = false; ; refreshed = true) {
      let token: string | undefined;
      let signal: AbortSignal | undefined;
      let renewal: Renewal | undefined;
      const prepare = async (): Promise<Request> => {
        const request = make();
        const route = routeOf(request.url);
        signal = request.signal;
        if (request.method === "POST" && KEYED.has(route) && !request.headers.has("Idempotency-Key")) {
          request.headers.set("Idempotency-Key", key);
        }
        renewal = route === RENEWAL ? this.tokens.renewal : undefined;
        renewal?.over();
        token = PUBLIC.has(route) ? undefined : await this.#tokenFor(request, session);
        if (token !== undefined) request.headers.set("Authorization", `Bearer ${token}`);
        renewal?.sent();
        return request;
      };
      const response = await this.patience.send(prepare, { ...sending, until });
      if (response.status < 400) return response;
      const problem = await problemOf(response);
      if (response.status !== 401 || token === undefined || signal === undefined || refreshed) throw problem;
      if (isProblem(problem, "invalid_credentials", "invalid_grant")) throw problem; // about a code in the body, which may count once
      session.throwIfAborted();
      renewal?.over();
      await abortable(abortable(this.tokens.replace(token), signal), session);
    }
  }

  /** Without one the request is not sent: what its body reads from, a file for instance, is let go of. */
  async #tokenFor({ body, signal }: Request, session: AbortSignal): Promise<string> {
    try {
      session.throwIfAborted();
      const token = await abortable(abortable(this.tokens.accessToken(), signal), session);
      session.throwIfAborted(); // it may be somebody else's
      return token;
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
