import type { CauseOptions } from "../problem.js";

/**
 * `access_denied`, `server_error`, `temporarily_unavailable`: what the provider, or the server in its place, has said.
 * `no_sign_on`: no organisation has proven the address's domain and set a provider. `timeout`: nobody has come back.
 * `wrong_answer`: an address that is no answer to this sign-in, or a second one; it may still come.
 */
export type SignInErrorCode =
  | "access_denied"
  | "server_error"
  | "temporarily_unavailable"
  | "no_sign_on"
  | "timeout"
  | "wrong_answer"
  | "cannot_listen"
  | "cannot_open";

/** No sign-in came of it. What the server refuses once the browser is back is its problem: `link_required`, `not_provisioned`, … */
export class SignInError extends Error {
  override readonly name = "SignInError";

  constructor(
    readonly code: SignInErrorCode,
    message: string,
    options?: CauseOptions,
  ) {
    super(message, options);
  }
}
