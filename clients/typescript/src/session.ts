import type { Patience } from "./patience.js";
import { isProblem, problemOf, SignedOut, type SignedOutReason } from "./problem.js";
import { AdiuvaTimeoutError } from "./timeouts.js";
import { stored, type StoredTokens, type TokenStore } from "./tokens.js";
import type { AuthTokens } from "./types.js";

/** A token that ends this soon is replaced first: a large upload must not lose its token on the way. */
const EARLY_MS = 30_000;

/** The tokens in use. However many requests find them stale at once, they are refreshed once. */
export class Session {
  #refreshing: Promise<StoredTokens> | undefined;
  #end = new AbortController();
  #written: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: TokenStore,
    private readonly url: string,
    private readonly patience: Patience,
    private readonly onSignedOut: (reason: SignedOutReason) => void,
  ) {}

  async begin(tokens: AuthTokens): Promise<void> {
    await this.#write(() => this.store.save(stored(tokens, this.patience.clock.now())));
  }

  /** Until somebody logs out or in: what one account has begun must not go on as another. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Its work stops here. */
  leave(): void {
    this.#end.abort(new SignedOut());
    this.#end = new AbortController();
    this.#refreshing = undefined;
  }

  /** The tokens that it had. */
  async end(): Promise<StoredTokens | undefined> {
    this.leave();
    const tokens = await this.current();
    await this.#write(() => this.store.clear());
    return tokens;
  }

  current(): Promise<StoredTokens | undefined> {
    return Promise.resolve(this.store.load());
  }

  /** A token that is good for a while. Throws `SignedOut`. */
  async accessToken(): Promise<string> {
    const tokens = await this.current();
    if (tokens === undefined) throw new SignedOut();
    if (tokens.expires_at - this.patience.clock.now() > EARLY_MS) return tokens.access_token;
    return this.replace(tokens.access_token);
  }

  /** A newer token than `stale`, which the server has refused. Throws `SignedOut`. */
  async replace(stale: string): Promise<string> {
    this.#refreshing ??= this.#refresh(stale).finally(() => {
      this.#refreshing = undefined;
    });
    return (await this.#refreshing).access_token;
  }

  async #refresh(stale: string): Promise<StoredTokens> {
    const { signal } = this;
    const tokens = await this.current();
    if (tokens === undefined) throw new SignedOut();
    if (tokens.access_token !== stale) return tokens; // another request, or another window, was quicker
    try {
      const fresh = stored(await this.#rotate(tokens.refresh_token), this.patience.clock.now());
      await this.#write(() => {
        signal.throwIfAborted(); // the store may have somebody else's by now
        return this.store.save(fresh);
      });
      return fresh;
    } catch (error) {
      signal.throwIfAborted();
      // Anything else (no network, 503) leaves the session alone.
      if (!isProblem(error, "invalid_token", "sso_required", "token_reused", "validation_error")) throw error;
      const now = await this.current();
      if (now !== undefined && now.refresh_token !== tokens.refresh_token) return now; // another window has logged in meanwhile
      await this.store.clear();
      const signedOut = new SignedOut({ cause: error });
      this.onSignedOut(signedOut.reason ?? "invalid_token");
      throw signedOut;
    }
  }

  /** One after another: a file that is still being saved must not come back after it was removed. */
  #write(work: () => void | Promise<void>): Promise<void> {
    const written = this.#written.then(work);
    this.#written = written.catch(() => {});
    return written;
  }

  async #rotate(refreshToken: string): Promise<AuthTokens> {
    const options = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh_token: refreshToken }),
    };
    // Repeatable: for 30 seconds a token that was used gives the same successor again.
    const ask = async (): Promise<AuthTokens> => {
      const response = await this.patience.send(() => new Request(`${this.url}/api/v1/auth/refresh`, options), { repeatable: true });
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
