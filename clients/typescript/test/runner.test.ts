import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Locked, MemoryBatchStore, NotRun, SignedOut, type BatchHost, type BatchRecord, type BatchSpec, type ChatAction, type ClientOptions, type RunEvent, type RunnerOptions } from "../src/index.js";
import { Lease, LeaseLost } from "../src/batches/lease.js";
import { BatchRunner } from "../src/batches/runner.js";
import { ServerTime } from "../src/batches/server_time.js";
import { Connectivity } from "../src/connectivity.js";
import { lockOf } from "../src/sync/lock.js";
import { aSpec, FakeBatchServer, FastClock, seal } from "./fake_batches.js";
import { problem, tooMany } from "./fake_server.js";

const HOUR = 3_600_000;
const TASKS = Array.from({ length: 6 }, (_, index): BatchRecord => ({ id: `t-${index}`, status: index === 5 ? "done" : "todo" }));

/** A device of the user's, with its runner running until the test is over. */
class Device {
  readonly applied: ChatAction[] = [];
  readonly events: RunEvent[] = [];
  readonly errors: unknown[] = [];
  readonly erredAt: number[] = [];
  readonly runner: BatchRunner;
  readonly clock: FastClock;

  constructor(
    test: TestContext,
    readonly server: FakeBatchServer,
    readonly name: string,
    { host = {}, client = {}, ...options }: Partial<Omit<RunnerOptions, "host">> & { host?: Partial<BatchHost>; client?: Partial<ClientOptions> } = {},
  ) {
    this.clock = (client.clock as FastClock | undefined) ?? server.clock;
    this.runner = server.client(name, client).batchRunner({
      seal,
      WebSocket: server.WebSocket,
      host: {
        records: () => TASKS,
        record: (_, id) => TASKS.find((task) => task.id === id),
        apply: (action) => void (this.applied.some(({ id }) => id === action.id) || this.applied.push(action)),
        ...host,
      },
      onEvent: (event) => void this.events.push(event),
      onError: (error) => void (this.errors.push(error), this.erredAt.push(this.clock.now())),
      ...options,
    });
    this.runner.start();
    test.after(() => this.runner.stop());
  }

  get finished() {
    return this.events.flatMap((event) => (event.type === "finished" ? [event.ending] : []));
  }
}

async function until(what: () => boolean, milliseconds = 10_000): Promise<void> {
  for (const began = Date.now(); !what(); await new Promise((resolve) => setTimeout(resolve, 2))) {
    if (Date.now() - began > milliseconds) assert.fail(`it never came to be: ${what}`);
  }
}

const aWhile = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Due each day, for the first time so long from now. */
function daily(server: FakeBatchServer, inMs: number, catch_up: "latest" | "skip" = "latest"): BatchSpec["trigger"] {
  const anchor = new Date(Math.round((server.clock.now() + inMs) / 60_000) * 60_000).toISOString().slice(0, 19);
  return { kind: "schedule", rrule: "FREQ=DAILY", anchor, timezone: "UTC", catch_up };
}

/** A batch that somebody has made before. */
async function existing(server: FakeBatchServer, spec: BatchSpec, nextDueAt?: number): Promise<string> {
  const { id } = await server.client("maker").batches(seal).create(spec);
  if (nextDueAt !== undefined) server.batches.get(id)!.next_due_at = new Date(nextDueAt).toISOString().replace(".000Z", "Z");
  server.asked.length = 0;
  return id;
}

test("what is due is run once, on one of three devices, and is due again the next day", async (t) => {
  const server = new FakeBatchServer();
  const id = await existing(server, aSpec({ trigger: daily(server, 3 * 60_000) }));
  const due = Date.parse(server.batches.get(id)!.next_due_at!);
  const devices = ["laptop", "phone", "tablet"].map((name) => new Device(t, server, name));
  await until(() => server.ends.length === 1);
  await aWhile(500);
  assert.equal(server.ends.length, 1);
  const [end] = server.ends;
  assert.deepEqual([end?.outcome, end?.items], ["succeeded", { total: 5, done: 5, failed: 0, skipped: 0 }]);
  assert.deepEqual([Date.parse(end!.slot), Date.parse(end!.next_due_at!)], [due, due + 24 * HOUR]);
  assert.equal(Date.parse(server.batches.get(id)!.next_due_at!), due + 24 * HOUR);
  assert.equal(devices.flatMap(({ applied }) => applied).length, 5);
  assert.deepEqual(devices.flatMap(({ errors }) => errors), []); // who comes second keeps quiet
});

