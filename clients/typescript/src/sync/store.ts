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
  /** How many bytes those are; 0 where it was deleted. */
  size: number;
  /** The server's state that they go back to; `null`: there is none. */
  base: ServerState | null;
  /**
   * What was last sent and not confirmed: the checksum, `""` for a deletion; absent, or `null`, where nothing was. By it the feed's
   * word of one's own change is told from somebody else's where the answer was lost. A store that does not keep it works, but there
   * such a change is a conflict.
   */
  offered?: string | null;
}

/** A deletion that was offered. */
export const DELETION = "";

/** Whether the server has not heard of what is here: the queue of what is to be sent is what this is true of. */
export function isUnsent(here: LocalRecord): boolean {
  return here.base === null || here.checksum !== here.base.checksum;
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

/** A record as it is from now on. Without `bytes` those that are there stay; they go where `record.checksum` is `null`. */
export interface Saving {
  record: LocalRecord;
  bytes?: Uint8Array;
}

/** What one transaction writes. No id is both saved and removed. */
export interface StoreChanges {
  save?: Saving[];
  remove?: string[];
  state?: SyncState;
}

/**
 * A device's own copy, one for each account, in a database or in files. Only a `SyncEngine` writes to it. Each call is
 * all or nothing, and durable when it resolves: a device may lose power between any two. Lists may be in any order, and
 * ids that are not there are left out of them.
 *
 * Keep the sealed bytes as they are. The same text sealed again has another checksum, which other devices could only take
 * for another text.
 */
export interface DeviceStore {
  /** The same for every window or process that opens this copy, and for no other copy: by it they take turns. */
  readonly name?: string;
  loadState(): Awaitable<SyncState | undefined>;
  getMany(ids: readonly string[]): Awaitable<LocalRecord[]>;
  /** The sealed bytes, by id, of records whose `checksum` is not `null`. */
  readMany(ids: readonly string[]): Awaitable<Map<string, Uint8Array>>;
  /** Everything that `getMany` knows, what was deleted here and not yet there included. */
  all(): Awaitable<LocalRecord[]>;
  /** Those of `all` that `isUnsent` is true of; asked at each synchronisation, so keep an index of them. */
  unsent(): Awaitable<LocalRecord[]>;
  applyAll(changes: StoreChanges): Awaitable<void>;
}

/** Forgets with the process. */
export class MemoryStore implements DeviceStore {
  readonly #records = new Map<string, LocalRecord>();
  readonly #bytes = new Map<string, Uint8Array>();
  #state: SyncState | undefined;

  loadState(): SyncState | undefined {
    return this.#state;
  }

  getMany(ids: readonly string[]): LocalRecord[] {
    return ids.flatMap((id) => this.get(id) ?? []);
  }

  readMany(ids: readonly string[]): Map<string, Uint8Array> {
    return new Map(ids.filter((id) => this.#bytes.has(id)).map((id) => [id, this.read(id)]));
  }

  all(): LocalRecord[] {
    return [...this.#records.values()];
  }

  unsent(): LocalRecord[] {
    return this.all().filter(isUnsent);
  }

  applyAll({ save = [], remove = [], state }: StoreChanges): void {
    for (const id of remove) {
      this.#records.delete(id);
      this.#bytes.delete(id);
    }
    for (const { record, bytes } of save) {
      this.#records.set(record.id, record);
      if (record.checksum === null) this.#bytes.delete(record.id);
      else if (bytes !== undefined) this.#bytes.set(record.id, bytes);
    }
    if (state !== undefined) this.#state = state;
  }

  /** For an app that shows what it has. */
  get(id: string): LocalRecord | undefined {
    return this.#records.get(id);
  }

  read(id: string): Uint8Array {
    const bytes = this.#bytes.get(id);
    if (bytes === undefined) throw new Error(`There are no bytes of ${id}.`);
    return bytes;
  }
}
