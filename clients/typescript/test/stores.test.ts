// Every kind of store keeps the same contract: memory, IndexedDB (fake-indexeddb here, Chromium in tests/clients), and SQLite
// (node:sqlite where Node has it, else SQLite as WebAssembly; better-sqlite3 has the same calls).
import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { IndexedDbStore } from "../src/index.js";
import { SqliteStore, type Sqlite, type SqliteValue } from "../examples/sqlite_store.js";
import { MemoryStore, type DeviceStore, type LocalRecord } from "../src/index.js";
import { text } from "./fake_device.js";
import { FakeServer } from "./fake_server.js";
import { bytes } from "./support.js";

/** Opens what is there under a name, as after a restart. */
type Opening = (name: string) => Promise<{ store: DeviceStore; close: () => void }>;

const folder = mkdtempSync(join(tmpdir(), "stores-"));
const kept = new Map<string, MemoryStore>();

const memory: Opening = async (name) => {
  const store = kept.get(name) ?? new MemoryStore();
  kept.set(name, store);
  return { store, close: () => {} };
};
const indexedDb: Opening = async (name) => {
  const store = await IndexedDbStore.open(name);
  return { store, close: () => store.close() };
};
const sqlite: Opening = async (name) => {
  const { database, close } = await openSqlite(join(folder, name));
  return { store: new SqliteStore(database), close };
};

async function openSqlite(path: string): Promise<{ database: Sqlite; close: () => void }> {
  try {
    const native = "node:sqlite"; // its types come with those of Node 22
    const { DatabaseSync } = (await import(native)) as { DatabaseSync: new (path: string) => Sqlite & { close(): void } };
    const database = new DatabaseSync(path);
    return { database, close: () => database.close() };
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_UNKNOWN_BUILTIN_MODULE") throw error;
  }
  const { default: wasm } = await import("node-sqlite3-wasm");
  const inner = new wasm.Database(path);
  const prepare = (sql: string): ReturnType<Sqlite["prepare"]> => {
    const run = <Value>(what: (statement: ReturnType<typeof inner.prepare>) => Value): Value => {
      const statement = inner.prepare(sql);
      try {
        return what(statement);
      } finally {
        statement.finalize();
      }
    };
    return {
      run: (...values: SqliteValue[]) => run((statement) => statement.run(values)),
      get: (...values: SqliteValue[]) => run((statement) => statement.get(values)),
      all: (...values: SqliteValue[]) => run((statement) => statement.all(values)),
    };
  };
  // Its locks are folders; no other process is here, and the journal's kind is no matter.
  return { database: { exec: (sql) => inner.exec(sql.replace("PRAGMA journal_mode = WAL;", "")), prepare }, close: () => inner.close() };
}

const base = { revision: 3, checksum: "c", etag: '"3-c"' };
const record = (id: string, more: Partial<LocalRecord> = {}): LocalRecord => ({ id, table: "notes", checksum: "c", size: 3, base, ...more });
const sorted = (records: LocalRecord[]): LocalRecord[] => records.sort((one, other) => one.id.localeCompare(other.id));

