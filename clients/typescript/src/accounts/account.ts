import type { UserProfile } from "../types.js";
import { download, type ExportOptions } from "./export.js";
import type { Identity } from "./identity.js";
import type { Json } from "./json.js";

export type Locale = "en" | "de" | "it";

export interface SecurityEvent {
  at: string;
  /** `login`, `password_changed`, `factor_added`, … (docs/api.md § 3); there may be more of them one day. */
  type: string;
  session_id: string | null;
  ip: string | null;
  user_agent: string;
}

/** The account itself: address, language, what happened to it, and its end. */
export class Account {
  constructor(
    private readonly json: Json,
    private readonly identity: Identity,
  ) {}

  me(): Promise<UserProfile> {
    return this.json.get("auth/me");
  }

  /** The language of its mails. */
  setLocale(locale: Locale): Promise<UserProfile> {
    return this.json.patch("auth/me", { locale });
  }

  /** Sends the verification mail again. */
  async sendVerification(): Promise<void> {
    await this.json.post("auth/email/verification");
  }

  /** With the token of a verification mail, or of one to a new address. Nobody has to be logged in. */
  async verifyEmail(token: string): Promise<void> {
    await this.json.post("auth/email/verify", { token });
    this.identity.begin(); // it may have another address now
  }

  /** Takes effect when the new address is verified. */
  async changeEmail(newEmail: string, password: string, options: { plain?: boolean } = {}): Promise<void> {
    const session = this.json.ofSession();
    const secret = await this.identity.loginSecret(password, options);
    session.throwIfAborted();
    await this.json.post("auth/email", { new_email: newEmail, password: secret });
  }

  /** Newest first, of the last 90 days. */
  async events({ page = 1, limit = 50 }: { page?: number; limit?: number } = {}): Promise<{ items: SecurityEvent[]; total: number }> {
    return this.json.get(`auth/events?page=${page}&limit=${limit}`);
  }

  /**
   * All that the account has, as a zip, written to `sink` as it comes; sealed bytes stay sealed. Asks for a fresh session.
   * A download that breaks off goes on where it was. Resolves with the number of bytes.
   */
  export(sink: WritableStream<Uint8Array>, options: ExportOptions = {}): Promise<number> {
    const ask = (headers: Record<string, string>, signal?: AbortSignal) => this.json.send("GET", "auth/export", undefined, { headers, signal });
    return download(ask, sink, { ...options, signal: this.json.ofSession(options.signal) });
  }

  /** The account and everything in it goes. With a password, or in a fresh session. */
  async delete(password?: string, options: { plain?: boolean } = {}): Promise<void> {
    const session = this.json.ofSession();
    const body = password === undefined ? {} : { password: await this.identity.loginSecret(password, options) };
    const email = await this.identity.email();
    session.throwIfAborted(); // not the account of who has logged in meanwhile
    await this.json.delete("auth/me", body);
    await this.identity.forget(email);
  }
}
