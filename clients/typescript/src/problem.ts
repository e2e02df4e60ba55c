import type { Problem, ProblemCode } from "./types.js";

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

/** Nobody is logged in, or the session has ended: log in again. */
export class SignedOut extends Error {
  override readonly name = "SignedOut";

  constructor(options?: ErrorOptions) {
    super("There is no session: log in.", options);
  }
}

/** The copy on this device goes back to another account: what is in it must not be sent to this one. */
export class OtherAccount extends Error {
  override readonly name = "OtherAccount";

  constructor(options?: ErrorOptions) {
    super("The copy on this device belongs to another account.", options);
  }
}

/** Whether `error` is the server's problem of that code. */
export function isProblem(error: unknown, ...codes: ProblemCode[]): error is AdiuvaProblem {
  return error instanceof AdiuvaProblem && (codes.length === 0 || codes.includes(error.code));
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