test("a device that slept for days runs the newest of what it missed, and no other", async (t) => {
  const server = new FakeBatchServer();
  const id = await existing(server, aSpec({ trigger: daily(server, -5 * 24 * HOUR - HOUR) }), server.clock.now() - 5 * 24 * HOUR - HOUR);
  const missed = Date.parse(server.batches.get(id)!.next_due_at!);
  new Device(t, server, "laptop");
  await until(() => server.ends.length === 1);
  await aWhile(400);
  assert.equal(server.ends.length, 1);
  assert.ok(Math.abs(Date.parse(server.ends[0]!.slot) - (missed + 5 * 24 * HOUR)) < 60_000);
});

test("with skip, what it missed is not run but passed over", async (t) => {
  const server = new FakeBatchServer();
  const id = await existing(server, aSpec({ trigger: daily(server, -5 * 24 * HOUR - HOUR, "skip") }), server.clock.now() - 5 * 24 * HOUR - HOUR);
  const device = new Device(t, server, "laptop");
  await until(() => server.ends.length === 1);
  assert.deepEqual([server.ends[0]!.outcome, server.ends[0]!.error_code], ["skipped", "slept_through"]);
  await aWhile(300);
  assert.ok(Date.parse(server.batches.get(id)!.next_due_at!) > server.clock.now());
  assert.deepEqual([device.applied.length, server.ends.length], [0, 1]);
});

test("a long run keeps its lease, and a machine whose clock is an hour wrong runs at the right time", async (t) => {
  const server = new FakeBatchServer();
  server.itemMs = 60_000; // five of them are more than two leases
  await existing(server, aSpec({ trigger: daily(server, 2 * 60_000) }));
  const due = Date.parse([...server.batches.values()][0]!.next_due_at!);
  const wrong = new FastClock(200, HOUR);
  new Device(t, server, "laptop", { client: { clock: wrong } });
  let begunAt = 0;
  server.before = (line) => {
    if (/POST .*runs$/.test(line) && begunAt === 0) begunAt = server.clock.now();
    return undefined;
  };
  await until(() => server.ends.length === 1);
  assert.ok(Math.abs(begunAt - due) < HOUR / 4, `${begunAt - due}`);
  assert.deepEqual([server.runs[0]!.attempt, server.ends[0]!.outcome], [1, "succeeded"]);
  assert.ok(server.asked.filter((line) => line.startsWith("PATCH")).length >= 3);
});

test("a run that another device has taken over stops at once, and says nothing", async (t) => {
  const server = new FakeBatchServer();
  server.itemMs = 30_000;
  const id = await existing(server, aSpec());
  const laptop = new Device(t, server, "laptop");
  const run = laptop.runner.run(id);
  await until(() => laptop.applied.length === 1);
  server.runs[0]!.attempt += 1;
  server.runs[0]!.session = "phone";
  await assert.rejects(run, (error) => error instanceof NotRun && error.reason === "lost");
  const applied = laptop.applied.length;
  assert.ok(applied < 5);
  await aWhile(400);
  assert.deepEqual([laptop.applied.length, server.ends.length, laptop.events.at(-1)?.type, laptop.errors], [applied, 0, "lost", []]);
});

test("a lease that cannot be renewed is given up, and the run is gone on with when there is a network again", async (t) => {
  const server = new FakeBatchServer();
  server.itemMs = 80_000;
  const id = await existing(server, aSpec());
  const laptop = new Device(t, server, "laptop", { client: { retry: { lostAnswers: 0 } } });
  const run = laptop.runner.run(id);
  await until(() => laptop.applied.length === 1);
  server.before = () => {
    throw new TypeError("fetch failed");
  };
  await assert.rejects(run, (error) => error instanceof NotRun && error.reason === "lost");
  const done = laptop.applied.length;
  assert.ok(done < 5);
  server.before = () => undefined;
  server.itemMs = 1_000;
  server.hint({ type: "batch_due", id });
  await until(() => server.ends.length === 1);
  assert.deepEqual([server.runs.length, server.ends[0]!.items, laptop.applied.length], [1, { total: 5, done: 5, failed: 0, skipped: 0 }, 5]);
  assert.equal(server.maps[1]!.keys.length, 5 - done); // only what had no result
});

