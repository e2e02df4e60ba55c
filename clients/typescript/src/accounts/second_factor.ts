import { AdiuvaProblem } from "../problem.js";
import type { AuthTokens, Problem } from "../types.js";
import type { Json } from "./json.js";
import type { LoggedIn } from "./authentication.js";
import type { PasskeyAssertion, PasskeyRequestOptions } from "./passkeys.js";

export type FactorMethod = "totp" | "recovery_code" | "passkey";
/** What a second factor is shown by: a code, or what `PublicKeyCredential.toJSON()` gives. */
export type Proof = { method: "totp" | "recovery_code"; code: string } | { method: "passkey"; credential: PasskeyAssertion };

/**
 * The password was right, and the account has a second factor: ask for one of `methods` and submit it here. A wrong one
 * rejects with `invalid_credentials`; five of them, or `expires_in` seconds, end the attempt, and the login begins again.
 */
export class SecondFactorRequired extends AdiuvaProblem {
  readonly challengeId: string;
  readonly methods: readonly FactorMethod[];

  constructor(
    problem: Problem,
    private readonly json: Json,
    private readonly goOn: (tokens: AuthTokens & { locked?: boolean }) => Promise<LoggedIn>,
  ) {
    super(problem);
    const { challenge_id: id, methods } = problem as Problem & { challenge_id: string; methods: FactorMethod[] };
    this.challengeId = id;
    this.methods = methods;
  }

  submitTotp(code: string): Promise<LoggedIn> {
    return this.#submit({ method: "totp", code });
  }

  /** Each counts once. */
  submitRecoveryCode(code: string): Promise<LoggedIn> {
    return this.#submit({ method: "recovery_code", code });
  }

  submitPasskey(credential: PasskeyAssertion): Promise<LoggedIn> {
    return this.#submit({ method: "passkey", credential });
  }

  /** For `navigator.credentials.get`; `askForPasskey` calls it. */
  passkeyOptions(): Promise<PasskeyRequestOptions> {
    return this.json.post("auth/passkeys/login/options", { challenge_id: this.challengeId });
  }

  async #submit(proof: Proof): Promise<LoggedIn> {
    const body = { challenge_id: this.challengeId, ...proof };
    return this.goOn(await this.json.post("auth/login/second-factor", body));
  }
}
