import { sha256 } from "../bytes.js";
import { Queue } from "./pool.js";
import type { DeviceStore, LocalRecord, ServerState } from "./store.js";

/** The device's copy, to which the user writes while it is being synchronised: no step overwrites an edit it has not seen. */
export class DeviceCopy {
  readonly #writes = new Queue();

  constructor(readonly store: DeviceStore) {}

  put(record: { id: string; table: string; body: Uint8Array }): Promise<void> {
    return this.#writes.run(async () => {
      const { id, table, body } = record;
      const base = (await this.store.get(id))?.base ?? null;
      await this.store.save({ id, table, checksum: await sha256(body), base }, body);
    });
  }

  /** A record that was never sent is kept in mind too: sending it may be under way. */
  remove(id: string): Promise<void> {
    return this.#writes.run(async () => {
      const here = await this.store.get(id);
      if (here !== undefined) await this.store.save({ ...here, checksum: null });
    });
  }

  /** The record as `next` (`undefined`: gone), unless it was edited since it was `seen`; then false. */
  settle(id: string, seen: LocalRecord | undefined, next: LocalRecord | undefined, bytes?: Uint8Array): Promise<boolean> {
    return this.#writes.run(async () => {
      if ((await this.store.get(id))?.checksum !== seen?.checksum) return false;
      if (next === undefined) await this.store.delete(id);
      else await this.store.save(next, bytes);
      return true;
    });
  }

  /** What was sent is there; an edit meanwhile is a change to it. */
  sent(id: string, base: ServerState | null): Promise<void> {
    return this.#writes.run(async () => {
      const here = await this.store.get(id);
      if (here === undefined) return;
      if (base === null && here.checksum === null) await this.store.delete(id);
      else await this.store.save({ ...here, base });
    });
  }

  /** A record and the bytes that belong to it. */
  read(id: string): Promise<{ here: LocalRecord | undefined; body: Uint8Array | undefined }> {
    return this.#writes.run(async () => {
      const here = await this.store.get(id);
      const body = here === undefined || here.checksum === null ? undefined : await this.store.read(id);
      return { here, body };
    });
  }
}