test("the end is told until the server has it, after a restart too", async (t) => {
  const server = new FakeBatchServer();
  const id = await existing(server, aSpec());
  server.before = (line) => {
    if (line.endsWith("/finish")) throw new TypeError("fetch failed");
    return undefined;
  };
  const store = new MemoryBatchStore();
  const laptop = new Device(t, server, "laptop", { store, client: { retry: { lostAnswers: 0 } } });
  assert.equal((await laptop.runner.run(id)).outcome, "succeeded");
  await laptop.runner.stop();
  assert.equal(store.read()?.runs.length, 1);
  assert.ok(!/todo|Rate/.test(JSON.stringify(store.read())));
  server.before = () => undefined;
  const restarted = new Device(t, server, "laptop", { store });
  await until(() => server.ends.length === 1);
  await until(() => store.read()?.runs.length === 0);
  assert.equal(restarted.applied.length, 0);
});

test("an app that was closed in the middle goes on with the rest", async (t) => {
  const server = new FakeBatchServer();
  server.itemMs = 20_000;
  const id = await existing(server, aSpec({ trigger: daily(server, 2 * 60_000) }));
  const store = new MemoryBatchStore();
  const laptop = new Device(t, server, "laptop", { store });
  await until(() => laptop.applied.length === 2);
  await laptop.runner.stop();
  const before = laptop.applied.length;
  server.itemMs = 1_000;
  const restarted = new Device(t, server, "laptop", { store });
  await until(() => server.ends.length === 1);
  assert.deepEqual([server.ends[0]!.items.done, server.runs.length, server.runs[0]!.attempt], [5, 1, 1]);
  assert.equal(restarted.applied.length, 5 - before);
  assert.equal(server.maps[0]!.run_id, server.maps[1]!.run_id);
  assert.ok(server.batches.get(id)!.next_due_at !== null);
});

const destructive = (key: string): object[] => [
  { name: "update_task", type: "update_record", table: "tasks", record_id: key, data: {}, destructive: false },
  ...(key === "t-1" || key === "t-3" ? [{ name: "delete_task", type: "delete_record", table: "tasks", record_id: key, data: {}, destructive: true }] : []),
];

test("what would lose data waits for a yes, asked once for a step", async (t) => {
  const server = new FakeBatchServer();
  server.act = destructive;
  const id = await existing(server, aSpec({ approval: "destructive", steps: [{ id: "tidy", type: "map", instruction: "Tidy.", tools: ["update_task", "delete_task"] }] }));
  const asked: string[][] = [];
  const approve: BatchHost["approve"] = async ({ actions }) => {
    asked.push(actions.map(({ name, record_id }) => `${name} ${record_id}`));
    return actions.slice(0, 1).map(({ id }) => id);
  };
  const laptop = new Device(t, server, "laptop", { host: { approve } });
  const ending = await laptop.runner.run(id);
  assert.deepEqual(asked, [["delete_task t-1", "delete_task t-3"]]);
  assert.deepEqual(laptop.applied.filter(({ name }) => name === "delete_task").map(({ record_id }) => record_id), ["t-1"]);
  assert.deepEqual([ending.outcome, ending.items, ending.code], ["succeeded", { total: 5, done: 4, failed: 0, skipped: 1 }, "not_approved"]);
});

test("without anybody to ask nothing is applied that needs a yes, and nothing with a tool that the step does not name", async (t) => {
  const server = new FakeBatchServer();
  const spec = aSpec({ approval: "always" });
  const [always, foreign] = [await existing(server, spec), await existing(server, aSpec({ steps: [{ id: "rate", type: "map", instruction: "Rate.", tools: ["add_task_comment"] }] }))];
  const laptop = new Device(t, server, "laptop");
  assert.deepEqual((await laptop.runner.run(always)).outcome, "skipped");
  const ending = await laptop.runner.run(foreign);
  assert.deepEqual([ending.outcome, ending.code, laptop.applied.length], ["failed", "tool_not_allowed", 0]);
});

test("limits end a run with what is done", async (t) => {
  const server = new FakeBatchServer();
  const limits = { max_items: 100, max_tokens: 100_000, max_minutes: 60 };
  const few = await existing(server, aSpec({ limits: { ...limits, max_items: 3 } }));
  const cheap = await existing(server, aSpec({ limits: { ...limits, max_tokens: 250 } }));
  const short = await existing(server, aSpec({ limits: { ...limits, max_minutes: 1 } }));
  const laptop = new Device(t, server, "laptop");
  assert.deepEqual(await laptop.runner.run(few), { outcome: "partial", items: { total: 3, done: 3, failed: 0, skipped: 0 }, code: "item_limit" });
  const { outcome, code, items } = await laptop.runner.run(cheap);
  assert.deepEqual([outcome, code], ["partial", "token_limit"]);
  assert.ok(items.done >= 2 && items.done < 5);
  server.itemMs = 25_000;
  const late = await laptop.runner.run(short);
  assert.deepEqual([late.outcome, late.code], ["partial", "time_limit"]);
});

