import type { Problem, ProblemCode, Quota } from "./types.js";

/** What an error came of. Of our own, as ES2020 has no `ErrorOptions`. */
export interface CauseOptions {
  cause?: unknown;
}

/** An error of the server (RFC 9457). Switch on `code`; the fields of the case are in `problem`. */
export class AdiuvaProblem extends Error {
  override readonly name = "AdiuvaProblem";

  /** `retryAfter`: whole seconds, where the server named them. */
  constructor(
    readonly problem: Problem,
    readonly retryAfter: number | undefined = problem.retry_after,
  ) {
    super(`${problem.code}: ${problem.detail}`);
  }

  get code(): ProblemCode {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }

  /** To be named in a bug report: the server's logs know it. */
  get requestId(): string {
    return this.problem.request_id;
  }
}

/** An error without a problem document: a proxy in front answered, or the request was a HEAD. */
export class UnexpectedResponse extends Error {
  override readonly name = "UnexpectedResponse";

  /** `retryAfter`: whole seconds, where the proxy named a time. */
  constructor(
    readonly status: number,
    readonly retryAfter?: number,
  ) {
    super(`The answer ${status} is not one of the API's.`);
  }
}

/** Bytes that are not those whose SHA-256 the server named. */
export class ChecksumMismatch extends Error {
  override readonly name = "ChecksumMismatch";

  constructor(
    readonly expected: string,
    readonly actual: string,
  ) {
    super(`The bytes have SHA-256 ${actual}, not ${expected}.`);
  }
}

/**
 * Why the server has ended a session. `sso_required`: it is older than the organisation allows, so `client.signInWith` begins
 * another one. `token_reused`: its refresh token was used elsewhere. `invalid_token`: anything else.
 */
export type SignedOutReason = "invalid_token" | "sso_required" | "token_reused";

/** Nobody is logged in, or the session has ended: log in again. What is on the device stays, keys included. */
export class SignedOut extends Error {
  override readonly name = "SignedOut";

  constructor(options?: CauseOptions) {
    super("There is no session: log in.", options);
  }

  /** `undefined`: nobody was logged in, or somebody has logged out. */
  get reason(): SignedOutReason | undefined {
    if (!isProblem(this.cause)) return undefined;
    return this.cause.code === "sso_required" || this.cause.code === "token_reused" ? this.cause.code : "invalid_token";
  }
}

/** The copy on this device goes back to another account: what is in it must not be sent to this one. */
export class OtherAccount extends Error {
  override readonly name = "OtherAccount";

  constructor(options?: CauseOptions) {
    super("The copy on this device belongs to another account.", options);
  }
}

/** Whether `error` is the server's problem of that code. */
export function isProblem(error: unknown, ...codes: ProblemCode[]): error is AdiuvaProblem {
  return error instanceof AdiuvaProblem && (codes.length === 0 || codes.includes(error.code));
}

/** What is used up, where `error` says so: a month's tokens, or the number of active batches. `undefined` for bytes, and any other error. */
export function quotaOf(error: unknown): Quota | undefined {
  if (!isProblem(error, "quota_exceeded")) return undefined;
  const { resource, limit, used } = error.problem;
  return resource === undefined || limit === undefined || used === undefined ? undefined : (error.problem as Problem & Quota);
}

export async function problemOf(response: Response): Promise<AdiuvaProblem | UnexpectedResponse> {
  const isDocument = response.headers.get("Content-Type")?.startsWith("application/problem+json");
  if (!isDocument) {
    await response.body?.cancel();
    return new UnexpectedResponse(response.status, retryAfter(response));
  }
  const text = await response.text();
  if (text === "") return new UnexpectedResponse(response.status, retryAfter(response)); // to a HEAD, which is answered without a body
  const problem = JSON.parse(text) as Problem;
  return new AdiuvaProblem(problem, retryAfter(response) ?? problem.retry_after);
}

/** Seconds, at least one. A proxy in front may have written a date (RFC 9110 § 10.2.3), by a clock that is not this machine's. */
export function retryAfter(response: Response): number | undefined {
  const text = response.headers.get("Retry-After") ?? "";
  if (/^\d+$/.test(text)) return Math.max(1, Number(text));
  const until = Date.parse(text);
  const answered = Date.parse(response.headers.get("Date") ?? "");
  const now = Number.isNaN(answered) ? Date.now() : answered;
  return Number.isNaN(until) ? undefined : Math.max(1, Math.ceil((until - now) / 1000));
}
