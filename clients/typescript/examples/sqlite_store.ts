// A device's copy in an SQLite file, for Electron's main process or Node: one for each account.
import { isUnsent, type DeviceStore, type LocalRecord, type StoreChanges, type SyncState } from "../src/index.js";

/** What better-sqlite3's `Database` and `DatabaseSync` of node:sqlite have in common, as far as it is used here. */
export interface Sqlite {
  exec(sql: string): unknown;
  prepare(sql: string): {
    run(...values: SqliteValue[]): unknown;
    get(...values: SqliteValue[]): unknown;
    all(...values: SqliteValue[]): unknown[];
  };
}
export type SqliteValue = string | number | null | Uint8Array;

interface Row {
  id: string;
  table_name: string;
  checksum: string | null;
  size: number;
  base_revision: number | null;
  base_checksum: string | null;
  base_etag: string | null;
  offered: string | null;
}

const COLUMNS = "id, table_name, checksum, size, base_revision, base_checksum, base_etag, offered";
const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL; -- durable when it is committed
  CREATE TABLE IF NOT EXISTS records (
    id TEXT PRIMARY KEY, table_name TEXT NOT NULL, checksum TEXT, size INTEGER NOT NULL,
    base_revision INTEGER, base_checksum TEXT, base_etag TEXT, is_unsent INTEGER NOT NULL, body BLOB, offered TEXT
  );
  CREATE INDEX IF NOT EXISTS unsent ON records (id) WHERE is_unsent;
  CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL);
`;

export class SqliteStore implements DeviceStore {
  readonly #get;
  readonly #read;
  readonly #save;
  readonly #saveBody;
  readonly #remove;

  constructor(private readonly database: Sqlite) {
    database.exec(SCHEMA);
    database.exec("BEGIN IMMEDIATE"); // another process may open the file, too
    const columns = database.prepare("PRAGMA table_info(records)").all() as { name: string }[];
    // A file of before 0.2.0.
    if (!columns.some(({ name }) => name === "offered")) database.exec("ALTER TABLE records ADD COLUMN offered TEXT");
    database.exec("COMMIT");
    this.#get = database.prepare(`SELECT ${COLUMNS} FROM records WHERE id = ?`);
    this.#read = database.prepare("SELECT body FROM records WHERE id = ? AND body IS NOT NULL");
    this.#save = database.prepare(
      `INSERT INTO records (${COLUMNS}, is_unsent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET table_name = excluded.table_name, checksum = excluded.checksum, size = excluded.size,
         base_revision = excluded.base_revision, base_checksum = excluded.base_checksum, base_etag = excluded.base_etag,
         offered = excluded.offered, is_unsent = excluded.is_unsent, body = CASE WHEN excluded.checksum IS NULL THEN NULL ELSE body END`,
    );
    this.#saveBody = database.prepare("UPDATE records SET body = ? WHERE id = ?");
    this.#remove = database.prepare("DELETE FROM records WHERE id = ?");
  }

  loadState(): SyncState | undefined {
    const row = this.database.prepare("SELECT json FROM state").get() as { json: string } | null | undefined;
    return row == null ? undefined : (JSON.parse(row.json) as SyncState);
  }

  getMany(ids: readonly string[]): LocalRecord[] {
    return ids.flatMap((id) => {
      const row = this.#get.get(id) as Row | null | undefined;
      return row == null ? [] : [recordOf(row)];
    });
  }

  readMany(ids: readonly string[]): Map<string, Uint8Array> {
    const found = ids.map((id) => [id, this.#read.get(id) as { body: Uint8Array } | null | undefined] as const);
    return new Map(found.flatMap(([id, row]) => (row == null ? [] : [[id, new Uint8Array(row.body)] as const])));
  }

  all(): LocalRecord[] {
    return (this.database.prepare(`SELECT ${COLUMNS} FROM records`).all() as Row[]).map(recordOf);
  }

  unsent(): LocalRecord[] {
    return (this.database.prepare(`SELECT ${COLUMNS} FROM records WHERE is_unsent`).all() as Row[]).map(recordOf);
  }

  applyAll({ save = [], remove = [], state }: StoreChanges): void {
    this.database.exec("BEGIN IMMEDIATE");
    try {
      for (const id of remove) this.#remove.run(id);
      for (const { record, bytes } of save) {
        const { id, table, checksum, size, base } = record;
        const there = [base?.revision ?? null, base?.checksum ?? null, base?.etag ?? null, record.offered ?? null];
        this.#save.run(id, table, checksum, size, ...there, isUnsent(record) ? 1 : 0);
        if (checksum !== null && bytes !== undefined) this.#saveBody.run(bytes, id);
      }
      if (state !== undefined) this.database.prepare("INSERT OR REPLACE INTO state VALUES (1, ?)").run(JSON.stringify(state));
      this.database.exec("COMMIT");
    } catch (error) {
      try {
        this.database.exec("ROLLBACK");
      } catch {
        // A full disk has ended it already; why is what the app must hear.
      }
      throw error;
    }
  }
}

function recordOf(row: Row): LocalRecord {
  const { id, table_name: table, checksum, size, base_revision: revision, base_checksum: baseChecksum, base_etag: etag, offered } = row;
  const base = revision === null || baseChecksum === null || etag === null ? null : { revision, checksum: baseChecksum, etag };
  return { id, table, checksum, size, base, ...(offered === null ? {} : { offered }) };
}