test("of more records than the tier has in a run the first ones are done", async (t) => {
  const server = new FakeBatchServer();
  [server.most, server.itemMs] = [50, 100];
  const many = Array.from({ length: 230 }, (_, index): BatchRecord => ({ id: `t-${index}`, status: "todo" }));
  const limits = { max_items: 1000, max_tokens: 100_000, max_minutes: 60 };
  const id = await existing(server, aSpec({ selection: { table: "tasks", where: [], limit: 1000 }, limits }));
  const laptop = new Device(t, server, "laptop", { host: { records: () => many, record: (_, id) => ({ id }) } });
  assert.deepEqual(await laptop.runner.run(id), { outcome: "partial", items: { total: 230, done: 50, failed: 0, skipped: 0 }, code: "item_limit" });
});

test("steps go one after another, and two over a record give their actions ids of their own", async (t) => {
  const server = new FakeBatchServer();
  server.answer = { text: "Five were rated.", actions: [{ name: "create_note", type: "create_record", table: "notes", record_id: "n-1", data: {}, destructive: false }] };
  const step = { type: "map", instruction: "Rate it.", tools: ["update_task"] } as const;
  const id = await existing(
    server,
    aSpec({ steps: [{ ...step, id: "one", tools: ["update_task"] }, { ...step, id: "two", tools: ["update_task"] }, { id: "sum", type: "agent", instruction: "Sum it up in a note.", tools: ["create_note"] }] }),
  );
  const laptop = new Device(t, server, "laptop", { host: { model: () => ({ model: "m", provider: { kind: "mistral", api_key: "k" } }) } });
  const ending = await laptop.runner.run(id);
  assert.deepEqual([ending.outcome, ending.items.done], ["succeeded", 11]);
  assert.equal(new Set(laptop.applied.map(({ id }) => id)).size, 11);
  const { message, context, provider } = server.turns[0] as { message: string; context: { recent_tasks: unknown[] }; provider: { kind: string } };
  assert.deepEqual([message, context.recent_tasks.length, provider.kind], ["Sum it up in a note.", 5, "mistral"]);
  assert.deepEqual(laptop.events.flatMap((event) => (event.type === "answer" ? [event.text] : [])), ["Five were rated."]);
});

test("today is the day of the schedule's zone, else of the device's, for the model too", async (t) => {
  const server = new FakeBatchServer();
  const steps: BatchSpec["steps"] = [
    { id: "rate", type: "map", instruction: "Rate it.", tools: ["update_task"] },
    { id: "sum", type: "agent", instruction: "Sum it up.", tools: [] },
  ];
  const zoned = t.mock.method(Intl.DateTimeFormat.prototype, "resolvedOptions", () => ({ timeZone: "Pacific/Auckland" }));
  const trigger = { ...daily(server, HOUR), timezone: "Asia/Tokyo" } as BatchSpec["trigger"];
  const [manual, scheduled] = [await existing(server, aSpec({ steps })), await existing(server, aSpec({ steps, trigger }))];
  let given: Record<string, unknown> = {};
  const laptop = new Device(t, server, "laptop", { host: { context: () => given } });
  const profiles = (): unknown[] => server.turns.map(({ context }) => (context as { user_profile: unknown }).user_profile);
  await laptop.runner.run(manual);
  given = { user_profile: { name: "Rosalba" } };
  await laptop.runner.run(scheduled);
  given = { user_profile: { timezone: "Europe/Rome" } };
  await laptop.runner.run(scheduled);
  assert.ok(zoned.mock.callCount() > 0);
  assert.deepEqual(server.maps.map(({ timezone }) => timezone), ["Pacific/Auckland", "Asia/Tokyo", "Asia/Tokyo"]);
  assert.deepEqual(profiles(), [{ timezone: "Pacific/Auckland" }, { name: "Rosalba", timezone: "Asia/Tokyo" }, { timezone: "Europe/Rome" }]);
});

test("changes of records are collected into one run, and what a run changes triggers none", async (t) => {
  const server = new FakeBatchServer();
  await existing(server, aSpec({ trigger: { kind: "record_changed", table: "tasks" } }));
  let device: Device | undefined;
  const apply = (action: ChatAction): void => device?.runner.recordChanged("tasks", action.record_id!); // as the app's store does
  device = new Device(t, server, "laptop", { host: { apply } });
  for (let change = 0; change < 20; change += 1) {
    device.runner.recordChanged("tasks", "t-9");
    await aWhile(3);
  }
  device.runner.recordChanged("notes", "n-1");
  await until(() => server.ends.length === 1);
  await aWhile(400);
  assert.deepEqual([server.ends.length, server.ends[0]!.outcome], [1, "succeeded"]);
});

