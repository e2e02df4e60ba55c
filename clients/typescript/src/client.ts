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
import { Batches, type Seal } from "./batches/batches.js";
import { BatchRunner, type RunnerOptions } from "./batches/runner.js";
import { ServerTime } from "./batches/server_time.js";
import { Packages, Records } from "./blobs.js";
import { ChatSocket, type ChatOptions } from "./chat.js";
import { systemClock, type Clock } from "./clock.js";
import { Connectivity, type ConnectionListener, type ConnectionState } from "./connectivity.js";
import { Keys, type KeyState } from "./keys/ring.js";
import type { Argon2id } from "./keys/secrets.js";
import { models, testProvider, type ModelList } from "./models.js";
import { Pace } from "./pace.js";
import { NO_RETRY, Patience, RETRY, type RetryOptions, type Wait } from "./patience.js";
import { Organizations } from "./organizations/organizations.js";
import { SignOn, type PendingSignOn, type SignInOptions, type SignOnDiscovery, type SignOnTarget } from "./organizations/sign_on.js";
import { Plugins } from "./plugins.js";
import { isProblem, SignedOut, type SignedOutReason } from "./problem.js";
import type { paths } from "./schema.js";
import { Session } from "./session.js";
import type { WebSocketClass } from "./socket.js";
import { SyncEngine, type EngineClient } from "./sync/engine.js";
import type { SyncOptions } from "./sync/run.js";
import type { DeviceStore } from "./sync/store.js";
import { Wire } from "./sync/wire.js";
import { fetchInTime, TIMEOUTS, type Timeouts } from "./timeouts.js";
import { MemoryTokens, type TokenStore } from "./tokens.js";
import { Transport } from "./transport.js";
import type { OwnProvider, UsageReport } from "./types.js";
import { Uploads } from "./uploads/uploads.js";

export interface ClientOptions {
  /** The server, without `/api/v1`: `https://api.adiuva.app`. */
  baseUrl: string;
  /** Where the session is kept; in memory unless given. */
  tokens?: TokenStore;
  /**
   * Called once the server has ended the session, or another window that shares the `tokens` has logged in to another account: show the
   * login, or after `sso_required` call `signInWith`. What is on the device stays.
   */
  onSignedOut?: (reason: SignedOutReason) => void;
  /** Called when the server can no longer be reached, and when it can again; `client.onConnection` does the same later on. */
  onConnection?: ConnectionListener;
  /** How long and how often to try again; `false`: never. */
  retry?: Partial<RetryOptions> | false;
  /** How long the server may be silent. */
  timeouts?: Partial<Timeouts>;
  /** Called as often as a call begins to wait: show that it goes on, and when. */
  onWait?: (wait: Wait) => void;
  /** What this device knows of accounts; in memory unless given, and then each start trusts the server anew. */
  accounts?: AccountStore;
  /** Another implementation than hash-wasm's: in a worker, or the platform's own. */
  argon2id?: Argon2id;
  fetch?: typeof globalThis.fetch;
  /** For a platform that has none of its own, instead of the package `ws`: a bundled main process on Node 20. */
  webSocket?: WebSocketClass;
  clock?: Clock;
}

export class AdiuvaClient {
  readonly account: Account;
  readonly api: Api;
  readonly backups: Backups;
  readonly factors: Factors;
  readonly keys: Keys;
  readonly organizations: Organizations;
  readonly packages: Packages;
  readonly plugins: Plugins;
  readonly records: Records;
  readonly uploads: Uploads;
  readonly #connectivity: Connectivity;
  readonly #authentication: Authentication;
  readonly #identity: Identity;
  readonly #json: Json;
  readonly #pace: Pace;
  readonly #patience: Patience;
  readonly #session: Session;
  readonly #signOn: SignOn;
  readonly #time: ServerTime;
  readonly #transport: Transport;
  readonly #url: string;
  readonly #webSocket: { WebSocket?: WebSocketClass };
  readonly #wire: Wire;

