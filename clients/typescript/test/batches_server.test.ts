import assert from "node:assert/strict";
import { after, test } from "node:test";
import { dueTimes, NotRun, ok, quotaOf, type AdiuvaClient, type Batch, type BatchHost, type BatchRecord, type BatchSpec, type ChatAction, type Condition, type Limits, type MapItem, type Op, type RunEvent, type ScheduleTrigger, type Selection, type Step } from "../src/index.js";
import { platformWebSocket } from "../src/socket.js";
import { aSpec, seal } from "./fake_batches.js";
import { demo } from "./support.js";

// The registry, the builder and maps as the real server has them, with two devices of one account.

const laptop = await demo("power");
const phone = await demo("power");
const batches = laptop.batches(seal);
const TASKS = Array.from({ length: 12 }, (_, index): BatchRecord => ({ id: crypto.randomUUID(), title: `Task ${index}`, status: "todo", priority: "low" }));
const HIGH = aSpec({ steps: [{ id: "rate", type: "map", instruction: "Set the priority of all tasks to high", tools: ["update_task"] }] });
const DAILY = { kind: "schedule", rrule: "FREQ=DAILY", anchor: "2026-01-01T00:00:00", timezone: "UTC", catch_up: "latest" } as const;
const made: string[] = [];

after(async () => {
  for (const id of made) await batches.remove(id);
});

async function existing(...of: Parameters<typeof batches.create>): Promise<Batch> {
  const batch = await batches.create(...of);
  made.push(batch.id);
  return batch;
}

function device(client: AdiuvaClient, of: Partial<BatchHost> = {}) {
  const applied: ChatAction[] = [];
  const events: RunEvent[] = [];
  const host: BatchHost = { records: () => TASKS, record: (_, id) => TASKS.find((task) => task.id === id), apply: (action) => void applied.push(action), ...of };
  const runner = client.batchRunner({ seal, host, onEvent: (event) => void events.push(event) });
  runner.start();
  return { applied, events, runner };
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (const began = Date.now(); !(await what()); await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (Date.now() - began > 60_000) assert.fail(`it never came to be: ${what}`);
  }
}

test("a batch is kept sealed, changed by who knows its state, and counted", async () => {
  const batch = await existing(aSpec({ name: "Geranium", trigger: DAILY }));
  assert.equal(Date.parse(batch.next_due_at!), dueTimes(DAILY, Date.now()).next().value);
  const there = (await phone.batches(seal).list()).items.find(({ id }) => id === batch.id);
  assert.deepEqual([there?.spec?.name, there?.trigger, there?.state, there?.revision], ["Geranium", "schedule", "active", 1]);
  const changed = await batches.update(batch.id, { spec: aSpec({ name: "Ficus" }) }, { ifMatch: batch.etag });
  assert.deepEqual([changed.revision, changed.trigger, changed.next_due_at], [2, "manual", null]);
  await assert.rejects(batches.update(batch.id, { state: "paused" }, { ifMatch: batch.etag }), { code: "precondition_failed" });
  const paused = await batches.pause(batch.id, { ifMatch: changed.etag });
  assert.deepEqual([paused.state, paused.reason], ["paused", "user"]);
  assert.equal((await batches.activate(paused)).state, "active");
});