test("a runner's socket that falls silent is replaced, and told of like any other", async (t) => {
  const server = new FakeBatchServer();
  const client = server.client("laptop");
  const connectivity = new Connectivity(async () => true);
  const told: string[] = [];
  connectivity.lost = (_, why) => void told.push(why);
  const hintAddress = async (): Promise<string> => "ws://fake/api/v1/sync";
  const { clock, WebSocket } = server;
  const session = (): AbortSignal => new AbortController().signal;
  const host: BatchHost = { records: () => [], record: () => undefined, apply: () => {} };
  const batches = (sealed: typeof seal) => client.batches(sealed);
  const runner = new BatchRunner({ batches, chat: () => client.chat(), clock, session, hintAddress, connectivity, silenceMs: 20 }, { seal, host, WebSocket });
  runner.start();
  t.after(() => runner.stop());
  await until(() => told.length === 2);
  assert.deepEqual(told, ["sync", "sync"]);
});

test("one run of a batch at a time, and a hint wakes a runner that would sleep on", async (t) => {
  const server = new FakeBatchServer();
  const id = await existing(server, aSpec());
  const laptop = new Device(t, server, "laptop", { pollSeconds: 100_000 });
  const first = laptop.runner.run(id);
  await until(() => server.runs.length === 1);
  await assert.rejects(laptop.runner.run(id), (error) => error instanceof NotRun && error.reason === "busy");
  await first;
  await assert.rejects(laptop.runner.run(crypto.randomUUID()), (error) => error instanceof NotRun && error.reason === "unknown");

  await aWhile(200);
  const due = await existing(server, aSpec({ trigger: daily(server, -60_000) }), server.clock.now() - 60_000);
  server.hint({ type: "batch_due", id: due });
  await until(() => server.ends.some(({ slot }) => slot.includes("T")));
});

test("a second window runs nothing, says so, and passes on which records were changed there", async (t) => {
  const server = new FakeBatchServer();
  const id = await existing(server, aSpec({ trigger: { kind: "record_changed", table: "tasks" } }));
  const store = Object.assign(new MemoryBatchStore(), { name: crypto.randomUUID() });
  const first = new Device(t, server, "laptop", { store });
  const second = new Device(t, server, "laptop", { store });
  const isBusy = (error: unknown): boolean => error instanceof NotRun && error.reason === "busy";
  second.runner.recordChanged("tasks", "t-1"); // before it knows whose turn it is
  await assert.rejects(second.runner.run(id), isBusy);
  await until(() => server.ends.length === 1);
  await assert.rejects(second.runner.run(id), isBusy);
  second.runner.recordChanged("tasks", "t-9");
  await until(() => server.ends.length === 2);
  await aWhile(400);
  assert.deepEqual([server.ends.length, first.applied.length, second.applied.length], [2, 10, 0]);
  await first.runner.stop();
  await until(() => server.hints.size === 1);
  assert.equal((await second.runner.run(id)).outcome, "succeeded");
});

test("where windows cannot tell each other, changes of records wait for the turn", async (t) => {
  const server = new FakeBatchServer();
  await existing(server, aSpec({ trigger: { kind: "record_changed", table: "tasks" } }));
  const store = new MemoryBatchStore(); // without a name
  const first = new Device(t, server, "laptop", { store });
  const second = new Device(t, server, "laptop", { store });
  second.runner.recordChanged("tasks", "t-1");
  await aWhile(200);
  assert.equal(server.ends.length, 0);
  await first.runner.stop();
  await until(() => server.ends.length === 1);
  assert.deepEqual([first.applied.length, second.applied.length], [0, 5]);
});

test("between processes, which no channel reaches, changes of records wait for the turn", async (t) => {
  const server = new FakeBatchServer();
  const id = await existing(server, aSpec({ trigger: { kind: "record_changed", table: "tasks" } }));
  const lock = lockOf({}); // the app's own
  const named = (): MemoryBatchStore => Object.assign(new MemoryBatchStore(), { name: crypto.randomUUID() });
  const [first, second] = [new Device(t, server, "laptop", { store: named(), lock }), new Device(t, server, "laptop", { store: named(), lock })];
  second.runner.recordChanged("tasks", "t-1");
  await assert.rejects(second.runner.run(id), (error) => error instanceof NotRun && error.reason === "busy");
  await first.runner.stop();
  await until(() => server.ends.length === 1);
  assert.deepEqual([first.applied.length, second.applied.length], [0, 5]);
});

