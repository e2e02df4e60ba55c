import { checkedKdf, type Kdf } from "../keys/kdf.js";
import { secretsOf, type Argon2id, type PasswordSecrets } from "../keys/secrets.js";
import type { UserProfile } from "../types.js";
import type { Json } from "./json.js";

/** What a device has seen of an account and holds the server to later. Nothing of it is secret. */
export interface KnownAccount {
  /** How its password is derived. Since the server has been given a derived one, the plain one is never sent. */
  kdf?: Kdf;
  /** Which master key it has. */
  keyId?: string;
}

/** Where that is kept, by address: a file beside the tokens. It outlives logging out. */
export interface AccountStore {
  load(email: string): KnownAccount | undefined | Promise<KnownAccount | undefined>;
  save(email: string, account: KnownAccount): void | Promise<void>;
  remove(email: string): void | Promise<void>;
}

/** Forgets with the process. */
export class MemoryAccounts implements AccountStore {
  readonly #accounts = new Map<string, KnownAccount>();

  load(email: string): KnownAccount | undefined {
    return this.#accounts.get(email);
  }

  save(email: string, account: KnownAccount): void {
    this.#accounts.set(email, account);
  }

  remove(email: string): void {
    this.#accounts.delete(email);
  }
}

/** This device knows that the account's password is derived: the plain one would tell the server what it must not know. */
export class PlainPasswordRefused extends Error {
  override readonly name = "PlainPasswordRefused";

  constructor() {
    super("The account's password is derived on this device; it is not sent in the clear.");
  }
}

/** Who is logged in, and what this device knows of accounts. */
export class Identity {
  #email: string | undefined;
  /** How often a session has begun: an answer about an earlier one is not kept. */
  #begun = 0;
  /** The address that was last seen in a session. */
  #last: { session: AbortSignal; email: string } | undefined;

  constructor(
    private readonly json: Json,
    private readonly store: AccountStore,
    private readonly argon2id: Argon2id | undefined,
  ) {}

  /** The address that the session is of. */
  async email(): Promise<string> {
    return this.#email ?? this.currentEmail();
  }

  /**
   * Asked anew, where a password is to be derived: the link of a mail may have changed it, and for an address that it does not know
   * the server makes up a salt. What is known of the account is known by the new one too.
   */
  async currentEmail(): Promise<string> {
    const begun = this.#begun;
    const session = this.json.ofSession();
    const { email } = await this.json.get<UserProfile>("auth/me");
    const last = this.#last?.session === session ? this.#last.email : email;
    if (nameOf(last) !== nameOf(email)) await this.#carry(last, email);
    if (begun === this.#begun) {
      this.#email = email;
      this.#last = { session, email };
    }
    return email;
  }

  /** Nothing is dropped: the server's word alone must not let it name a weaker derivation for either address. */
  async #carry(from: string, to: string): Promise<void> {
    await this.store.save(nameOf(to), { ...(await this.known(from)), ...(await this.known(to)) });
  }

  /** Another session has begun; asked for when it is needed, unless it is given. */
  begin(email?: string): void {
    this.#email = email;
    this.#begun++;
    if (email !== undefined) this.#last = { session: this.json.ofSession(), email };
  }

  async known(email: string): Promise<KnownAccount> {
    return (await this.store.load(nameOf(email))) ?? {};
  }

  async remember(email: string, news: KnownAccount): Promise<void> {
    await this.store.save(nameOf(email), { ...(await this.known(email)), ...news });
  }

  async forget(email: string): Promise<void> {
    await this.store.remove(nameOf(email));
  }

  /** By what the server says of the derivation. Throws `WeakKdf`. */
  async secrets(email: string, password: string, signal?: AbortSignal): Promise<PasswordSecrets & { kdf: Kdf }> {
    const { kdf } = await this.json.post<{ kdf: Kdf }>("auth/prelogin", { email }, { signal });
    checkedKdf(kdf, (await this.known(email)).kdf);
    return { ...(await this.derive(password, kdf)), kdf };
  }

  derive(password: string, kdf: Kdf): Promise<PasswordSecrets> {
    return secretsOf(password, kdf, this.argon2id);
  }

  async requirePlain(email: string): Promise<void> {
    if ((await this.known(email)).kdf !== undefined) throw new PlainPasswordRefused();
  }

  /** What the server takes as the password of who is logged in. */
  async loginSecret(password: string, { plain = false }: { plain?: boolean } = {}): Promise<string> {
    const session = this.json.ofSession();
    const email = plain ? await this.email() : await this.currentEmail();
    if (plain) await this.requirePlain(email);
    const secret = plain ? password : (await this.secrets(email, password)).login;
    session.throwIfAborted(); // it proves nothing of who has logged in meanwhile
    return secret;
  }
}

/** One for all the ways to write an address that the server takes for the same: NFC, case, and IDNA. */
function nameOf(email: string): string {
  const name = email.trim().normalize("NFC").toLowerCase();
  const at = name.lastIndexOf("@");
  try {
    return `${name.slice(0, at)}@${new URL(`https://${name.slice(at + 1)}`).hostname}`;
  } catch {
    return name; // the server will have something to say about it
  }
}
