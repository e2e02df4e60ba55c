import type { Patience } from "./patience.js";
import { isProblem, problemOf, SignedOut, type AdiuvaProblem, type SignedOutReason } from "./problem.js";
import { Renewal } from "./renewal.js";
import { AdiuvaTimeoutError } from "./timeouts.js";
import { stored, subjectOf, type StoredTokens, type TokenStore } from "./tokens.js";
import type { AuthTokens } from "./types.js";

/** A token that ends this soon is replaced first: a large upload must not lose its token on the way. */
const EARLY_MS = 30_000;
/** For so long another window may take to store the tokens that took the place of refused ones. */
const OTHERS_MS = 1_000;

/** Another request, or another window, was quicker. */
class Superseded extends Error {
  constructor(readonly by: StoredTokens) {
    super("There are newer tokens.");
  }
}

/** The tokens in use. However many requests find them stale at once, they are refreshed once. */
export class Session {
  #refreshing: Promise<StoredTokens> | undefined;
  #end = new AbortController();
  #written: Promise<unknown> = Promise.resolve();
  /** Whose it is, until somebody logs out or in here: another window may put another account's tokens into the store. */
  #subject: string | undefined;
  #isTold = false;
  #renewal: Renewal | undefined;

  constructor(
    private readonly store: TokenStore,
    private readonly url: string,
    private readonly patience: Patience,
    private readonly onSignedOut: (reason: SignedOutReason) => void,
  ) {}

  /** Somebody has logged in; `leave` comes first. */
  async begin(tokens: AuthTokens): Promise<void> {
    await this.#write(() => this.#save(this.#stored(tokens)));
  }

  /** With other tokens of the same account, which `ask` brings while they end those in use. Not any more where `session` has ended. */
  async renew(ask: () => Promise<AuthTokens>, session: AbortSignal): Promise<void> {
    const renewal = (this.#renewal = new Renewal());
    try {
      const tokens = this.#stored(await ask());
      await this.#write(async () => {
        session.throwIfAborted();
        if ((await this.#load()) === undefined) throw new SignedOut(); // another window has logged out
        await this.#save(tokens);
      });
    } finally {
      renewal.over();
      if (this.#renewal === renewal) this.#renewal = undefined;
    }
  }

  /** What is under way. */
  get renewal(): Renewal | undefined {
    return this.#renewal;
  }

  /** Until somebody logs out or in: what one account has begun must not go on as another. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Its work stops here. */
  leave(): void {
    this.#subject = undefined;
    this.#isTold = false;
    this.#stop();
  }

  /** The tokens that it had. */
  async end(): Promise<StoredTokens | undefined> {
    const subject = this.#subject;
    this.leave();
    return this.#write(async () => {
      const tokens = await this.store.load();
      if (isOthers(tokens, subject)) return undefined;
      await this.store.clear();
      return tokens;
    });
  }

  /** A token that is good for a while. Throws `SignedOut`. */
  async accessToken(): Promise<string> {
    const tokens = await this.#current();
    if (tokens.expires_at - this.patience.clock.now() > EARLY_MS) return tokens.access_token;
    return this.replace(tokens.access_token);
  }

  /** A newer token than `stale`, which the server has refused. Throws `SignedOut`. */
  async replace(stale: string): Promise<string> {
    if (this.#refreshing === undefined) {
      const refreshing = this.#refresh(stale).finally(() => {
        if (this.#refreshing === refreshing) this.#refreshing = undefined; // not that of who has logged in meanwhile
      });
      this.#refreshing = refreshing;
    }
    return (await this.#refreshing).access_token;
  }

