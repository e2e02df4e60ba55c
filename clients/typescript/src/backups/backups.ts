import { Blobs, type Abortable, type Downloaded, type Written } from "../blobs.js";
import { checksumOf, type Sealed } from "../bytes.js";
import { Endurance } from "../endurance.js";
import type { Patience } from "../patience.js";
import type { Transport } from "../transport.js";
import type { BackupMeta } from "../types.js";
import { hashOf, readerOf, type Source } from "../uploads/source.js";
import { PART_BYTES, UploadExpired, type Uploads } from "../uploads/uploads.js";
import { receive } from "./receive.js";
import type { Sink } from "./sink.js";

interface Snapshot extends Abortable {
  /** Names the client's own format. */
  version: string;
  timestamp?: Date;
  chunkCount?: number;
}

export interface StreamOptions extends Snapshot {
  body: Source;
  /** The id of an upload that was begun before the app was restarted, with the same `version`, `timestamp` and bytes. */
  resume?: string;
  /** Called with the id of the upload, for `resume`; not for what is small enough to be sent at once. */
  onCreated?: (id: string) => void;
  /** `hashing` comes first, unless the source knows its checksum. */
  onProgress?: (phase: "hashing" | "sending", bytes: number, size: number) => void;
}

export interface RestoreOptions extends Abortable {
  /** Which one; the latest unless given. */
  id?: string;
  onProgress?: (bytes: number, size: number) => void;
}

export interface Restored {
  version: string;
  timestamp: Date;
  checksum: string;
}

/** A snapshot does not change: what else is in its way than a server or a proxy that is away stays there. */
const PASSING = new Set([503, 504]);

/** Sealed snapshots. */
export class Backups extends Blobs {
  readonly #uploads: Uploads;
  readonly #patience: Patience;

  constructor(url: string, transport: Transport, patience: Patience, uploads: Uploads) {
    super(url, transport);
    this.#patience = patience;
    this.#uploads = uploads;
  }

  /** From memory. */
  async upload({ body, version, timestamp, chunkCount, signal, timeout }: Snapshot & { body: Sealed }): Promise<Written<BackupMeta>> {
    const headers: Record<string, string> = {
      "X-Backup-Version": version,
      "X-Backup-Timestamp": (timestamp ?? new Date()).toISOString(),
      "X-Backup-Checksum": await this.transport.prepared(checksumOf(body)),
    };
    if (chunkCount !== undefined) headers["X-Backup-Chunk-Count"] = String(chunkCount);
    return this.write("PUT", "backup", { headers, body, signal, timeout });
  }

  /**
   * From a Blob, a file or a stream, however large: a few parts of it are in memory at a time, and it goes on after a lost
   * connection. Throws `SourceChanged`, or the problem: `quota_exceeded`, `checksum_mismatch`, …; `SignedOut` once somebody has
   * logged out or in.
   */
  async stream({ body, onProgress = () => {}, ...given }: StreamOptions): Promise<Written<BackupMeta>> {
    const { session } = this.transport;
    const options = { ...given, signal: this.transport.ofSession(given.signal) };
    const { version, timestamp = new Date(), chunkCount, signal, timeout } = options;
    const reader = await readerOf(body);
    const { size } = reader;
    const sending = (bytes: number): void => onProgress("sending", bytes, size);
    let checksum: string;
    try {
      if (size <= PART_BYTES) {
        const written = await this.upload({ ...options, timestamp, body: (await reader.read(0, size)).slice() });
        sending(size);
        return written;
      }
      checksum = reader.checksum ?? (await hashOf(reader, (bytes) => onProgress("hashing", bytes, size), signal));
    } finally {
      await reader.close();
    }
    const metadata: Record<string, string> = { target: "backup", version, timestamp: timestamp.toISOString(), checksum };
    if (chunkCount !== undefined) metadata["chunk_count"] = String(chunkCount);
    const id = await this.#begin(size, metadata, options);
    try {
      const { location } = await this.#uploads.send(id, body, { signal, timeout, onProgress: sending });
      return await this.#stored({ location, checksum, timestamp, signal, timeout });
    } catch (error) {
      // Nobody could go on with it, and its room is reserved.
      if (options.onCreated === undefined) await this.#uploads.abort(id, { signal: session }).catch(() => {});
      throw error;
    }
  }

  /** The latest, or that of `id`, into memory. */
  async restore(id?: string, options: Abortable = {}): Promise<Downloaded & Restored> {
    const { headers, ...rest } = await this.download(id === undefined ? "backup" : `backup/${id}`, options);
    return { ...rest, ...labelOf(headers) };
  }

  /**
   * Into a file or a stream, however large. It goes on where it was after a lost connection, and what was written is compared
   * with the checksum. A sink whose restore fails is aborted, a file emptied. Throws `ChecksumMismatch`, or the problem.
   */
  async restoreTo(sink: Sink, { id, timeout, onProgress = () => {}, ...options }: RestoreOptions = {}): Promise<Restored> {
    const signal = this.transport.ofSession(options.signal);
    // By its id, so that a newer one which arrives meanwhile does not take the place of the rest.
    const which = id ?? (await this.#newest({ signal, timeout }))[0]?.id;
    const path = which === undefined ? "backup" : `backup/${which}`;
    const endurance = new Endurance(this.#patience, PASSING, signal);
    return labelOf(await receive((headers) => this.send("GET", path, { headers, signal, timeout }), sink, endurance, onProgress));
  }

  async #begin(size: number, metadata: Record<string, string>, { resume, onCreated, signal, timeout }: StreamOptions | Omit<StreamOptions, "body">): Promise<string> {
    if (resume !== undefined) {
      try {
        await this.#uploads.state(resume, { signal, timeout });
        return resume;
      } catch (error) {
        if (!(error instanceof UploadExpired)) throw error;
      }
    }
    const id = await this.#uploads.create(size, metadata, { signal, timeout });
    onCreated?.(id);
    return id;
  }

  async #newest({ signal, timeout }: Abortable): Promise<BackupMeta[]> {
    const response = await this.send("GET", "backup/history?limit=50", { signal, timeout });
    return ((await response.json()) as { items: BackupMeta[] }).items;
  }

  /** What an upload has become; the answer to its last part may have been lost. */
  async #stored(upload: { location: string | undefined; checksum: string; timestamp: Date } & Abortable): Promise<Written<BackupMeta>> {
    const { location, checksum, timestamp } = upload;
    const items = await this.#newest(upload);
    const meta =
      items.find(({ id }) => location?.split("/").at(-1) === id) ??
      items.find((item) => item.checksum === checksum && Date.parse(item.timestamp) === timestamp.getTime());
    if (meta === undefined) throw new TypeError("The snapshot was stored, and is not in the history any more.");
    return { meta, etag: `"${meta.checksum}"` };
  }
}

function labelOf(headers: Headers): Restored {
  const timestamp = new Date(headers.get("X-Backup-Timestamp") ?? Number.NaN);
  return { version: headers.get("X-Backup-Version") ?? "", timestamp, checksum: headers.get("X-Checksum") ?? "" };
}
