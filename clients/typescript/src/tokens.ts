import type { AuthTokens } from "./types.js";

/** A session as it is kept. `expires_at` is by this machine's clock, which may differ from the server's. */
export interface StoredTokens {
  access_token: string;
  refresh_token: string;
  /** Milliseconds since 1970. */
  expires_at: number;
}

/**
 * Where the session lives: in Electron's main process a file sealed with `safeStorage`, in tests memory.
 * A refresh token is worth a password, and each use replaces it: `save` must be durable when it resolves.
 */
export interface TokenStore {
  load(): StoredTokens | undefined | Promise<StoredTokens | undefined>;
  save(tokens: StoredTokens): void | Promise<void>;
  clear(): void | Promise<void>;
}

/** Forgets with the process. */
export class MemoryTokens implements TokenStore {
  #tokens: StoredTokens | undefined;

  constructor(tokens?: StoredTokens) {
    this.#tokens = tokens;
  }

  load(): StoredTokens | undefined {
    return this.#tokens;
  }

  save(tokens: StoredTokens): void {
    this.#tokens = tokens;
  }

  clear(): void {
    this.#tokens = undefined;
  }
}

export function stored(tokens: AuthTokens, now: number): StoredTokens {
  const { access_token, refresh_token, expires_in } = tokens;
  return { access_token, refresh_token, expires_at: now + expires_in * 1000 };
}

/** Whose session it is, where the access token is a JWT. */
export function subjectOf({ access_token }: StoredTokens): string | undefined {
  try {
    const payload = (access_token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const { sub } = JSON.parse(atob(payload)) as { sub?: unknown };
    return typeof sub === "string" ? sub : undefined;
  } catch {
    return undefined;
  }
}
