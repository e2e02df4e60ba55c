import type { Abortable } from "../blobs.js";
import { sha256, toBase64 } from "../bytes.js";
import { Endurance } from "../endurance.js";
import type { Patience } from "../patience.js";
import { isProblem, UnexpectedResponse } from "../problem.js";
import { AdiuvaTimeoutError } from "../timeouts.js";
import type { Transport } from "../transport.js";
import { readerOf, type Source, type SourceReader } from "./source.js";

/** More than the 5 MiB that a part has to have on S3, and little to be sent again. */
export const PART_BYTES = 8 * 1024 * 1024;
/** Of a part that is cut nothing is kept, for its checksum: on a slow line they become smaller, down to this. The server puts them together. */
const LEAST_PART_BYTES = 256 * 1024;

/** So many parts in a row have to arrive before larger ones are tried; twice as many each time that those were too large. */
const ENOUGH_PARTS = 8;

/**
 * A line that stood still (408), another offset (409), another request still at work (423), a part that was damaged on its
 * way (460), a server or a store that is away: where the upload stands is asked, and it goes on from there.
 */
const PASSING = new Set([408, 409, 423, 460, 502, 503, 504]);

export interface UploadState {
  /** Bytes that the server has. */
  offset: number;
  size: number;
  /** What came of it, once it is finished: the path of the record or backup, and its ETag. */
  location: string | undefined;
  etag: string | undefined;
}

export interface UploadProgress extends Abortable {
  /** Called with the bytes that the server has. */
  onProgress?: ((bytes: number, size: number) => void) | undefined;
}

/** The server does not have the upload any more, or never had: begin anew. */
export class UploadExpired extends Error {
  override readonly name = "UploadExpired";
}

/** Uploads that survive lost connections, and restarts of the app for a day (tus 1.0, docs/api.md § 7). */
export class Uploads {
  constructor(
    private readonly url: string,
    private readonly transport: Transport,
    private readonly patience: Patience,
  ) {}

  /**
   * Begins one, and reserves its room. `metadata`: `target` and what belongs to it. The id leads to it until it is finished, and
   * a day longer. Problems: `quota_exceeded`, `payload_too_large`, `conflict` for an id that is taken.
   */
  async create(size: number, metadata: Record<string, string>, { signal, timeout }: UploadProgress = {}): Promise<string> {
    const encode = (text: string) => toBase64(new TextEncoder().encode(text));
    const headers = {
      "Upload-Length": String(size),
      "Upload-Metadata": Object.entries(metadata).map(([name, value]) => `${name} ${encode(value)}`).join(","),
      "Idempotency-Key": crypto.randomUUID(),
    };
    const response = await this.#send("POST", "", { headers, signal, timeout });
    const id = response.headers.get("Location")?.split("/").at(-1);
    if (id === undefined || id === "") throw new TypeError("The answer does not say where the upload is.");
    return id;
  }

  /** How far it is. Throws `UploadExpired`. */
  async state(id: string, { signal, timeout }: UploadProgress = {}): Promise<UploadState> {
    const { headers } = await this.#send("HEAD", `/${id}`, { signal, timeout });
    return stateOf(headers, numberOf(headers, "Upload-Length"));
  }

  /**
   * Sends what the server has not got yet, from wherever it stands, and goes on after each interruption. The source is the same
   * that it began with. Throws `SourceChanged`, `UploadExpired`, or the problem: `checksum_mismatch` where the whole is not what was
   * said of it (then it is gone).
   */
  async send(id: string, source: Source, options: UploadProgress = {}): Promise<UploadState> {
    const signal = this.transport.ofSession(options.signal);
    const reader = await readerOf(source);
    try {
      return await this.#sendAll(id, reader, { ...options, signal });
    } finally {
      await reader.close();
    }
  }

