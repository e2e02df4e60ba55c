import { newKdf, type Kdf } from "../keys/kdf.js";
import { MasterKey } from "../keys/master.js";
import { keyOfPhrase } from "../keys/phrase.js";
import { CannotOpen, sealEnvelope } from "../keys/envelopes.js";
import type { KeyState, Keys } from "../keys/ring.js";
import { checkPassword } from "../keys/secrets.js";
import { isProblem } from "../problem.js";
import type { Session } from "../session.js";
import type { AuthTokens } from "../types.js";
import { beginHandOff, codeFrom, type HandOff } from "./handoff.js";
import type { Identity } from "./identity.js";
import type { Json } from "./json.js";
import type { PasskeyAssertion, PasskeyRequestOptions } from "./passkeys.js";
import { SecondFactorRequired, type Proof } from "./second_factor.js";

export interface Credentials {
  email: string;
  password: string;
}

export interface LoginOptions {
  /**
   * Sends the password as it is, for an account that was made without derivation. Never because a server asked: only
   * the app, or its user, can know. Refused where this device has seen the account with derivation.
   */
  plain?: boolean;
  /** An owner's way in while the organisation's provider is away: see `client.organizations.breakGlass`. It counts once. */
  breakGlassCode?: string;
  signal?: AbortSignal;
}

/** A session has begun. */
export interface LoggedIn {
  /** After a plain login always `none`: nothing was asked, and a key that was here is locked. */
  keys: KeyState;
  /** After a reset: no envelope is left that anything could open. A device that is unlocked can still approve this one. */
  locked?: boolean;
}

/** What a login that goes on behind a second factor needs to know. */
interface Entering {
  email?: string;
  kdf?: Kdf;
  wrapping?: CryptoKey;
  phrase?: string | undefined;
  plain?: boolean;
}

const MAIN = "main";

/** Beginnings of sessions, and what changes the password. */
export class Authentication {
  constructor(
    private readonly url: string,
    private readonly json: Json,
    private readonly session: Session,
    private readonly identity: Identity,
    private readonly keys: Keys,
  ) {}

  /** Throws `WeakPassword`, or the problem: `email_taken`, … `locale` is the language of the mails. */
  async register({ email, password }: Credentials, options: LoginOptions & { locale?: string } = {}): Promise<LoggedIn> {
    const { signal, locale } = options;
    const headers = locale === undefined ? undefined : { "Accept-Language": locale };
    if (options.plain === true) {
      await this.identity.requirePlain(email);
      return this.#enter(await this.json.post("auth/register", { email, password }, { signal, headers }), { email, plain: true });
    }
    checkPassword(password);
    const kdf = newKdf();
    const { login, wrapping } = await this.identity.derive(password, kdf);
    const master = await MasterKey.make();
    const envelopes = [await sealEnvelope(master, "password", MAIN, wrapping)];
    const body = { email, password: login, kdf, envelopes };
    const tokens = await this.json.post<AuthTokens>("auth/register", body, { signal, headers });
    this.session.leave();
    this.keys.lock();
    const session = this.json.ofSession();
    await this.#begin(tokens, { email });
    // The address is new on the server: what was known of an account that had it once is over.
    await this.identity.forget(email);
    await this.identity.remember(email, { kdf });
    return { keys: await this.keys.adopt(master, session) };
  }

  /** Throws `SecondFactorRequired`, `WeakKdf`, `PlainPasswordRefused`, or the problem: `invalid_credentials`, … */
  async login({ email, password }: Credentials, { plain = false, breakGlassCode, signal }: LoginOptions = {}): Promise<LoggedIn> {
    const code = breakGlassCode === undefined ? {} : { break_glass_code: breakGlassCode };
    if (plain) {
      await this.identity.requirePlain(email);
      const entering = { email, plain };
      return this.#behindFactor(() => this.json.post("auth/login", { email, password, ...code }, { signal }), entering);
    }
    const { login, wrapping, kdf } = await this.identity.secrets(email, password, signal);
    const body = { email, password: login, ...code };
    return this.#behindFactor(() => this.json.post("auth/login", body, { signal }), { email, kdf, wrapping });
  }

  /** For `navigator.credentials.get`, without an address: a passkey that has verified its user is both factors. */
  passkeyOptions(): Promise<PasskeyRequestOptions> {
    return this.json.post("auth/passkeys/login/options");
  }

  async loginWithPasskey(credential: PasskeyAssertion): Promise<LoggedIn> {
    return this.#enter(await this.json.post("auth/passkeys/login", { credential }), {});
  }

  /** A login by passkey in the system's browser. `redirectUri` is where the app listens. */
  passkeyHandOff(redirectUri: string): Promise<HandOff> {
    return beginHandOff(`${this.url}/account/passkey`, redirectUri);
  }

  /** `returned`: the address that the browser came back to. Throws `HandOffFailed`, `invalid_grant`. */
  async exchangeCode(returned: string | URL, handOff: HandOff): Promise<LoggedIn> {
    return this.redeem({ code: codeFrom(returned, handOff), code_verifier: handOff.verifier });
  }

  /** A one-time code, whichever login has made it. */
  async redeem(grant: { code: string; code_verifier: string }, signal?: AbortSignal): Promise<LoggedIn> {
    return this.#enter(await this.json.post("auth/sso/token", grant, { signal }), {});
  }

