import type { AccountStore, KnownAccount } from "./accounts/identity.js";
import type { StoredTokens, TokenStore } from "./tokens.js";

/**
 * The session in `localStorage`, where all tabs of an origin find it, and so does any script that gets into the page: for
 * pages that let none in. Electron has something better (`safeStorage`).
 */
export class WebTokens implements TokenStore {
  constructor(
    private readonly key = "adiuva session",
    private readonly storage: Storage = localStorage,
  ) {}

  load(): StoredTokens | undefined {
    return read<StoredTokens>(this.storage, this.key);
  }

  save(tokens: StoredTokens): void {
    this.storage.setItem(this.key, JSON.stringify(tokens));
  }

  clear(): void {
    this.storage.removeItem(this.key);
  }
}

/** What this browser knows of accounts, in `localStorage`. Nothing of it is secret. */
export class WebAccounts implements AccountStore {
  constructor(
    private readonly prefix = "adiuva account ",
    private readonly storage: Storage = localStorage,
  ) {}

  load(email: string): KnownAccount | undefined {
    return read<KnownAccount>(this.storage, this.prefix + email);
  }

  save(email: string, account: KnownAccount): void {
    this.storage.setItem(this.prefix + email, JSON.stringify(account));
  }

  remove(email: string): void {
    this.storage.removeItem(this.prefix + email);
  }
}

function read<Value>(storage: Storage, key: string): Value | undefined {
  const text = storage.getItem(key);
  return text === null ? undefined : (JSON.parse(text) as Value);
}