test("what a window hears while it stops is seen to by the next one whose turn it is", async (t) => {
  const server = new FakeBatchServer();
  const id = await existing(server, aSpec({ trigger: { kind: "record_changed", table: "tasks" } }));
  let writing = Promise.resolve();
  const memory = new MemoryBatchStore();
  const store = { name: crypto.randomUUID(), read: () => memory.read(), write: (journal: never) => writing.then(() => memory.write(journal)) };
  const [first, next, other] = ["first", "next", "other"].map((name) => new Device(t, server, name, { store })) as [Device, Device, Device];
  await assert.rejects(other.runner.run(id), (error) => error instanceof NotRun && error.reason === "busy");
  let write = (): void => {};
  writing = new Promise((resolve) => (write = resolve));
  const stopped = first.runner.stop();
  other.runner.recordChanged("tasks", "t-1");
  await aWhile(50);
  write();
  await stopped;
  await until(() => server.ends.length === 1);
  assert.deepEqual([first, next, other].map(({ applied }) => applied.length), [0, 5, 0]);
});

test("a schedule whose next time nobody has said is given one", async (t) => {
  const server = new FakeBatchServer();
  const id = await existing(server, aSpec({ trigger: daily(server, HOUR) }));
  server.batches.get(id)!.next_due_at = null;
  new Device(t, server, "laptop", { pollSeconds: 20 });
  await until(() => server.batches.get(id)!.next_due_at !== null);
  assert.equal(server.asked.filter((line) => line.startsWith("PUT")).length, 1);
});

test("a failing server is asked less and less often, and a paused batch is not run", async (t) => {
  const server = new FakeBatchServer();
  const id = await existing(server, aSpec({ trigger: daily(server, -60_000) }), server.clock.now() - 60_000);
  server.batches.get(id)!.state = "paused";
  let isDown = true;
  server.before = (line) => (isDown && line === "GET /batches" ? problem(500, "internal_error") : undefined);
  const laptop = new Device(t, server, "laptop");
  await until(() => laptop.errors.length >= 5);
  assert.ok(laptop.erredAt[4]! - laptop.erredAt[3]! > 7_000);
  isDown = false;
  laptop.runner.onHint({ type: "hello", seq: 0, due: [id], key_requests: [] });
  await until(() => server.asked.at(-1) === "GET /batches" && server.batches.size === 1);
  await aWhile(100);
  assert.equal(server.runs.length, 0);
});

for (const sign of ["a socket that opens again", "the browser's online"]) {
  test(`${sign} ends what the server asked for, but for its first minute`, async (t) => {
    const server = new FakeBatchServer();
    const window = new EventTarget();
    const platform = globalThis as { addEventListener?: unknown };
    platform.addEventListener = window.addEventListener.bind(window);
    t.after(() => delete platform.addEventListener);
    const looks: number[] = [];
    server.before = (line) => {
      if (line === "GET /batches") looks.push(server.clock.now());
      return line === "GET /batches" && looks.length === 1 ? tooMany(900) : undefined;
    };
    const laptop = new Device(t, server, "laptop", { listen: false });
    await until(() => laptop.errors.length === 1);
    if (sign === "the browser's online") window.dispatchEvent(new Event("online"));
    else laptop.runner.onHint({ type: "hello", seq: 0, due: [], key_requests: [] });
    await until(() => looks.length === 2);
    const pause = looks[1]! - looks[0]!;
    assert.ok(pause > 55_000 && pause < 800_000, `${pause}`);
  });
}

test("a journal that cannot be written is tried less and less often", async (t) => {
  const server = new FakeBatchServer(new FastClock(1_000));
  for (const minutes of [1, 2, 3]) await existing(server, aSpec({ trigger: daily(server, -minutes * 60_000) }), server.clock.now() - minutes * 60_000);
  let isFull = true;
  const full = new Error("the disk is full");
  const write = (): void => {
    if (isFull) throw full;
  };
  const laptop = new Device(t, server, "laptop", { store: { read: () => undefined, write } });
  const began = server.clock.now();
  await until(() => server.clock.now() - began > 10 * 60_000);
  const claims = server.asked.filter((line) => /^POST .*runs$/.test(line)).length;
  assert.ok(claims >= 9 && server.asked.length < 150, `${claims} of ${server.asked.length}`);
  assert.ok(laptop.errors.every((error) => error === full));
  isFull = false;
  await until(() => server.ends.length === 3);
});