  /** Every other session ends; this one goes on with new tokens. The master key stays, and so does what it has sealed. */
  async changePassword(body: { current_password: string; new_password: string }, { plain = false }: LoginOptions = {}): Promise<void> {
    const session = this.json.ofSession();
    const email = await this.identity.currentEmail();
    if (plain) {
      await this.identity.requirePlain(email);
      return this.#change(body, { email, session });
    }
    checkPassword(body.new_password);
    const old = await this.identity.secrets(email, body.current_password);
    const kdf = newKdf();
    const { login, wrapping } = await this.identity.derive(body.new_password, kdf);
    const { envelopes } = await this.keys.resealed(old.wrapping, wrapping);
    await this.#change({ current_password: old.login, new_password: login, kdf, envelopes }, { email, kdf, session });
    this.keys.passwordChanged(envelopes.length === 0 ? wrapping : undefined);
  }

  /** Gives an account that was made without derivation one, and a master key; its password stays what the user types. */
  async derivePassword(password: string): Promise<KeyState> {
    const session = this.json.ofSession();
    const email = await this.identity.email();
    await this.identity.requirePlain(email);
    const kdf = newKdf();
    const { login, wrapping } = await this.identity.derive(password, kdf);
    const there = (await this.keys.envelopes()).length > 0;
    let { master, envelopes } = await this.keys.resealed(undefined, wrapping);
    if (!there) {
      master = await MasterKey.make();
      envelopes = [await sealEnvelope(master, "password", MAIN, wrapping)];
    }
    await this.#change({ current_password: password, new_password: login, kdf, envelopes }, { email, kdf, session });
    return master === undefined ? this.keys.settle(wrapping) : this.keys.adopt(master);
  }

  /** A mail with a link, if there is such an account; the answer does not tell. */
  async requestPasswordReset(email: string): Promise<void> {
    await this.json.post("auth/password/reset", { email });
  }

  /**
   * With the token of the mail. `recoveryPhrase` opens the master key again; without it (or another way in
   * `client.keys.unlock`) what is stored stays sealed, and stays stored. Throws `NotAPhrase` before anything is sent.
   */
  async resetPassword(reset: { token: string; newPassword: string; recoveryPhrase?: string }): Promise<LoggedIn> {
    checkPassword(reset.newPassword);
    if (reset.recoveryPhrase !== undefined) await keyOfPhrase(reset.recoveryPhrase);
    const kdf = newKdf();
    const { login, wrapping } = await this.identity.derive(reset.newPassword, kdf);
    const body = { token: reset.token, new_password: login, kdf, envelopes: [] };
    const entering = { kdf, wrapping, phrase: reset.recoveryPhrase };
    return this.#behindFactor(() => this.json.post("auth/password/reset/confirm", body), entering);
  }

  /** This session counts as fresh for ten minutes. */
  async reauthenticate(proof: { password: string; plain?: boolean } | Proof): Promise<void> {
    const body = "password" in proof ? { password: await this.identity.loginSecret(proof.password, proof) } : proof;
    await this.json.post("auth/reauthenticate", body);
  }

  /** For `reauthenticate` with a passkey. */
  async reauthenticationOptions(): Promise<PasskeyRequestOptions> {
    const headers = { Authorization: `Bearer ${await this.session.accessToken()}` };
    return this.json.post("auth/passkeys/login/options", {}, { headers });
  }

  /** Of the account whose `session` it is: nobody else's password, nor the next one's tokens. */
  async #change(body: object, { email, kdf, session }: { email: string; kdf?: Kdf; session: AbortSignal }): Promise<void> {
    session.throwIfAborted();
    let isChanged = false;
    const ask = async (): Promise<AuthTokens> => {
      const tokens = await this.json.post<AuthTokens>("auth/password", body);
      isChanged = true;
      return tokens;
    };
    try {
      await this.session.renew(ask, session);
    } finally {
      if (isChanged && kdf !== undefined) await this.identity.remember(email, { kdf }); // whoever is logged in by now
    }
    session.throwIfAborted();
  }

  async #behindFactor(send: () => Promise<AuthTokens>, entering: Entering): Promise<LoggedIn> {
    try {
      return await this.#enter(await send(), entering);
    } catch (error) {
      if (!isProblem(error, "second_factor_required")) throw error;
      throw new SecondFactorRequired(error.problem, this.json, (tokens) => this.#enter(tokens, entering));
    }
  }

  async #enter(tokens: AuthTokens & { locked?: boolean }, { email, kdf, wrapping, phrase, plain }: Entering): Promise<LoggedIn> {
    this.session.leave();
    const session = this.json.ofSession();
    if (plain === true) this.keys.begin();
    else this.keys.leave();
    await this.#begin(tokens, email === undefined ? {} : { email });
    session.throwIfAborted(); // somebody else has logged in meanwhile
    if (plain === true) return { keys: "none" };
    const address = email ?? (kdf === undefined ? undefined : await this.identity.email());
    session.throwIfAborted();
    if (kdf !== undefined && address !== undefined) await this.identity.remember(address, { kdf });
    session.throwIfAborted();
    let keys = await this.keys.settle(wrapping);
    if (phrase !== undefined && keys === "locked") keys = await this.#openByPhrase(phrase);
    return tokens.locked === undefined ? { keys } : { keys, locked: tokens.locked };
  }

  /** The words of another account, or of an earlier phrase, open nothing: that is told by the state, as the session goes on. */
  async #openByPhrase(phrase: string): Promise<KeyState> {
    try {
      return await this.keys.unlock({ phrase });
    } catch (error) {
      if (!(error instanceof CannotOpen)) throw error;
      return this.keys.state;
    }
  }

  async #begin(tokens: AuthTokens, { email }: { email?: string }): Promise<void> {
    await this.session.begin(tokens);
    this.identity.begin(email);
  }
}