  async #refresh(stale: string): Promise<StoredTokens> {
    const { signal } = this;
    const old = await this.#current();
    if (old.access_token !== stale) return old; // another request, or another window, was quicker
    let fresh: StoredTokens | undefined;
    let refusal: AdiuvaProblem | undefined;
    try {
      fresh = this.#stored(await this.#rotate(old, signal));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Superseded) return error.by;
      // Anything else (no network, 503) leaves the session alone.
      if (!isProblem(error, "invalid_token", "sso_required", "token_reused", "validation_error")) throw error;
      refusal = error;
      // A new password ends the tokens before its own are here, or in the store: another window may be the one that changes it.
      await (this.#renewal?.pending ?? this.patience.clock.sleep(OTHERS_MS, signal));
    }
    return this.#write(async () => {
      signal.throwIfAborted(); // the store may have somebody else's by now
      const now = await this.#load();
      if (now !== undefined && now.refresh_token !== old.refresh_token) return now; // another window's, or a new password's
      if (fresh === undefined) return this.#signOut(refusal);
      if (now === undefined) throw new SignedOut(); // another window has logged out
      await this.#save(fresh);
      return fresh;
    });
  }

  async #signOut(cause: unknown): Promise<never> {
    await this.store.clear();
    const signedOut = new SignedOut({ cause });
    this.#tell(signedOut.reason ?? "invalid_token");
    throw signedOut;
  }

  #tell(reason: SignedOutReason): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.onSignedOut(reason);
  }

  #stop(): void {
    this.#end.abort(new SignedOut());
    this.#end = new AbortController();
    this.#refreshing = undefined;
  }

  /** What the store has, as soon as what is being written is in it. Throws `SignedOut`. */
  async #current(): Promise<StoredTokens> {
    const { signal } = this;
    await this.#written;
    signal.throwIfAborted();
    const tokens = await this.#load();
    if (tokens === undefined) throw new SignedOut();
    return tokens;
  }

  /** Another account's tokens end this session, and stay where they are: they are another window's. */
  async #load(): Promise<StoredTokens | undefined> {
    const { signal } = this;
    const tokens = await this.store.load();
    signal.throwIfAborted(); // they may be of before, or of after
    if (isOthers(tokens, this.#subject)) {
      this.#stop();
      this.#tell("invalid_token");
      throw new SignedOut();
    }
    if (tokens !== undefined) this.#has(tokens);
    return tokens;
  }

  async #save(tokens: StoredTokens): Promise<void> {
    const { signal } = this;
    await this.store.save(tokens);
    if (!signal.aborted) this.#has(tokens);
  }

  #has(tokens: StoredTokens): void {
    this.#subject ??= subjectOf(tokens);
    this.#isTold = false;
  }

  /** One after another: a file that is still being saved must not come back after it was removed. */
  #write<Value>(work: () => Value | Promise<Value>): Promise<Value> {
    const written = this.#written.then(work);
    this.#written = written.catch(() => {});
    return written;
  }

  #stored(tokens: AuthTokens): StoredTokens {
    return stored(tokens, this.patience.clock.now());
  }

  async #rotate(old: StoredTokens, signal: AbortSignal): Promise<AuthTokens> {
    const options = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh_token: old.refresh_token }),
    };
    // It may have waited for minutes, and a token that was replaced meanwhile is taken for a stolen one.
    const prepare = async (): Promise<Request> => {
      signal.throwIfAborted();
      const now = await this.#current();
      if (now.refresh_token !== old.refresh_token) throw new Superseded(now);
      return new Request(`${this.url}/api/v1/auth/refresh`, options);
    };
    // Repeatable: for 30 seconds a token that was used gives the same successor again.
    const ask = async (): Promise<AuthTokens> => {
      const response = await this.patience.send(prepare, { repeatable: true, until: () => signal });
      if (!response.ok) throw await problemOf(response);
      return (await response.json()) as AuthTokens;
    };
    // An answer that never came may have been that successor, and after those seconds the token is a stolen one.
    return ask().catch((error: unknown) => {
      if (!(error instanceof AdiuvaTimeoutError) || this.patience.options.lostAnswers === 0) throw error;
      return ask();
    });
  }
}

function isOthers(tokens: StoredTokens | undefined, subject: string | undefined): boolean {
  if (tokens === undefined || subject === undefined) return false;
  const other = subjectOf(tokens);
  return other !== undefined && other !== subject;
}