test("a batch whose claim fails backs off, and holds no other up", async (t) => {
  const server = new FakeBatchServer();
  const failing = await existing(server, aSpec({ trigger: daily(server, -60_000) }), server.clock.now() - 60_000);
  const healthy = await existing(server, aSpec({ trigger: daily(server, 4 * 60_000) }));
  const due = Date.parse(server.batches.get(healthy)!.next_due_at!);
  const claimedAt: number[] = [];
  let begunAt = 0;
  server.before = (line) => {
    if (line === `POST /batches/${healthy}/runs`) begunAt ||= server.clock.now();
    if (line !== `POST /batches/${failing}/runs`) return undefined;
    claimedAt.push(server.clock.now());
    return problem(500, "internal_error");
  };
  new Device(t, server, "laptop");
  await until(() => server.ends.length === 1);
  assert.ok(begunAt - due < 20_000, `${begunAt - due}`);
  assert.ok(claimedAt.length >= 4 && claimedAt.length < 20, `${claimedAt.length}`);
  assert.ok(claimedAt.at(-1)! - claimedAt.at(-2)! > 12_000);
});

test("a device that is locked in the middle fails nothing, and goes on once it is unlocked", async (t) => {
  const server = new FakeBatchServer();
  const id = await existing(server, aSpec());
  let isLocked = false;
  const unlessLocked = (): void => {
    if (isLocked) throw new Locked();
  };
  const open: typeof seal.open = async (...of) => (unlessLocked(), seal.open(...of));
  const applied: ChatAction[] = [];
  const apply = (action: ChatAction): void => {
    unlessLocked();
    isLocked = applied.push(action) === 2;
  };
  const laptop = new Device(t, server, "laptop", { seal: { ...seal, open }, host: { apply }, pollSeconds: 20 });
  await assert.rejects(laptop.runner.run(id), (error) => error instanceof NotRun && error.reason === "unreadable");
  await aWhile(600);
  assert.deepEqual([server.ends.length, server.runs.length, applied.length], [0, 1, 2]);
  isLocked = false;
  await until(() => server.ends.length === 1);
  assert.deepEqual([server.ends[0]!.items, applied.length], [{ total: 5, done: 5, failed: 0, skipped: 0 }, 5]);
});

test("a store that cannot be read ends a runner, and says so", async (t) => {
  const server = new FakeBatchServer();
  const broken = new Error("the disk is full");
  const device = new Device(t, server, "laptop", { store: { read: () => Promise.reject(broken), write: () => {} } });
  const run = device.runner.run(crypto.randomUUID());
  await assert.rejects(run, (error) => error instanceof NotRun && error.cause === broken);
  assert.deepEqual([device.errors, device.runner.isRunning], [[broken], false]);
  await assert.rejects(device.runner.run(crypto.randomUUID()), NotRun);
});

test("logging out ends it, a run under way included, and says so once", async (t) => {
  const server = new FakeBatchServer();
  server.itemMs = 60_000;
  const id = await existing(server, aSpec());
  const client = server.client("laptop");
  const errors: unknown[] = [];
  const host: BatchHost = { records: () => TASKS, record: (_, task) => ({ id: task }), apply: () => {} };
  const runner = client.batchRunner({ seal, WebSocket: server.WebSocket, host, onError: (error) => void errors.push(error) });
  runner.start();
  t.after(() => runner.stop());
  const run = runner.run(id);
  await until(() => server.maps.length === 1);
  server.before = (line) => (line.endsWith("/logout") ? new Response(null, { status: 204 }) : undefined);
  await client.logout();
  await assert.rejects(run, SignedOut);
  await runner.stop();
  assert.deepEqual([errors.length, errors[0] instanceof SignedOut, server.ends.length], [1, true, 0]);
});

test("a machine that has slept, or whose clock was set, is noticed, and its lease is asked for at once", async () => {
  const server = new FakeBatchServer(new FastClock(1)); // by which a lease is renewed after 40 seconds
  let slept = 0;
  const time = new ServerTime(() => server.clock.now() + slept, () => server.clock.now());
  assert.equal(time.isKnown, false);
  await time.observed(async () => new Response());
  assert.deepEqual([time.hasJumped, time.isKnown], [false, true]);
  const hasJumped = time.watch();
  assert.equal(hasJumped(), false);
  slept = HOUR;
  assert.deepEqual([time.hasJumped, time.isKnown], [true, false]);
  await time.observed(async () => new Response(null, { headers: { Date: new Date(server.clock.now() + HOUR).toUTCString() } }));
  assert.ok(!time.hasJumped && Math.abs(time.now() - server.clock.now() - HOUR) < 2_500);
  assert.deepEqual([hasJumped(), hasJumped()], [true, false]); // whoever else was answered first

  const batches = server.client("laptop").batches(seal);
  const batch = await batches.create(aSpec());
  const run = await batches.claim(batch.id, crypto.randomUUID(), 1);
  const lease = new Lease(batches, run, server.clock, server.clock.now());
  server.runs[0]!.attempt += 1; // taken over meanwhile
  lease.check();
  await until(() => lease.signal.aborted);
  assert.ok(lease.signal.reason instanceof LeaseLost && lease.signal.reason.isTaken);
});

