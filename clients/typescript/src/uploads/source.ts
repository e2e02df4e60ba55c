import { createSHA256 } from "hash-wasm";

/** Bytes as they come. */
export type ByteStream = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** Node's `FileHandle`. */
export interface ReadableFile {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  stat(): Promise<{ size: number }>;
}

/**
 * Bytes that need not be in memory. Without a `checksum` (SHA-256) they are read twice, first to hash them. A `stream` can be
 * read once only, so its checksum must be known. `open` gives the bytes from `start` on, as often as it is called.
 */
export type Source =
  | Blob
  | ReadableFile
  | { size: number; open: (start: number) => ByteStream | Promise<ByteStream>; checksum?: string }
  | { size: number; stream: ByteStream; checksum: string };

/** The source has other bytes than it said: fewer, or none any more from where they are needed. */
export class SourceChanged extends Error {
  override readonly name = "SourceChanged";
}

export interface SourceReader {
  readonly size: number;
  readonly checksum: string | undefined;
  /** Exactly these bytes; they are good until the next call. Throws `SourceChanged`. */
  read(start: number, length: number): Promise<Uint8Array>;
  /** What it has opened itself. */
  close(): Promise<unknown>;
}

export async function readerOf(source: Source): Promise<SourceReader> {
  if (source instanceof Blob) return blobReader(source);
  if ("stat" in source) return fileReader(source, (await source.stat()).size);
  const { size, checksum } = source;
  if ("open" in source) return new StreamReader(size, checksum, source.open);
  let streams: ByteStream[] = [source.stream];
  return new StreamReader(size, checksum, (start) => {
    const [stream] = streams;
    if (stream === undefined || start !== 0) throw new SourceChanged("A stream can be read once, from its beginning.");
    streams = [];
    return stream;
  });
}

const HASHED_BYTES = 1024 * 1024;

/** Lower-case hex SHA-256 of all of it, a MiB at a time. */
export async function hashOf(reader: SourceReader, onProgress: (bytes: number) => void, signal?: AbortSignal): Promise<string> {
  const sha256 = await createSHA256();
  for (let start = 0; start < reader.size; ) {
    signal?.throwIfAborted();
    const bytes = await reader.read(start, Math.min(HASHED_BYTES, reader.size - start));
    sha256.update(bytes);
    onProgress((start += bytes.length));
  }
  return sha256.digest();
}

function blobReader(blob: Blob): SourceReader {
  const read = async (start: number, length: number) => new Uint8Array(await blob.slice(start, start + length).arrayBuffer());
  return { size: blob.size, checksum: undefined, read, close: async () => {} };
}

function fileReader(file: ReadableFile, size: number): SourceReader {
  const buffer = new Buffered();
  const read = async (start: number, length: number): Promise<Uint8Array> => {
    const bytes = buffer.take(length);
    for (let filled = 0; filled < length; ) {
      const { bytesRead } = await file.read(bytes, filled, length - filled, start + filled);
      if (bytesRead === 0) throw new SourceChanged(`The file ends at ${start + filled} of ${size} bytes.`);
      filled += bytesRead;
    }
    return bytes;
  };
  return { size, checksum: undefined, read, close: async () => {} };
}

/** One buffer for all reads: large ones that are made anew each time pile up faster than they are collected. */
class Buffered {
  #buffer = new Uint8Array();

  take(length: number): Uint8Array {
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(length);
    return this.#buffer.subarray(0, length);
  }
}

/** Reads on where it can, and opens the source anew where it has to go elsewhere. */
class StreamReader implements SourceReader {
  readonly #buffer = new Buffered();
  #next: (() => Promise<Uint8Array | undefined>) | undefined;
  #close: () => Promise<unknown> = async () => {};
  #rest: Uint8Array = new Uint8Array();
  #position = 0;

  constructor(
    readonly size: number,
    readonly checksum: string | undefined,
    private readonly open: (start: number) => ByteStream | Promise<ByteStream>,
  ) {}

  async read(start: number, length: number): Promise<Uint8Array> {
    if (this.#next === undefined || start !== this.#position) await this.#openAt(start);
    const bytes = this.#buffer.take(length);
    for (let filled = 0; filled < length; ) {
      if (this.#rest.length === 0) {
        const piece = await this.#next?.();
        if (piece === undefined) throw new SourceChanged(`The stream ends at ${this.#position} of ${this.size} bytes.`);
        this.#rest = piece;
      }
      const taken = this.#rest.subarray(0, length - filled);
      bytes.set(taken, filled);
      this.#rest = this.#rest.subarray(taken.length);
      filled += taken.length;
      this.#position += taken.length;
    }
    return bytes;
  }

  close(): Promise<unknown> {
    return this.#close();
  }

  async #openAt(start: number): Promise<void> {
    await this.#close();
    const stream = await this.open(start);
    this.#rest = new Uint8Array();
    this.#position = start;
    if ("getReader" in stream) {
      const reader = stream.getReader();
      this.#next = async () => (await reader.read()).value;
      this.#close = () => reader.cancel();
    } else {
      const iterator = stream[Symbol.asyncIterator]();
      this.#next = async () => {
        const step = await iterator.next();
        return step.done === true ? undefined : step.value;
      };
      this.#close = async () => iterator.return?.();
    }
  }
}
