import createClient from "openapi-fetch";
import { Account, type Locale } from "./accounts/account.js";
import { Authentication, type Credentials, type LoggedIn, type LoginOptions } from "./accounts/authentication.js";
import { Factors } from "./accounts/factors.js";
import type { HandOff } from "./accounts/handoff.js";
import { Identity, MemoryAccounts, type AccountStore } from "./accounts/identity.js";
import { Json } from "./accounts/json.js";
import type { PasskeyAssertion, PasskeyRequestOptions } from "./accounts/passkeys.js";
import { ok, type Api } from "./api.js";
import { Backups } from "./backups/backups.js";
import { Packages, Records } from "./blobs.js";
import { ChatSocket, type ChatOptions } from "./chat.js";
import { systemClock, type Clock } from "./clock.js";
import { Keys, type KeyState } from "./keys/ring.js";
import type { Argon2id } from "./keys/secrets.js";
import { Pace } from "./pace.js";
import { Patience, RETRY, type RetryOptions, type Wait } from "./patience.js";
import { isProblem } from "./problem.js";
import type { paths } from "./schema.js";
import { Session } from "./session.js";
import { SyncEngine } from "./sync/engine.js";
import type { SyncOptions } from "./sync/run.js";
import type { DeviceStore } from "./sync/store.js";
import { Wire } from "./sync/wire.js";
import { MemoryTokens, type TokenStore } from "./tokens.js";
import { Transport } from "./transport.js";
import { Uploads } from "./uploads/uploads.js";

export interface ClientOptions {
  /** The server, without `/api/v1`: `https://api.adiuva.app`. */
  baseUrl: string;
  /** Where the session is kept; in memory unless given. */
  tokens?: TokenStore;
  /** Called once the server has ended the session: show the login. */
  onSignedOut?: () => void;
  retry?: Partial<RetryOptions>;
  /** Called as often as a call begins to wait: show that it goes on, and when. */
  onWait?: (wait: Wait) => void;
  /** What this device knows of accounts; in memory unless given, and then each start trusts the server anew. */
  accounts?: AccountStore;
  /** Another implementation than hash-wasm's: in a worker, or the platform's own. */
  argon2id?: Argon2id;
  fetch?: typeof globalThis.fetch;
  clock?: Clock;
}

export class AdiuvaClient {
  readonly account: Account;
  readonly api: Api;
  readonly backups: Backups;
  readonly factors: Factors;
  readonly keys: Keys;
  readonly packages: Packages;
  readonly records: Records;
  readonly uploads: Uploads;
  readonly #authentication: Authentication;
  readonly #identity: Identity;
  readonly #pace: Pace;
  readonly #patience: Patience;
  readonly #session: Session;
  readonly #url: string;
  readonly #wire: Wire;

