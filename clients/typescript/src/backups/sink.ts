/** Node's `FileHandle`: written from its beginning, cut at the end, and left open. */
export interface WritableFile {
  write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
  truncate(length: number): Promise<void>;
}

/** Where a snapshot goes to: closed when all of it is there, aborted when that cannot be. */
export type Sink = WritableStream<Uint8Array> | WritableFile;

export interface SinkWriter {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(reason: unknown): Promise<void>;
}

export function writerOf(sink: Sink): SinkWriter {
  return "getWriter" in sink ? sink.getWriter() : new FileWriter(sink);
}

class FileWriter implements SinkWriter {
  #position = 0;

  constructor(private readonly file: WritableFile) {}

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, this.#position);
      done += bytesWritten;
      this.#position += bytesWritten;
    }
  }

  async close(): Promise<void> {
    await this.file.truncate(this.#position);
  }

  /** Nothing that looks like a snapshot stays. */
  async abort(): Promise<void> {
    await this.file.truncate(0);
  }
}