test("the types of a spec are those of the server's schema", async () => {
  // What TypeScript checks of these is that nothing is missing and nothing is too many.
  const spec: Record<keyof BatchSpec, 0> = { version: 0, name: 0, trigger: 0, selection: 0, steps: 0, limits: 0, approval: 0 };
  const parts: Record<string, object> = {
    Schedule: { kind: 0, rrule: 0, anchor: 0, timezone: 0, catch_up: 0 } satisfies Record<keyof ScheduleTrigger, 0>,
    Selection: { table: 0, where: 0, limit: 0 } satisfies Record<keyof Selection, 0>,
    Condition: { field: 0, op: 0, value: 0 } satisfies Record<keyof Condition, 0>,
    Step: { id: 0, type: 0, instruction: 0, tools: 0 } satisfies Record<keyof Step, 0>,
    Limits: { max_items: 0, max_tokens: 0, max_minutes: 0 } satisfies Record<keyof Limits, 0>,
  };
  const ops: Record<Op, 0> = { eq: 0, ne: 0, lt: 0, lte: 0, gt: 0, gte: 0, in: 0, contains: 0, is_empty: 0, within_days: 0, older_than_days: 0 };
  interface Schema {
    properties: Record<string, { enum?: string[] }>;
    $defs: Record<string, Schema>;
  }
  const schema = (await batches.schema()) as unknown as Schema;
  assert.deepEqual(Object.keys(schema.properties).sort(), Object.keys(spec).sort());
  for (const [name, fields] of Object.entries(parts)) {
    assert.deepEqual(Object.keys(schema.$defs[name]!.properties).sort(), Object.keys(fields).sort(), name);
  }
  assert.deepEqual([...schema.$defs["Condition"]!.properties["op"]!.enum!].sort(), Object.keys(ops).sort());
});

test("over the tier's number of active ones the problem has what is used up", async () => {
  const pro = await demo("pro");
  const own = pro.batches(seal);
  const { active, active_limit } = await own.list();
  assert.equal(active_limit, 10);
  const ids: string[] = [];
  let refused: unknown;
  for (let count = active; count <= 10 && refused === undefined; count += 1) {
    const id = crypto.randomUUID();
    await own.create(aSpec(), { id }).then(() => ids.push(id), (error: unknown) => (refused = error));
  }
  for (const id of ids) await own.remove(id);
  const { resource, limit, used, required_tier } = quotaOf(refused)!;
  assert.deepEqual({ resource, limit, used, required_tier }, { resource: "batch_active", limit: 10, used: 10, required_tier: "power" });
});

test("what is due is run by one of two devices, and its end is on the server", async (t) => {
  const batch = await existing({ ...HIGH, trigger: DAILY });
  const late = Date.now() - (Date.now() % 86_400_000) - 2 * 86_400_000; // two days are made up for by one run
  await batches.reschedule(batch.id, late);
  const devices = [device(laptop), device(phone)];
  t.after(() => Promise.all(devices.map(({ runner }) => runner.stop())));
  await until(async () => (await batches.runs(batch.id)).some(({ outcome }) => outcome !== null));
  const runs = await batches.runs(batch.id);
  assert.equal(runs.length, 1);
  assert.deepEqual([runs[0]?.outcome, runs[0]?.items], ["succeeded", { total: 12, done: 12, failed: 0, skipped: 0 }]);
  assert.equal(Date.parse(runs[0]!.slot), late + 2 * 86_400_000);
  assert.equal(Date.parse((await batches.get(batch.id)).next_due_at!), late + 3 * 86_400_000);
  const applied = devices.flatMap((one) => one.applied);
  assert.equal(new Set(applied.map(({ record_id }) => record_id)).size, 12);
  assert.ok(applied.every(({ name, data }) => name === "update_task" && (data as { priority: string }).priority === "high"));
});

test("a run that was stopped is gone on with when its runner starts again", async (t) => {
  const batch = await existing(HIGH);
  let first: ReturnType<typeof device> | undefined;
  const stopping = new Promise<void>((stopped) => {
    const apply = (): void => void (first!.applied.length === 0 && first!.applied.push({} as ChatAction) && void first!.runner.stop().then(stopped));
    first = device(laptop, { apply });
  });
  const run = first!.runner.run(batch.id);
  await assert.rejects(run, (error) => error instanceof NotRun && error.reason === "stopped");
  await stopping;
  first!.runner.start();
  t.after(() => first!.runner.stop());
  await until(async () => (await batches.runs(batch.id))[0]?.outcome === "succeeded");
  assert.equal((await batches.runs(batch.id)).length, 1);
});

