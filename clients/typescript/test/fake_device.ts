import assert from "node:assert/strict";
import { MemoryStore, type Conflict, type Decision, type SyncEngine, type SyncOptions, type SyncResult } from "../src/index.js";
import { FakeServer } from "./fake_server.js";
import { bytes } from "./support.js";

export const text = (sealed: Uint8Array | undefined): string | undefined => (sealed === undefined ? undefined : new TextDecoder().decode(sealed));

/** One of a user's machines. */
export class Device {
  readonly conflicts: { id: string; mine: string | undefined; theirs: string | undefined; resync: string | undefined }[] = [];
  decide: (conflict: Conflict) => Decision | Promise<Decision> = ({ id }) => assert.fail(`nobody expected a conflict of ${id}`);

  constructor(
    readonly server: FakeServer,
    public store = new MemoryStore(),
    readonly options: Partial<SyncOptions> = {},
  ) {}

  /** As after a start of the app: nothing but the store is left of what was before. */
  engine(): SyncEngine {
    const onConflict = (conflict: Conflict): Decision | Promise<Decision> => {
      const { id, mine, theirs, resync } = conflict;
      this.conflicts.push({ id, mine: text(mine), theirs: text(theirs), resync });
      return this.decide(conflict);
    };
    return this.server.client().syncEngine(this.store, { onConflict, pageSize: 3, ...this.options });
  }

  async write(id: string, body: string | null): Promise<void> {
    if (body === null) await this.engine().remove(id);
    else await this.engine().put({ id, table: "notes", body: bytes(body) });
  }

  sync(): Promise<SyncResult> {
    return this.engine().sync();
  }

  get contents(): Record<string, string> {
    const live = this.store.all().filter(({ checksum }) => checksum !== null);
    return Object.fromEntries(live.map(({ id }) => [id, text(this.store.read(id)) as string]));
  }
}

export async function twoDevices(contents: Record<string, string>): Promise<{ server: FakeServer; laptop: Device; phone: Device }> {
  const server = new FakeServer();
  const [laptop, phone] = [new Device(server), new Device(server)];
  for (const [id, body] of Object.entries(contents)) await laptop.write(id, body);
  await laptop.sync();
  await phone.sync();
  return { server, laptop, phone };
}

/** A backup, changes after it that two devices have, and the way back. */
export async function restored() {
  const { server, laptop, phone } = await twoDevices({ same: "1", older: "2", deleted: "3", gone: "4" });
  const offline = new Device(server);
  await offline.sync();
  await laptop.write("gone", null);
  await laptop.sync();
  const backup = server.backup();
  await laptop.write("older", "2, and more");
  await laptop.write("lost", "5");
  await laptop.write("deleted", null);
  await laptop.sync();
  await phone.sync();
  server.restore(backup);
  return { server, laptop, phone, offline };
}

/** The store has lost the bytes of these records: nobody can download them any more. */
export function loses(server: FakeServer, ...ids: string[]): void {
  server.lost.clear();
  for (const id of ids) server.lost.add(id);
}

/** The cursor is lost, and nothing else of the copy. */
export function forgetState(device: Device): void {
  const { store } = device;
  device.store = new MemoryStore();
  device.store.applyAll({
    save: store.all().map((record) => (record.checksum === null ? { record } : { record, bytes: store.read(record.id) })),
  });
}