  constructor(options: ClientOptions) {
    this.#url = options.baseUrl.replace(/\/+$/, "");
    const send = options.fetch ?? ((...request: Parameters<typeof fetch>) => globalThis.fetch(...request));
    const { clock = systemClock, onSignedOut = () => {}, onWait = () => {}, tokens = new MemoryTokens() } = options;
    this.#pace = new Pace(clock, onWait);
    this.#patience = new Patience(send, { ...RETRY, ...options.retry }, clock, this.#pace, onWait);
    this.#session = new Session(tokens, this.#url, this.#patience, onSignedOut);
    const transport = new Transport(this.#session, this.#patience);
    this.api = createClient<paths>({
      baseUrl: this.#url,
      // JSON bodies are small: each attempt has a copy of its own.
      fetch: (request) => transport.send(() => request.clone()),
    });
    this.uploads = new Uploads(this.#url, transport, this.#patience);
    this.backups = new Backups(this.#url, transport, this.#patience, this.uploads);
    this.packages = new Packages(this.#url, transport);
    this.records = new Records(this.#url, transport);
    this.#wire = new Wire(this.#url, transport, this.#pace, clock);
    const json = new Json(this.#url, transport);
    this.#identity = new Identity(json, options.accounts ?? new MemoryAccounts(), options.argon2id);
    this.account = new Account(json, this.#identity);
    this.factors = new Factors(json);
    this.keys = new Keys(json, this.#identity);
    this.#authentication = new Authentication(this.#url, json, this.#session, this.#identity, this.keys);
  }

  /**
   * Makes an account and logs in. The password itself stays here: the server gets a secret derived from it, and a new master
   * key that it cannot open. Throws `WeakPassword`, or the problem: `email_taken`, … `locale`: the language of its mails.
   */
  register(credentials: Credentials, options: LoginOptions & { locale?: Locale } = {}): Promise<LoggedIn> {
    return this.#authentication.register(credentials, options);
  }

  /** Throws `SecondFactorRequired`, `WeakKdf`, `PlainPasswordRefused`, or the problem: `invalid_credentials`, … */
  login(credentials: Credentials, options: LoginOptions = {}): Promise<LoggedIn> {
    return this.#authentication.login(credentials, options);
  }

  /** For `navigator.credentials.get`, and then `loginWithPasskey`: a passkey that has verified its user is both factors. */
  passkeyOptions(): Promise<PasskeyRequestOptions> {
    return this.#authentication.passkeyOptions();
  }

  loginWithPasskey(credential: PasskeyAssertion): Promise<LoggedIn> {
    return this.#authentication.loginWithPasskey(credential);
  }

  /** For Electron: a login by passkey in the system's browser. `redirectUri` is where the app listens. */
  passkeyHandOff(redirectUri: string): Promise<HandOff> {
    return this.#authentication.passkeyHandOff(redirectUri);
  }

  /** `returned`: the address that the browser came back to. Throws `HandOffFailed`, or the problem `invalid_grant`. */
  exchangeCode(returned: string | URL, handOff: HandOff): Promise<LoggedIn> {
    return this.#authentication.exchangeCode(returned, handOff);
  }

  /** This session counts as fresh for ten minutes; `whileFresh` calls it where that is asked for. */
  reauthenticate(proof: Parameters<Authentication["reauthenticate"]>[0]): Promise<void> {
    return this.#authentication.reauthenticate(proof);
  }

  /** For `reauthenticate` with a passkey. */
  reauthenticationOptions(): Promise<PasskeyRequestOptions> {
    return this.#authentication.reauthenticationOptions();
  }

  /** Ends the session here, and on the server where it can be reached. */
  async logout(): Promise<void> {
    const tokens = await this.#session.current();
    if (tokens === undefined) return;
    try {
      await this.api.POST("/api/v1/auth/logout", { body: { refresh_token: tokens.refresh_token } });
    } finally {
      this.keys.lock();
      this.#identity.begin();
      await this.#session.end();
    }
  }

  /** Every other session ends; this one goes on with new tokens. What the master key has sealed stays as it is. */
  changePassword(body: { current_password: string; new_password: string }, options: { plain?: boolean } = {}): Promise<void> {
    return this.#authentication.changePassword(body, options);
  }

  /** For an account that was made with `plain`: from now on its password is derived, and it has a master key. */
  derivePassword(password: string): Promise<KeyState> {
    return this.#authentication.derivePassword(password);
  }

  /** Sends a mail with a link, if there is such an account; the answer does not tell. */
  requestPasswordReset(email: string): Promise<void> {
    return this.#authentication.requestPasswordReset(email);
  }

  /**
   * With the token of that mail. `recoveryPhrase` opens the master key again; without it what is stored stays, sealed, until
   * `keys.unlock` or another device's approval opens it. Throws `NotAPhrase` before anything is sent.
   */
  resetPassword(reset: { token: string; newPassword: string; recoveryPhrase?: string }): Promise<LoggedIn> {
    return this.#authentication.resetPassword(reset);
  }

  /**
   * Drops what this device remembers of an account (how its password is derived, which master key it has): for an account
   * that was made anew, when its user says so. Never because a server seems to want it.
   */
  forgetAccount(email: string): Promise<void> {
    return this.#identity.forget(email);
  }

  /** Keeps a device's own copy of the records and the server's the same: `sync()` once, `start()` for as long as the app runs. */
  sync(store: DeviceStore, options: SyncOptions): SyncEngine {
    const { api, records } = this;
    const pace = this.#pace;
    const hintAddress = (signal: AbortSignal): Promise<string> => pace.turn(() => this.#socketAddress("sync", signal), signal);
    const session = (): AbortSignal => this.#session.signal;
    return new SyncEngine({ api, records, wire: this.#wire, pace, clock: this.#patience.clock, session, hintAddress }, store, options);
  }

  /** `sync`, by its first name. */
  syncEngine(store: DeviceStore, options: SyncOptions): SyncEngine {
    return this.sync(store, options);
  }

  /** A conversation. It connects with the first message, and again when it has to. */
  chat(options: ChatOptions = {}): ChatSocket {
    return new ChatSocket(() => this.#socketAddress("chat/stream"), options, this.#patience);
  }

  /** With a ticket, which works once. */
  async #socketAddress(path: string, signal?: AbortSignal): Promise<string> {
    const { ticket } = await ok(this.api.POST("/api/v1/auth/ws-ticket", signal === undefined ? {} : { signal }));
    return `${this.#url.replace(/^http/, "ws")}/api/v1/${path}?ticket=${encodeURIComponent(ticket)}`;
  }
}

export function createAdiuvaClient(options: ClientOptions): AdiuvaClient {
  return new AdiuvaClient(options);
}

/** One purchase, however often it is sent: make it once, keep it for every attempt. */
export function idempotencyKey(): { "Idempotency-Key": string } {
  return { "Idempotency-Key": crypto.randomUUID() };
}

/** The current ETag where a conditional write was refused; `undefined` for any other error. */
export function conflictingEtag(error: unknown): string | undefined {
  return isProblem(error, "precondition_failed") ? (error.problem.etag ?? undefined) : undefined;
}