for (const [kind, open] of Object.entries({ memory, indexedDb, sqlite })) {
  test(`${kind}: what is written as one is there after a restart`, async () => {
    const first = await open("contract");
    assert.deepEqual([await first.store.loadState(), await first.store.all(), await first.store.unsent()], [undefined, [], []]);
    const records = [record("a"), record("b", { base: null }), record("c", { checksum: "d" }), record("d", { checksum: null, size: 0, offered: "" }), record("e", { checksum: "d", offered: "c" })];
    const state = { account: "anna", cursor: "1", pending: [] };
    await first.store.applyAll({ state, save: records.map((one) => (one.checksum === null ? { record: one } : { record: one, bytes: bytes(one.id) })) });
    first.close();

    const { store, close } = await open("contract");
    assert.deepEqual(await store.loadState(), state);
    assert.deepEqual(sorted(await store.all()), records);
    assert.deepEqual(sorted(await store.unsent()).map(({ id }) => id), ["b", "c", "d", "e"]);
    assert.deepEqual(sorted(await store.getMany(["c", "a", "nobody"])), [records[0], records[2]]);
    const bodies = await store.readMany(["a", "d", "nobody"]);
    assert.deepEqual([bodies.size, bodies.get("a")], [1, bytes("a")]);

    // Bytes stay where none are given, and go with a deletion; a state stays where none is given.
    await store.applyAll({ save: [{ record: record("b") }, { record: record("a", { checksum: null, size: 0 }) }], remove: ["c", "nobody"] });
    assert.deepEqual(sorted(await store.all()).map(({ id }) => id), ["a", "b", "d", "e"]);
    assert.deepEqual(sorted(await store.unsent()).map(({ id }) => id), ["a", "d", "e"]);
    assert.deepEqual([...(await store.readMany(["a", "b", "c"])).entries()], [["b", bytes("b")]]);
    assert.deepEqual(await store.loadState(), state);
    await store.applyAll({ save: [{ record: record("c") }] });
    assert.equal((await store.readMany(["c"])).size, 0);
    close();
  });

  test(`${kind}: what was written without a network is sent after a restart, as is what the power cut short`, async () => {
    const server = new FakeServer();
    server.write("there", "before");
    const engine = (store: DeviceStore) => server.client().sync(store, { onConflict: () => "mine" });
    const first = await open("queue");
    await engine(first.store).sync();
    server.before = () => {
      throw new TypeError("fetch failed");
    };
    await engine(first.store).putAll(["x", "y", "there"].map((id) => ({ id, table: "notes", body: bytes(`${id}, here`) })));
    await engine(first.store).remove("y");
    await assert.rejects(engine(first.store).sync(), TypeError);
    first.close();

    const second = await open("queue");
    let isCut = false;
    server.before = () => undefined;
    server.after = (line) => {
      if (line !== "POST /storage/records/batch" || isCut) return;
      isCut = true; // the batch has been carried out, and nobody hears of it
      throw new RangeError("the power is gone");
    };
    await assert.rejects(server.client({ retry: { lostAnswers: 0 } }).sync(second.store, { onConflict: () => "mine" }).sync(), RangeError);
    second.close();

    const third = await open("queue");
    const result = await engine(third.store).sync();
    assert.deepEqual([result.conflicts, result.failed], [0, []]);
    assert.deepEqual(server.contents, { there: "there, here", x: "x, here" });
    assert.deepEqual(await third.store.unsent(), []);
    const ids = (await third.store.all()).map(({ id }) => id);
    const bodies = [...(await third.store.readMany(ids))].map(([id, body]) => [id, text(body)]);
    assert.deepEqual(Object.fromEntries(bodies), server.contents);
    third.close();
  });
}

test("sqlite: a file of before 0.2.0 is opened, and has what was offered from then on", async () => {
  const { database, close } = await openSqlite(join(folder, "old"));
  database.exec(`CREATE TABLE records (
    id TEXT PRIMARY KEY, table_name TEXT NOT NULL, checksum TEXT, size INTEGER NOT NULL,
    base_revision INTEGER, base_checksum TEXT, base_etag TEXT, is_unsent INTEGER NOT NULL, body BLOB
  )`);
  database.exec(`INSERT INTO records VALUES ('a', 'notes', 'c', 3, 3, 'c', '"3-c"', 0, x'61')`);
  for (const store of [new SqliteStore(database), new SqliteStore(database)]) assert.deepEqual(store.getMany(["a"]), [record("a")]);
  const store = new SqliteStore(database);
  store.applyAll({ save: [{ record: record("a", { offered: "d" }) }] });
  assert.deepEqual([store.all(), store.readMany(["a"]).get("a")], [[record("a", { offered: "d" })], bytes("a")]);
  close();
});

test("sqlite: a transaction that fails leaves nothing of itself", async () => {
  const { store, close } = await sqlite("rollback");
  const bad = { ...record("b"), table: null as never };
  assert.throws(() => void store.applyAll({ save: [{ record: record("a"), bytes: bytes("a") }, { record: bad }] }));
  assert.deepEqual(await store.all(), []);
  close();
});

test("indexedDb: nor does one that is given what it cannot keep", async () => {
  const { store, close } = await indexedDb("refused");
  const bad = (() => {}) as never;
  await assert.rejects(async () => store.applyAll({ save: [{ record: record("a"), bytes: bad }] }));
  assert.deepEqual(await store.all(), []);
  close();
});

test("sqlite: a transaction that SQLite ends by itself fails with the reason", async () => {
  const { database, close } = await openSqlite(join(folder, "full"));
  const store = new SqliteStore(database);
  database.exec("CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END");
  assert.throws(() => store.applyAll({ save: [{ record: record("a"), bytes: bytes("a") }] }), /the disk is full/);
  close();
});