  constructor(options: ClientOptions) {
    this.#url = options.baseUrl.replace(/\/+$/, "");
    this.#webSocket = options.webSocket === undefined ? {} : { WebSocket: options.webSocket };
    const { clock = systemClock, onSignedOut = () => {}, onWait = () => {}, tokens = new MemoryTokens() } = options;
    const time = (this.#time = new ServerTime(clock === systemClock ? Date.now : () => clock.now(), () => clock.now()));
    const fetched = options.fetch ?? ((...request: Parameters<typeof fetch>) => globalThis.fetch(...request));
    const send: typeof fetch = (...request) => time.observed(() => fetched(...request));
    this.#pace = new Pace(clock, onWait);
    const timeouts = given(TIMEOUTS, options.timeouts);
    const retry = options.retry === false ? NO_RETRY : given(RETRY, options.retry);
    this.#connectivity = new Connectivity(() => isThere(send, this.#url, timeouts));
    if (options.onConnection !== undefined) this.#connectivity.listen(options.onConnection);
    this.#patience = new Patience(send, retry, timeouts, clock, this.#pace, this.#connectivity, onWait);
    this.#session = new Session(tokens, this.#url, this.#patience, onSignedOut);
    const transport = (this.#transport = new Transport(this.#session, this.#patience));
    this.api = this.#routes();
    this.uploads = new Uploads(this.#url, transport, this.#patience);
    this.backups = new Backups(this.#url, transport, this.#patience, this.uploads);
    this.packages = new Packages(this.#url, transport);
    this.records = new Records(this.#url, transport);
    this.#wire = new Wire(this.#url, transport, this.#pace, clock);
    const json = (this.#json = new Json(this.#url, transport));
    this.#identity = new Identity(json, options.accounts ?? new MemoryAccounts(), options.argon2id);
    this.account = new Account(json, this.#identity);
    this.factors = new Factors(json);
    this.keys = new Keys(json, this.#identity);
    this.organizations = new Organizations(json);
    this.plugins = new Plugins(this.#url, transport, json, this.packages);
    this.#authentication = new Authentication(this.#url, json, this.#session, this.#identity, this.keys);
    this.#signOn = new SignOn(this.#url, json, this.#session, (grant, signal) => this.#authentication.redeem(grant, signal));
  }

  /** `api`, whose calls have so many milliseconds for an answer to begin, and from one piece of it to the next. */
  within(timeout: number): Api {
    return this.#routes(timeout);
  }

  /** Whether the server can be reached, as far as anybody has noticed: `online` until then. */
  get connection(): ConnectionState {
    return this.#connectivity.state;
  }

  /**
   * Calls `listener` with each change of `connection`: one for the worse when it has lasted for three seconds, one for the better at
   * once. While somebody listens, a server that does not answer is asked now and then. Returns what ends it.
   */
  onConnection(listener: ConnectionListener): () => void {
    return this.#connectivity.listen(listener);
  }

  #routes(timeout?: number): Api {
    return createClient<paths>({
      baseUrl: this.#url,
      // JSON bodies are small: each attempt has a copy of its own.
      fetch: (request) => this.#transport.send(() => request.clone(), { timeout }),
    });
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

  /** Whether an address belongs to an organisation with sign-on: ask before a password is asked for. Accounts play no part in it. */
  discoverSignOn(email: string, signal?: AbortSignal): Promise<SignOnDiscovery> {
    return this.#signOn.discover(email, signal);
  }

  /**
   * A login at the organisation's provider, in the system's browser, which comes back to a listener on 127.0.0.1: for Node and
   * Electron's main process. Throws `SignInError`, the signal's reason, or the problem: `link_required` (log in, then
   * `linkWith`), `not_provisioned`, `email_not_verified`, `invalid_grant`. It unlocks no keys.
   */
  signInWith(target: SignOnTarget, options: SignInOptions): Promise<LoggedIn> {
    return this.#signOn.signIn(target, options);
  }

  /**
   * The same for the account that is logged in: from then on `signInWith` is a login to it. Throws the problem
   * `reauthentication_required` (`whileFresh`), `not_provisioned`, `conflict`, and `SignedOut` where the session has changed meanwhile.
   */
  linkWith(target: SignOnTarget, options: SignInOptions): Promise<void> {
    return this.#signOn.link(target, options);
  }

  /** `signInWith` for an app that the browser calls by its own scheme: open `url`, and `finish` with the address it was called by. */
  beginSignIn(target: SignOnTarget, redirectUri?: string): Promise<PendingSignOn<LoggedIn>> {
    return this.#signOn.beginSignIn(target, redirectUri);
  }

  /** `linkWith`, in the same way. */
  beginLink(target: SignOnTarget, redirectUri?: string): Promise<PendingSignOn<void>> {
    return this.#signOn.beginLink(target, redirectUri);
  }

  /** This session counts as fresh for ten minutes; `whileFresh` calls it where that is asked for. */
  reauthenticate(proof: Parameters<Authentication["reauthenticate"]>[0]): Promise<void> {
    return this.#authentication.reauthenticate(proof);
  }

  /** For `reauthenticate` with a passkey. */
  reauthenticationOptions(): Promise<PasskeyRequestOptions> {
    return this.#authentication.reauthenticationOptions();
  }

  /**
   * Ends the session here at once, keys included, and then on the server, where it can be reached. It rejects where the server could not
   * be told, or not before the signal; here the session is over all the same.
   */
  async logout({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.keys.lock();
    this.#identity.begin();
    const tokens = await this.#session.end();
    if (tokens === undefined) return;
    // By the tokens that are gone from here: whoever logs in meanwhile has others.
    const over = new Session(new MemoryTokens(tokens), this.#url, this.#patience, () => {});
    try {
      await new Json(this.#url, new Transport(over, this.#patience)).post("auth/logout", { refresh_token: tokens.refresh_token }, { signal });
    } catch (error) {
      if (!(error instanceof SignedOut)) throw error; // the server has ended it before
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
    return new SyncEngine({ api, records, wire: this.#wire, pace: this.#pace, ...this.#webSocket, ...this.#background() }, store, options);
  }

  /** `sync`, by its first name. */
  syncEngine(store: DeviceStore, options: SyncOptions): SyncEngine {
    return this.sync(store, options);
  }

  /** A conversation. It connects with the first message, and again when it has to. */
  chat(options: ChatOptions = {}): ChatSocket {
    return new ChatSocket(() => this.#socketAddress("chat/stream"), { ...this.#webSocket, ...options }, this.#patience, () => this.#session.signal);
  }

  /** Saved agents, sealed by the app's own means. */
  batches(seal: Seal): Batches {
    return new Batches(this.#json, seal, this.#time);
  }

  /** Runs batches on this device: `start()` it for as long as the app runs. */
  batchRunner(options: RunnerOptions): BatchRunner {
    const batches = (seal: Seal): Batches => this.batches(seal);
    return new BatchRunner({ batches, chat: (chat) => this.chat(chat), ...this.#background() }, { ...this.#webSocket, ...options });
  }

  /** The language models that this account may choose from, and which providers it may have keys of its own at. */
  models(): Promise<ModelList> {
    return models(this.#json);
  }

  /** Whether a provider takes a key of the user's own, and which models it has. Throws the problem `upstream_error`, whose `reason` is a `ProviderTrouble`. */
  testProvider(provider: OwnProvider, model?: string, signal?: AbortSignal): Promise<{ ok: boolean; models: string[] }> {
    return testProvider(this.#json, provider, model, signal);
  }

  /** Today's and this month's, and what is left of the budget. */
  usage(): Promise<UsageReport> {
    return this.#json.get("chat/usage");
  }

  #background(): Pick<EngineClient, "clock" | "connectivity" | "hintAddress" | "session" | "silenceMs"> {
    const hintAddress = (signal: AbortSignal): Promise<string> => this.#pace.turn(() => this.#socketAddress("sync", signal), signal);
    const { clock, connectivity, timeouts } = this.#patience;
    return { clock, connectivity, hintAddress, session: () => this.#session.signal, silenceMs: timeouts.silence };
  }

  /** With a ticket, which works once. */
  async #socketAddress(path: string, signal?: AbortSignal): Promise<string> {
    const { ticket } = await ok(this.api.POST("/api/v1/auth/ws-ticket", signal === undefined ? {} : { signal }));
    return `${this.#url.replace(/^http/, "ws")}/api/v1/${path}?ticket=${encodeURIComponent(ticket)}`;
  }
}

/** `usual`, but for what is given; `undefined`, which the types of many an app allow, is not. */
function given<Options extends object>(usual: Options, options: Partial<Options> = {}): Options {
  return { ...usual, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) };
}

/** Whether anything but a gateway answers. */
async function isThere(send: typeof fetch, url: string, { answer }: Timeouts): Promise<boolean> {
  const response = await fetchInTime(send, new Request(`${url}/api/v1/health`), { answer, piece: answer });
  await response.body?.cancel();
  return response.status < 502;
}

/** The beginning of everything. One for each account that is in use; windows of an app may share a `TokenStore`. */
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
