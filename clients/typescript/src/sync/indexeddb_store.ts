import { isUnsent, type DeviceStore, type LocalRecord, type StoreChanges, type SyncState } from "./store.js";

/** As it lies in the object store `records`; IndexedDB cannot index a boolean, so what was sent has no `unsent`. */
interface Row {
  id: string;
  record: LocalRecord;
  unsent?: 1;
}

/** A device's copy in the browser's own database, shared by all windows of the app. */
export class IndexedDbStore implements DeviceStore {
  private constructor(
    readonly name: string,
    private readonly database: IDBDatabase,
  ) {}

  /** `name`: one for each account, for instance `notes of ${email}`. */
  static async open(name: string): Promise<IndexedDbStore> {
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("records", { keyPath: "id" }).createIndex("unsent", "unsent");
      opening.result.createObjectStore("bodies");
      opening.result.createObjectStore("state");
    };
    const database = await resultOf<IDBDatabase>(opening);
    database.onversionchange = () => database.close(); // another window deletes it
    return new IndexedDbStore(name, database);
  }

  close(): void {
    this.database.close();
  }

  async loadState(): Promise<SyncState | undefined> {
    return resultOf<SyncState | undefined>(this.#reading("state").get("state"));
  }

  async getMany(ids: readonly string[]): Promise<LocalRecord[]> {
    const records = this.#reading("records");
    const rows = await Promise.all(ids.map((id) => resultOf<Row | undefined>(records.get(id))));
    return rows.flatMap((row) => row?.record ?? []);
  }

  async readMany(ids: readonly string[]): Promise<Map<string, Uint8Array>> {
    const bodies = this.#reading("bodies");
    const found = await Promise.all(ids.map(async (id) => [id, await resultOf<Uint8Array | undefined>(bodies.get(id))] as const));
    return new Map(found.filter((one): one is [string, Uint8Array] => one[1] !== undefined));
  }

  async all(): Promise<LocalRecord[]> {
    return (await resultOf<Row[]>(this.#reading("records").getAll())).map(({ record }) => record);
  }

  async unsent(): Promise<LocalRecord[]> {
    return (await resultOf<Row[]>(this.#reading("records").index("unsent").getAll())).map(({ record }) => record);
  }

  async applyAll(changes: StoreChanges): Promise<void> {
    // "strict": durable when it resolves, and not only handed to the operating system.
    const transaction = this.database.transaction(["records", "bodies", "state"], "readwrite", { durability: "strict" });
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("The database has given up."));
    });
    try {
      write(transaction, changes);
    } catch (error) {
      // Else what was asked for until now would be written.
      transaction.abort();
      await done.catch(() => {});
      throw error;
    }
    return done;
  }

  #reading(name: "records" | "bodies" | "state"): IDBObjectStore {
    return this.database.transaction(name, "readonly").objectStore(name);
  }
}

function write(transaction: IDBTransaction, { save = [], remove = [], state }: StoreChanges): void {
  const [records, bodies] = [transaction.objectStore("records"), transaction.objectStore("bodies")];
  for (const id of remove) {
    records.delete(id);
    bodies.delete(id);
  }
  for (const { record, bytes } of save) {
    records.put({ id: record.id, record, ...(isUnsent(record) ? { unsent: 1 } : {}) } satisfies Row);
    if (record.checksum === null) bodies.delete(record.id);
    else if (bytes !== undefined) bodies.put(bytes, record.id);
  }
  if (state !== undefined) transaction.objectStore("state").put(state, "state");
}

function resultOf<Value>(request: IDBRequest): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as Value);
    request.onerror = () => reject(request.error ?? new Error("The database has refused."));
  });
}
