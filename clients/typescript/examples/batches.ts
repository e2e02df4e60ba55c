// A batch, from a sentence to its run. `make run` in the repository, then `node build/examples/batches.js`.
//
// The app's part is what only it can do: read and change its records, ask its user, and remember which actions it has applied.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdiuvaClient, isProblem, nextDue, type BatchHost, type BatchRecord, type BatchSpec, type ChatAction, type Table } from "../src/index.js";
import { FileJournal } from "./file_journal.js";
import { Vault } from "../src/index.js";

const baseUrl = process.env["ADIUVA_URL"] ?? "http://localhost:8000";
const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** The user's day, which for hours is not UTC's: `2026-11-30`. */
const today = new Intl.DateTimeFormat("en-CA", { timeZone: timezone, year: "numeric", month: "2-digit", day: "2-digit" }).format();

/** A device's decrypted data; in an app its database. */
class LocalData {
  readonly #tables = new Map<Table, Map<string, BatchRecord>>();
  /** Kept with the records, in one transaction: an action that comes again is not applied again. */
  readonly #applied = new Set<string>();

  put(table: Table, record: BatchRecord): void {
    this.of(table).set(record.id, record);
  }

  of(table: Table): Map<string, BatchRecord> {
    const records = this.#tables.get(table) ?? new Map<string, BatchRecord>();
    this.#tables.set(table, records);
    return records;
  }

  apply({ id, type, table, record_id: record, data }: ChatAction): void {
    if (this.#applied.has(id) || table == null || record == null) return;
    if (type === "delete_record") this.of(table).delete(record);
    else this.put(table, { ...this.of(table).get(record), ...(data as object), id: record });
    this.#applied.add(id);
  }
}

const data = new LocalData();
for (const [id, title, priority] of [["t-1", "Water the ficus", "low"], ["t-2", "Call Aunt Rosalba", "medium"], ["t-3", "Pay the rent", "high"]] as const) {
  data.put("tasks", { id, title, priority, status: "todo", due_date: today });
}

const client = createAdiuvaClient({ baseUrl });
const credentials = { email: `batches-${crypto.randomUUID().slice(0, 8)}@example.com`, password: "a long sentence is best" };
await client.register(credentials);
const vault = new Vault(() => client.keys.master); // `seal(text, place)` and `open(bytes, place)`
const batches = client.batches(vault);

const spec = await buildOrWrite("every morning at 7 set the priority of all tasks that are due today to high");
const batch = await batches.create(spec);
console.log(`Saved: “${spec.name}”, due ${batch.next_due_at}; the server has ${batch.checksum.slice(0, 8)}… and no word of it`);
if (spec.trigger.kind === "schedule") console.log(`And then: ${new Date(nextDue(spec.trigger, Date.parse(batch.next_due_at ?? "")) ?? 0).toISOString()}`);

const host: BatchHost = {
  records: (table) => data.of(table).values(),
  record: (table, id) => data.of(table).get(id),
  apply: (action) => data.apply(action),
  approve: async ({ actions }) => actions.every(({ destructive }) => !destructive), // an app asks its user
  context: () => ({ user_profile: { timezone } }),
};
const folder = await mkdtemp(join(tmpdir(), "adiuva-"));
const runner = client.batchRunner({
  seal: vault,
  host,
  store: new FileJournal(join(folder, "batches.json"), credentials.email),
  onEvent: (event) => {
    if (event.type === "progress") console.log(`Done: ${event.items.done} of ${event.items.total}`);
  },
  onError: (error) => console.log("Trouble:", error),
});
runner.start(); // from now on it runs what is due

const { outcome, items } = await runner.run(batch.id); // and this one now
console.log(`Run: ${outcome}, ${items.done} of ${items.total}`);
console.log("Tasks:", [...data.of("tasks").values()].map(({ title, priority }) => `${title} (${priority})`).join(", "));
await runner.stop();
await batches.remove(batch.id);
await rm(folder, { recursive: true });
await client.logout();

/** The Batch Builder comes with pro; anybody may write a spec. */
async function buildOrWrite(message: string): Promise<BatchSpec> {
  try {
    const { spec, explanation, questions } = await batches.build({ message, timezone });
    console.log("Built:", explanation, ...questions);
    if (spec !== null) return spec;
  } catch (error) {
    if (!isProblem(error, "feature_not_available", "not_buildable")) throw error;
    console.log("Written by hand:", error.code);
  }
  return {
    version: 1,
    name: "What is due today comes first",
    trigger: { kind: "schedule", rrule: "FREQ=DAILY", anchor: "2026-01-01T07:00:00", timezone, catch_up: "latest" },
    selection: { table: "tasks", where: [{ field: "due_date", op: "within_days", value: 0 }], limit: 100 },
    steps: [{ id: "rate", type: "map", instruction: "Set the priority of all tasks to high", tools: ["update_task"] }],
    limits: { max_items: 100, max_tokens: 100_000, max_minutes: 10 },
    approval: "destructive",
  };
}