test("of 200 records whose connection is cut at the 120th the other 80 are done, no action has an id twice, and usage adds up", async () => {
  let sockets = 0;
  let last = 0;
  const Platform = await platformWebSocket();
  class Cut extends (Platform as unknown as typeof WebSocket) {
    constructor(url: string) {
      super(url);
      const isFirst = (sockets += 1) === 1;
      let items = 0;
      this.addEventListener("message", ({ data }) => {
        if (isFirst && String(data).includes('"type":"item"') && (items += 1) === 120) this.close();
        if (!isFirst && String(data).includes('"type":"item"')) last += 1;
      });
    }
  }
  const spent = async (): Promise<number> => {
    const { month } = await laptop.usage();
    return month.input_tokens + month.output_tokens;
  };
  let before = await spent();
  const isQuiet = async (): Promise<boolean> => {
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // what other tests have cut short is counted when it has ended
    const now = await spent();
    return now === before || ((before = now), false);
  };
  await until(isQuiet);
  const chat = laptop.chat({ WebSocket: Cut as never });
  const tasks = new Map(Array.from({ length: 200 }, (_, index) => [crypto.randomUUID() as string, `Task ${index}`]));
  let given = 0;
  const record = (id: string): object => ((given += 1), { id, title: tasks.get(id), status: "todo" });
  const run = chat.map({ instruction: "Set the priority of all tasks to high", tools: ["update_task"], keys: tasks.keys(), record });
  const items: MapItem[] = [];
  for await (const item of run) items.push(item);
  chat.close();
  const { items: counts, usage } = await run.result;
  assert.deepEqual([sockets, counts], [2, { total: 200, done: 200, failed: 0, skipped: 0 }]);
  assert.ok(last <= 80 && last >= 60, `${last}`); // a few may have come while it was closed
  const ids = items.flatMap(({ actions }) => actions.map(({ id }) => id));
  assert.deepEqual([ids.length, new Set(ids).size], [200, 200]);
  const known = usage.input_tokens + usage.output_tokens;
  await until(async () => (await spent()) - before >= known);
  const unknown = (await spent()) - before - known; // of what was under way at the cut, and was done again
  assert.ok(given - 200 <= 20 && unknown <= (1.5 * (given - 200) * known) / 200, `${unknown} of ${known}, ${given} given`);
});

test("a sentence becomes a batch whose next times are those that this device computes", async () => {
  const built = await batches.build({ message: "every weekday at 8:30 set the priority of all tasks that are due today to high", timezone: "Europe/Rome" });
  const { spec } = built;
  assert.ok(spec !== null);
  assert.equal(spec.version, 1);
  assert.equal(spec.trigger.kind, "schedule");
  if (spec.trigger.kind !== "schedule") return;
  const times: number[] = [];
  for (const due of dueTimes(spec.trigger, Date.now())) if (times.push(due) === 3) break;
  assert.deepEqual(built.next_runs.map((time) => Date.parse(time)), times);
  assert.equal((await existing(spec)).spec?.name, spec.name);
  const asked = await batches.build({ message: "every hour set due dates", timezone: "Europe/Rome" });
  assert.deepEqual([asked.spec, asked.questions.length], [null, 1]);
  await assert.rejects(batches.build({ message: "ring the bell when my aunt calls", timezone: "Europe/Rome" }), { code: "not_buildable" });
});

test("there are models to choose from, and a budget", async () => {
  const { builtin, own_key_kinds } = await laptop.models();
  assert.equal(builtin.filter((one) => one.default).length, 1);
  assert.ok(own_key_kinds.includes("openai_compatible"));
  const refused = laptop.testProvider({ kind: "openai_compatible", api_key: "k", base_url: "https://127.0.0.1/v1" }, "m");
  await assert.rejects(refused, { code: "validation_error" });
  const { limits, remaining, today } = await laptop.usage();
  assert.deepEqual([limits.llm_tokens, remaining.llm_tokens], [null, null]);
  assert.ok(today.turns >= 0);
  assert.ok((await ok(laptop.api.GET("/api/v1/auth/me"))).email.startsWith("demo-power"));
});
