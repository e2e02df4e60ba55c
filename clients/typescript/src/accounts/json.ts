import type { Transport } from "../transport.js";

export interface CallOptions {
  headers?: Record<string, string> | undefined;
  signal?: AbortSignal | undefined;
  /** A POST or PATCH that may be sent twice: an answer that is lost is asked for again. */
  isRepeatable?: boolean;
  /** Milliseconds; the client's own unless given. */
  timeout?: number | undefined;
}

/** JSON routes of accounts, keys and batches, by their path behind `/api/v1/`. */
export class Json {
  constructor(
    private readonly url: string,
    private readonly transport: Transport,
  ) {}

  /** `signal`, and the end of the session: for what takes more than one request. */
  ofSession(signal?: AbortSignal): AbortSignal {
    return this.transport.ofSession(signal);
  }

  get<Answer>(path: string, options: CallOptions = {}): Promise<Answer> {
    return this.#call("GET", path, undefined, options);
  }

  post<Answer = void>(path: string, body: object = {}, options: CallOptions = {}): Promise<Answer> {
    return this.#call("POST", path, body, options);
  }

  patch<Answer>(path: string, body: object, options: CallOptions = {}): Promise<Answer> {
    return this.#call("PATCH", path, body, options);
  }

  put<Answer = void>(path: string, body: object, options: CallOptions = {}): Promise<Answer> {
    return this.#call("PUT", path, body, options);
  }

  delete(path: string, body?: object, options: CallOptions = {}): Promise<void> {
    return this.#call("DELETE", path, body, options);
  }

  /** The answer itself. */
  send(method: string, path: string, body: object | undefined, { headers, signal, isRepeatable, timeout }: CallOptions): Promise<Response> {
    const typed = body === undefined ? {} : { "Content-Type": "application/json" };
    const init: RequestInit = { method, headers: { ...typed, ...headers }, signal: signal ?? null };
    if (body !== undefined) init.body = JSON.stringify(body);
    return this.transport.send(() => new Request(`${this.url}/api/v1/${path}`, init), { repeatable: isRepeatable, timeout });
  }

  async #call<Answer>(method: string, path: string, body: object | undefined, options: CallOptions): Promise<Answer> {
    const text = await (await this.send(method, path, body, options)).text();
    return (text === "" ? undefined : JSON.parse(text)) as Answer;
  }
}