/** A client whose answers have the server's time, wrong by what `wrong` says. */
function toldBy(server: FakeBatchServer, wrong: () => number) {
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const response = await server.fetch(request);
    response.headers.set("Date", new Date(server.clock.now() + wrong()).toUTCString());
    return response;
  };
  return server.client("laptop", { fetch });
}

test("two servers behind one address, whose clocks differ, are asked no more often than one", async (t) => {
  const server = new FakeBatchServer(new FastClock(1_000));
  await existing(server, aSpec({ trigger: daily(server, 12 * HOUR) }));
  let answers = 0;
  const client = toldBy(server, () => (answers++ % 2) * 60_000);
  const host: BatchHost = { records: () => [], record: () => undefined, apply: () => {} };
  const runner = client.batchRunner({ seal, host, WebSocket: server.WebSocket });
  const began = server.clock.now();
  runner.start();
  t.after(() => runner.stop());
  await until(() => server.clock.now() - began > 15 * 60_000);
  const looks = server.asked.filter((line) => line === "GET /batches").length;
  assert.ok(looks >= 1 && looks <= 20, `${looks}`);
});

test("whatever answer sets the server's clock right, what is due runs by it", async (t) => {
  const server = new FakeBatchServer(new FastClock(1_000));
  await existing(server, aSpec({ trigger: daily(server, 5 * 60_000) }));
  let wrong = -24 * HOUR;
  const client = toldBy(server, () => wrong);
  const host: BatchHost = { records: () => TASKS, record: (_, id) => ({ id }), apply: () => {} };
  const runner = client.batchRunner({ seal, host, WebSocket: server.WebSocket, pollSeconds: 100_000 });
  runner.start();
  t.after(() => runner.stop());
  await until(() => server.hints.size === 1 && server.asked.includes("GET /batches"));
  await aWhile(50); // it has been answered, and sleeps
  wrong = 0;
  await client.models().catch(() => {});
  await until(() => server.runs.length === 1);
});

test("a gateway's own refusal tells no time, nor do servers whose clocks differ look like a machine that has slept", async () => {
  const { clock } = new FakeBatchServer();
  const time = new ServerTime(() => clock.now(), () => clock.now());
  const told = new Date(clock.now() + HOUR).toUTCString();
  await time.observed(async () => new Response("<html>", { status: 502, headers: { Date: told, "Content-Type": "text/html" } }));
  assert.deepEqual([time.isKnown, Math.abs(time.now() - clock.now()) < HOUR / 2], [false, true]);
  const hasJumped = time.watch();
  await time.observed(async () => {
    const response = problem(503, "upstream_unavailable");
    response.headers.set("Date", told);
    return response;
  });
  assert.deepEqual([time.isKnown, Math.abs(time.now() - clock.now()) > HOUR / 2, hasJumped()], [true, true, false]);
});

test("where no header tells the time, a lease does", async () => {
  const server = new FakeBatchServer();
  const time = new ServerTime(() => server.clock.now() - HOUR, () => server.clock.now());
  time.learn(server.clock.now());
  assert.ok(Math.abs(time.now() - server.clock.now()) < 2_500);
});

test("an answer from a cache, or to a request that the machine has slept through, tells no time", async () => {
  const { clock } = new FakeBatchServer();
  let slept = 0;
  const time = new ServerTime(() => clock.now() + slept, () => clock.now());
  const old = { Date: new Date(clock.now() - HOUR).toUTCString(), "Cache-Control": "private, max-age=3600" };
  await time.observed(async () => new Response(null, { headers: old }));
  assert.equal(time.isKnown, false);
  await time.observed(async () => {
    slept = HOUR;
    return new Response(null, { headers: { Date: new Date(clock.now() + HOUR).toUTCString() } });
  });
  assert.ok(Math.abs(time.now() - clock.now() - HOUR) < 2_500);
});
