import { sha256 } from "../bytes.js";
import type { Lock } from "./lock.js";
import { DELETION, isUnsent, type DeviceStore, type LocalRecord, type Saving, type ServerState, type StoreChanges, type SyncState } from "./store.js";

/** A record that the user has written, sealed. */
export interface Written {
  id: string;
  table: string;
  body: Uint8Array;
}

/** A record as it was when it was looked at, and as it is to be (`undefined`: not there). */
export interface Settlement {
  id: string;
  seen: LocalRecord | undefined;
  next: LocalRecord | undefined;
  bytes?: Uint8Array;
}

/** The device's copy, to which the user writes while it is being synchronised: no step overwrites an edit it has not seen. */
export class DeviceCopy {
  constructor(
    readonly store: DeviceStore,
    private readonly lock: Lock,
  ) {}

  async put(records: Written[]): Promise<void> {
    // Copies: the bytes are the app's, which may use their buffer for something else before they are hashed and kept.
    const last = [...new Map(records.map((one) => [one.id, { ...one, body: new Uint8Array(one.body) }])).values()];
    const checksums = await Promise.all(last.map(({ body }) => sha256(body)));
    await this.#write(last.map(({ id }) => id), (here) => ({
      save: last.map(({ id, table, body }, index) => {
        const checksum = checksums[index] as string;
        const known = here.get(id) ?? { base: null };
        return { record: { ...known, id, table, checksum, size: body.length }, bytes: body };
      }),
    }));
  }

  /** A record that was never sent is kept in mind too: sending it may be under way. */
  async remove(id: string): Promise<void> {
    await this.#write([id], (here) => ({ save: [...here.values()].map((one) => ({ record: { ...one, checksum: null, size: 0 } })) }));
  }

  /** All but those that were edited since they were `seen`, whose ids are given back; `state` only where there are none. */
  async settle(settlements: Settlement[], state?: SyncState): Promise<Set<string>> {
    const edited = new Set<string>();
    await this.#write(settlements.map(({ id }) => id), (here) => {
      for (const { id, seen } of settlements) if (here.get(id)?.checksum !== seen?.checksum) edited.add(id);
      const settled = settlements.filter(({ id }) => !edited.has(id));
      const save = settled.flatMap(({ next, bytes }) => (next === undefined ? [] : [saving(confirmed(next), bytes)]));
      const remove = settled.filter(({ next }) => next === undefined).map(({ id }) => id);
      return { save, remove, ...(state === undefined || edited.size > 0 ? {} : { state }) };
    });
    return edited;
  }

  /** These are about to be sent, by their checksums (`null`: deleted): should the answer be lost, the feed tells of them. */
  async offer(checksums: Map<string, string | null>): Promise<void> {
    await this.#write([...checksums.keys()], (here) => ({
      save: [...here.values()].flatMap((one) => {
        const offered = checksums.get(one.id) ?? DELETION;
        return one.offered === offered ? [] : [{ record: { ...one, offered } }];
      }),
    }));
  }

  /** What was sent is there, in these states (`null`: gone); an edit meanwhile is a change to them. */
  async sent(states: Map<string, ServerState | null>): Promise<void> {
    await this.#write([...states.keys()], (here) => {
      const now = [...here.values()].map((one) => ({ ...confirmed(one), base: states.get(one.id) ?? null }));
      const isGone = (one: LocalRecord): boolean => one.base === null && one.checksum === null;
      return { save: now.filter((one) => !isGone(one)).map((one) => saving(one)), remove: now.filter(isGone).map(({ id }) => id) };
    });
  }

  /** Those of `ids` that are still to be sent, with the bytes that belong to them. */
  unsent(ids: string[]): Promise<{ here: LocalRecord; body: Uint8Array | undefined }[]> {
    return this.lock("write", async () => {
      const here = (await this.store.getMany(ids)).filter(isUnsent);
      const bodies = await this.store.readMany(here.filter(({ checksum }) => checksum !== null).map(({ id }) => id));
      return here.map((one) => ({ here: one, body: bodies.get(one.id) }));
    });
  }

  /** A record and the bytes that belong to it. */
  read(id: string): Promise<{ here: LocalRecord | undefined; body: Uint8Array | undefined }> {
    return this.lock("write", async () => {
      const [here] = await this.store.getMany([id]);
      const body = here === undefined || here.checksum === null ? undefined : (await this.store.readMany([id])).get(id);
      return { here, body };
    });
  }

  /** `changes` sees the records as nobody can change them before it is written what it says. */
  #write(ids: string[], changes: (here: Map<string, LocalRecord>) => StoreChanges): Promise<void> {
    return this.lock("write", async () => {
      const here = ids.length === 0 ? [] : await this.store.getMany(ids);
      const { save = [], remove = [], state } = changes(new Map(here.map((one) => [one.id, one])));
      if (save.length + remove.length > 0 || state !== undefined) {
        await this.store.applyAll({ save, remove, ...(state === undefined ? {} : { state }) });
      }
    });
  }
}

/** Nothing of it is under way any more. */
function confirmed({ offered: _, ...known }: LocalRecord): LocalRecord {
  return known;
}

function saving(record: LocalRecord, bytes?: Uint8Array): Saving {
  return bytes === undefined ? { record } : { record, bytes };
}
