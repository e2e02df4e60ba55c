import type { Change } from "../types.js";
import type { Resync } from "./feed.js";

type Awaitable<Value> = Value | Promise<Value>;

/** A state of a record on the server. */
export interface ServerState {
  revision: number;
  /** SHA-256 of the sealed bytes. */
  checksum: string;
  etag: string;
}

/** What a device knows of a record, beside its sealed bytes. What differs from `base` is still to be sent. */
export interface LocalRecord {
  id: string;
  table: string;
  /** SHA-256 of the sealed bytes on this device; `null`: deleted here. */
  checksum: string | null;
  /** The server's state that they go back to; `null`: there is none. */
  base: ServerState | null;
}

/** How far a device has come; JSON. */
export interface SyncState {
  /** The id of the user whose copy it is. */
  account: string;
  /** Where the feed goes on; during a resync, the cursor that could not. */
  cursor: string;
  /** A resync has begun and has not ended. `isAnnounced`: the app's `onResync` has returned. */
  resync?: ResyncRule & { isAnnounced?: boolean };
  /** What the feed has told of records that could not be downloaded since; nothing: there are none. */
  pending?: Pending[];
}

/** By what a resync judges. `known`: the highest revision of all that the device knew when it began. */
export interface ResyncRule {
  reason: Resync;
  known: number;
}

/** A change to be taken over, by the rule of the resync that came upon it, if one did. */
export interface Pending {
  change: Change;
  resync?: ResyncRule;
}

/**
 * A device's own copy, one for each account, in a database or in files. Only its `SyncEngine` writes to it. Each call is
 * all or nothing, and durable when it resolves: a device may lose power between any two.
 *
 * Keep the sealed bytes as they are. The same text sealed again has another checksum, which other devices could only take
 * for another text.
 */
export interface DeviceStore {
  loadState(): Awaitable<SyncState | undefined>;
  saveState(state: SyncState): Awaitable<void>;
  get(id: string): Awaitable<LocalRecord | undefined>;
  /** Everything that `get` knows, what was deleted here and not yet there included. */
  all(): Awaitable<LocalRecord[]>;
  /** The sealed bytes of a record whose `checksum` is not `null`. */
  read(id: string): Awaitable<Uint8Array>;
  /** Without `bytes` those that are there stay; they go where `record.checksum` is `null`. */
  save(record: LocalRecord, bytes?: Uint8Array): Awaitable<void>;
  delete(id: string): Awaitable<void>;
}

/** Forgets with the process. */
export class MemoryStore implements DeviceStore {
  readonly #records = new Map<string, LocalRecord>();
  readonly #bytes = new Map<string, Uint8Array>();
  #state: SyncState | undefined;

  loadState(): SyncState | undefined {
    return this.#state;
  }

  saveState(state: SyncState): void {
    this.#state = state;
  }

  get(id: string): LocalRecord | undefined {
    return this.#records.get(id);
  }

  all(): LocalRecord[] {
    return [...this.#records.values()];
  }

  read(id: string): Uint8Array {
    const bytes = this.#bytes.get(id);
    if (bytes === undefined) throw new Error(`There are no bytes of ${id}.`);
    return bytes;
  }

  save(record: LocalRecord, bytes?: Uint8Array): void {
    this.#records.set(record.id, record);
    if (record.checksum === null) this.#bytes.delete(record.id);
    else if (bytes !== undefined) this.#bytes.set(record.id, bytes);
  }

  delete(id: string): void {
    this.#records.delete(id);
    this.#bytes.delete(id);
  }
}
