import createClient, { type Client } from "openapi-fetch";
import { Backups, Packages, Records } from "./blobs.js";
import { changes, type FeedEvent } from "./changes.js";
import { ChatSocket, type ChatOptions } from "./chat.js";
import { isProblem } from "./problem.js";
import type { paths } from "./schema.js";
import { Session } from "./session.js";
import { MemoryTokens, type TokenStore } from "./tokens.js";
import { Transport, type RetryOptions } from "./transport.js";
import type { AuthTokens } from "./types.js";

/** Every JSON route, typed by openapi.json. Errors are thrown (`AdiuvaProblem`), so `data` is there. */
export type Api = Client<paths>;

export interface ClientOptions {
  /** The server, without `/api/v1`: `https://api.adiuva.app`. */
  baseUrl: string;
  /** Where the session is kept; in memory unless given. */
  tokens?: TokenStore;
  /** Called once the server has ended the session: show the login. */
  onSignedOut?: () => void;
  retry?: Partial<RetryOptions>;
  fetch?: typeof globalThis.fetch;
}

export interface Credentials {
  email: string;
  password: string;
}

export class AdiuvaClient {
  readonly api: Api;
  readonly backups: Backups;
  readonly packages: Packages;
  readonly records: Records;
  readonly #session: Session;
  readonly #url: string;

  constructor(options: ClientOptions) {
    this.#url = options.baseUrl.replace(/\/+$/, "");
    const send = options.fetch ?? ((...request: Parameters<typeof fetch>) => globalThis.fetch(...request));
    this.#session = new Session(options.tokens ?? new MemoryTokens(), this.#url, send, options.onSignedOut ?? (() => {}));
    const transport = new Transport(this.#session, send, { attempts: 2, maxWait: 30, ...options.retry });
    this.api = createClient<paths>({
      baseUrl: this.#url,
      // JSON bodies are small: each attempt has a copy of its own.
      fetch: (request) => transport.send(() => request.clone()),
    });
    this.backups = new Backups(this.#url, transport);
    this.packages = new Packages(this.#url, transport);
    this.records = new Records(this.#url, transport);
  }

  /** Makes an account and logs in. */
  async register(credentials: Credentials): Promise<void> {
    const { data } = await this.api.POST("/api/v1/auth/register", { body: credentials });
    await this.#session.begin(data as AuthTokens);
  }

  async login(credentials: Credentials): Promise<void> {
    const { data } = await this.api.POST("/api/v1/auth/login", { body: credentials });
    await this.#session.begin(data as AuthTokens);
  }

  /** Ends the session here, and on the server where it can be reached. */
  async logout(): Promise<void> {
    const tokens = await this.#session.current();
    if (tokens === undefined) return;
    try {
      await this.api.POST("/api/v1/auth/logout", { body: { refresh_token: tokens.refresh_token } });
    } finally {
      await this.#session.end();
    }
  }

  /** Every other session ends; this one goes on with new tokens. */
  async changePassword(body: { current_password: string; new_password: string }): Promise<void> {
    const { data } = await this.api.POST("/api/v1/auth/password", { body });
    await this.#session.begin(data as AuthTokens);
  }

  /** What has changed in the records since a cursor; see `FeedEvent`. */
  changes(options?: { since?: number; limit?: number; signal?: AbortSignal }): AsyncGenerator<FeedEvent, void, undefined> {
    return changes(this.api, options);
  }

  /** A conversation. It connects with the first message, and again when it has to. */
  chat(options: ChatOptions = {}): ChatSocket {
    const address = `${this.#url.replace(/^http/, "ws")}/api/v1/chat/stream`;
    return new ChatSocket(async () => {
      const { ticket } = await ok(this.api.POST("/api/v1/auth/ws-ticket"));
      return `${address}?ticket=${encodeURIComponent(ticket)}`;
    }, options);
  }
}

export function createAdiuvaClient(options: ClientOptions): AdiuvaClient {
  return new AdiuvaClient(options);
}

/** The body of an answer: `const me = await ok(client.api.GET("/api/v1/auth/me"))`. */
export async function ok<Data>(answer: Promise<{ data?: Data }>): Promise<NonNullable<Data>> {
  return (await answer).data as NonNullable<Data>;
}

/** One purchase, however often it is sent: make it once, keep it for every attempt. */
export function idempotencyKey(): { "Idempotency-Key": string } {
  return { "Idempotency-Key": crypto.randomUUID() };
}

/** The current ETag where a conditional write was refused; `undefined` for any other error. */
export function conflictingEtag(error: unknown): string | undefined {
  return isProblem(error, "precondition_failed") ? (error.problem.etag ?? undefined) : undefined;
}