  async #sendAll(id: string, reader: SourceReader, { signal, timeout, onProgress = () => {} }: UploadProgress): Promise<UploadState> {
    const parts = new Parts(reader);
    const endurance = new Endurance(this.patience, PASSING, signal);
    let known = 0;
    let state: UploadState | undefined;
    for (;;) {
      state ??= await endurance.attempt(() => this.state(id, { signal, timeout }));
      if (state === undefined) continue;
      if (state.offset > known) {
        endurance.progress();
        onProgress((known = state.offset), state.size);
      }
      if (state.offset >= state.size) return state;
      const { offset, size } = state;
      const bytes = await parts.from(offset);
      const patch = (): Promise<UploadState> => this.#patch(id, { offset, size, bytes, signal, timeout });
      state = await endurance.attempt(() =>
        patch().then(
          (after) => parts.arrived(after),
          (error: unknown) => parts.failed(error),
        ),
      );
    }
  }

  /** Gives its room back. What is gone already is no error. */
  async abort(id: string, { signal, timeout }: UploadProgress = {}): Promise<void> {
    try {
      await this.#send("DELETE", `/${id}`, { signal, timeout });
    } catch (error) {
      if (!(error instanceof UploadExpired)) throw error;
    }
  }

  async #patch(id: string, part: { offset: number; size: number; bytes: Uint8Array } & Abortable): Promise<UploadState> {
    const { offset, size, bytes, signal, timeout } = part;
    const digest = await sha256(bytes);
    const headers = {
      "Content-Type": "application/offset+octet-stream",
      "Upload-Offset": String(offset),
      "Upload-Checksum": `sha256 ${toBase64(Uint8Array.from(digest.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)))}`,
    };
    const response = await this.#send("PATCH", `/${id}`, { headers, body: bytes as BodyInit, signal, timeout });
    return stateOf(response.headers, size);
  }

  async #send(
    method: string,
    path: string,
    { headers = {}, body, signal, timeout }: { headers?: Record<string, string>; body?: BodyInit } & Abortable,
  ): Promise<Response> {
    const options = { method, headers: { "Tus-Resumable": "1.0.0", ...headers }, signal: signal ?? null };
    const url = `${this.url}/api/v1/storage/uploads${path}`;
    try {
      return await this.transport.send(() => new Request(url, { ...options, ...(body === undefined ? {} : { body }) }), { timeout });
    } catch (error) {
      const isGone = isProblem(error, "not_found") || (error instanceof UnexpectedResponse && error.status === 404);
      throw isGone && path !== "" ? new UploadExpired(`There is no upload${path.replace("/", " ")}.`, { cause: error }) : error;
    }
  }
}

function stateOf(headers: Headers, size: number): UploadState {
  const offset = numberOf(headers, "Upload-Offset");
  return { offset, size, location: headers.get("Content-Location") ?? undefined, etag: headers.get("ETag") ?? undefined };
}

/** Without it nobody knows how far the upload is. A proxy may have dropped it. */
function numberOf(headers: Headers, name: string): number {
  const text = headers.get(name) ?? "";
  if (!/^\d+$/.test(text)) throw new TypeError(`The answer has no ${name}.`);
  return Number(text);
}

/** The part that is being sent is kept, so that also what can be read only once can be sent again. */
class Parts {
  #most = PART_BYTES;
  #arrived = 0;
  #enough = ENOUGH_PARTS;
  #hasGrown = false;
  #start = 0;
  #bytes: Uint8Array = new Uint8Array();

  constructor(private readonly reader: SourceReader) {}

  /** The next ones are half as large where there was no time for this one. */
  failed(error: unknown): never {
    if (error instanceof AdiuvaTimeoutError) {
      if (this.#hasGrown && this.#arrived < ENOUGH_PARTS) this.#enough *= 2;
      this.#hasGrown = false;
      this.#most = Math.max(LEAST_PART_BYTES, this.#most / 2);
    }
    this.#arrived = 0;
    throw error;
  }

  /** The line may have been slow in one place only: a part of 256 KiB is a request, too. */
  arrived(state: UploadState): UploadState {
    this.#arrived += 1;
    if (this.#most < PART_BYTES && this.#arrived >= this.#enough) {
      [this.#most, this.#arrived, this.#hasGrown] = [2 * this.#most, 0, true];
    }
    return state;
  }

  /** Some bytes from `offset` on. */
  async from(offset: number): Promise<Uint8Array> {
    if (offset < this.#start || offset >= this.#start + this.#bytes.length) {
      this.#bytes = await this.reader.read(offset, Math.min(PART_BYTES, this.reader.size - offset));
      this.#start = offset;
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + this.#most);
  }
}
