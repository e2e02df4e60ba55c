import { bodyOf, checksumOf, sendable, sizeOf, verified, type Sealed } from "./bytes.js";
import { isProblem } from "./problem.js";
import type { Transport } from "./transport.js";
import type { RecordMeta } from "./types.js";

/** Downloaded bytes that have the checksum the server named. */
export interface Downloaded {
  bytes: Uint8Array;
  checksum: string;
  /** Send it as `ifMatch` to replace exactly this state. */
  etag: string;
}

export interface Written<Meta> {
  meta: Meta;
  etag: string;
}

export interface Abortable {
  /** Ends a transfer that takes too long. */
  signal?: AbortSignal | undefined;
  /** Milliseconds in which the answer has to begin, and from one piece of it to the next; the client's own unless given. */
  timeout?: number | undefined;
}

interface Sending extends Abortable {
  headers?: Record<string, string>;
  body?: Sealed;
}

/** What the routes of bytes share. */
export abstract class Blobs {
  constructor(
    private readonly url: string,
    protected readonly transport: Transport,
  ) {}

  protected send(
    method: string,
    path: string,
    { headers = {}, body, signal, timeout }: Sending = {},
  ): Promise<Response> {
    const options = { method, headers, signal: signal ?? null };
    const url = `${this.url}/api/v1/${path}`;
    return this.transport.send(() => new Request(url, { ...options, ...(body === undefined ? {} : bodyOf(body)) }), { timeout, bytes: sizeOf(body) });
  }

  protected async download(path: string, { signal, timeout }: Abortable): Promise<Downloaded & { headers: Headers }> {
    const response = await this.send("GET", path, { signal, timeout });
    const bytes = await verified(response);
    const { headers } = response;
    return { bytes, checksum: headers.get("X-Checksum") ?? "", etag: headers.get("ETag") ?? "", headers };
  }

  protected async write<Meta>(
    method: string,
    path: string,
    { headers, body, signal, timeout }: Sending & { body: Sealed },
  ): Promise<Written<Meta>> {
    const typed = { "Content-Type": "application/octet-stream", ...headers };
    const response = await this.send(method, path, { headers: typed, body: await this.transport.prepared(sendable(body)), signal, timeout });
    return { meta: (await response.json()) as Meta, etag: response.headers.get("ETag") ?? "" };
  }
}

function ifMatchHeader(etag: string | undefined): Record<string, string> {
  return etag === undefined ? {} : { "If-Match": etag };
}

/** Sealed records, as raw bytes. Lists and quotas are JSON: `client.api`. */
export class Records extends Blobs {
  /**
   * Stores new bytes; without an `id` the server makes one. Either way it is stored once, also when an answer was lost: the
   * same id with the same content is no conflict.
   */
  async create(options: { table: string; body: Sealed; id?: string } & Abortable): Promise<Written<RecordMeta>> {
    const query = new URLSearchParams({ table_name: options.table });
    if (options.id !== undefined) query.set("id", options.id);
    const { body, signal, timeout } = options;
    const headers = { "X-Checksum": await this.transport.prepared(checksumOf(body)) };
    return this.write("POST", `storage/records?${query}`, { headers, body, signal, timeout });
  }

  /** With `ifMatch`, a record that has changed since is left alone: the problem is `precondition_failed`. */
  async replace(
    id: string,
    body: Sealed,
    options: { ifMatch?: string } & Abortable = {},
  ): Promise<Written<RecordMeta>> {
    const checksum = await this.transport.prepared(checksumOf(body));
    const put = (ifMatch?: string): Promise<Written<RecordMeta>> => {
      const headers = { "X-Checksum": checksum, ...ifMatchHeader(ifMatch) };
      return this.write("PUT", `storage/records/${id}`, { headers, body, signal: options.signal, timeout: options.timeout });
    };
    try {
      return await put(options.ifMatch);
    } catch (error) {
      // The answer to an earlier attempt may have been lost: then these very bytes are what is there.
      const there = isProblem(error, "precondition_failed") ? await this.#whatIsThere(id, options) : undefined;
      if (there?.checksum !== checksum) throw error;
      return put(there.etag);
    }
  }

  async #whatIsThere(id: string, { signal, timeout }: Abortable): Promise<{ checksum: string | null; etag: string }> {
    const { headers } = await this.send("HEAD", `storage/records/${id}`, { signal, timeout });
    return { checksum: headers.get("X-Checksum"), etag: headers.get("ETag") ?? "" };
  }

  async read(id: string, options: Abortable = {}): Promise<Downloaded> {
    const { bytes, checksum, etag } = await this.download(`storage/records/${id}`, options);
    return { bytes, checksum, etag };
  }

  /**
   * The answer, for bytes that are too many for memory; `range` is one as in `bytes=0-1023`. Not verified. It has status, headers and
   * a body for any reader but a BYOB one, and no `url`.
   */
  stream(id: string, { range, signal, timeout }: { range?: string } & Abortable = {}): Promise<Response> {
    const headers: Record<string, string> = range === undefined ? {} : { Range: range };
    return this.send("GET", `storage/records/${id}`, { headers, signal, timeout });
  }

  /** What is gone already (an answer may have been lost) is no error. */
  async remove(id: string, { ifMatch, signal, timeout }: { ifMatch?: string } & Abortable = {}): Promise<void> {
    try {
      await this.send("DELETE", `storage/records/${id}`, { headers: ifMatchHeader(ifMatch), signal, timeout });
    } catch (error) {
      if (!isProblem(error, "not_found")) throw error;
    }
  }
}

/** Packages of installed plugins. */
export class Packages extends Blobs {
  async fetch(pluginId: string, options: { version?: string } & Abortable = {}): Promise<Downloaded> {
    const query = options.version === undefined ? "" : `?${new URLSearchParams({ version: options.version })}`;
    const { bytes, checksum, etag } = await this.download(`plugins/${pluginId}/package${query}`, options);
    return { bytes, checksum, etag };
  }
}
