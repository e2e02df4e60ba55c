import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem, quotaOf, UnknownSpec, type BatchSpec } from "../src/index.js";
import { aSpec, FakeBatchServer, FastClock, seal } from "./fake_batches.js";

const DAILY: BatchSpec["trigger"] = { kind: "schedule", rrule: "FREQ=DAILY", anchor: "2026-11-01T09:00:00", timezone: "Europe/Rome", catch_up: "latest" };
const TOMORROW = "2026-11-30T08:00:00Z";

test("a batch is sealed on its way, with what the server has to know beside it", async () => {
  const server = new FakeBatchServer();
  const batches = server.client("laptop").batches(seal);
  const made = await batches.create(aSpec({ name: "Rosalba's birthday", trigger: DAILY }));
  const kept = server.batches.get(made.id)!;
  assert.ok(!JSON.stringify(kept).includes("Rosalba") && !Buffer.from(kept.spec, "base64").toString().includes("Rosalba"));
  assert.deepEqual([kept.trigger, kept.next_due_at, kept.state], ["schedule", TOMORROW, "active"]);
  assert.equal(made.spec?.name, "Rosalba's birthday");
  assert.deepEqual((await server.client("phone").batches(seal).list()).items.map(({ spec }) => spec?.name), ["Rosalba's birthday"]);
});

test("the list is all of them, and one that cannot be opened hides no other", async () => {
  const server = new FakeBatchServer();
  const batches = server.client("laptop").batches(seal);
  const names = ["a", "b", "c", "d", "e"];
  const made = [];
  for (const name of names) made.push(await batches.create(aSpec({ name })));
  const [first, second, third] = made;
  server.batches.get(first!.id)!.spec = server.batches.get(second!.id)!.spec; // what a server might do
  server.batches.get(first!.id)!.checksum = "other";
  await batches.update(third!.id, { spec: { ...aSpec(), version: 2 as 1 } });
  const { items, active, active_limit } = await batches.list();
  assert.deepEqual(items.map(({ spec }) => spec?.name), [undefined, "b", undefined, "d", "e"]);
  assert.match(String(items[0]?.failure), /not sealed for/);
  assert.ok(items[2]?.failure instanceof UnknownSpec);
  assert.deepEqual([active, active_limit], [5, null]);
});

test("a lost answer makes neither a second batch nor a false conflict", async () => {
  const server = new FakeBatchServer();
  const batches = server.client("laptop").batches(seal);
  let lose = true;
  server.after = () => {
    if (lose) [lose] = [false];
    else return;
    throw new TypeError("the answer is lost");
  };
  const made = await batches.create(aSpec());
  assert.equal(server.batches.size, 1);
  lose = true;
  const changed = await batches.update(made.id, { spec: aSpec({ name: "Other" }) }, { ifMatch: made.etag });
  assert.deepEqual([changed.spec?.name, changed.revision], ["Other", 2]);
  const again = await batches.create(aSpec({ name: "Other" }), { id: made.id }).catch((error: unknown) => error);
  assert.equal((again as typeof made).revision, 2); // sealed anew, and the same

  await assert.rejects(batches.update(made.id, { state: "paused" }, { ifMatch: made.etag }), (error) => isProblem(error, "precondition_failed"));
  await batches.pause(made.id, { ifMatch: changed.etag });
  await batches.remove(made.id);
  await batches.remove(made.id);
  assert.equal(server.batches.size, 0);
});

test("an edit that leaves the schedule alone leaves what is due by now, and another schedule is due as it says", async () => {
  const server = new FakeBatchServer();
  const batches = server.client("laptop").batches(seal);
  const made = await batches.create(aSpec({ trigger: DAILY }));
  const due = "2026-11-29T08:00:00Z"; // today's, which nobody has run yet
  server.batches.get(made.id)!.next_due_at = due;
  assert.equal((await batches.update(made.id, { spec: aSpec({ trigger: DAILY, name: "Other" }) })).next_due_at, due);
  assert.equal((await batches.update(made.id, { spec: aSpec({ trigger: { ...DAILY, anchor: "2026-11-01T09:30:00" } }) })).next_due_at, "2026-11-30T08:30:00Z");
  assert.equal((await batches.update(made.id, { spec: aSpec() })).next_due_at, null);
});

test("over the tier's number the problem says what is used up", async () => {
  const server = new FakeBatchServer();
  server.limit = 1;
  const batches = server.client("laptop").batches(seal);
  await batches.create(aSpec());
  const refused = await batches.create(aSpec()).catch((error: unknown) => error);
  const { resource, limit, used, required_tier } = quotaOf(refused)!;
  assert.deepEqual({ resource, limit, used, required_tier }, { resource: "batch_active", limit: 1, used: 1, required_tier: "pro" });
  assert.equal(quotaOf(new Error("another")), undefined);
  const paused = await batches.create(aSpec(), { state: "paused" });
  assert.equal(paused.state, "paused");
});

test("an activated batch makes up for nothing, and due times are by the server's clock", async () => {
  const server = new FakeBatchServer();
  const wrong = new FastClock(200, 40 * 86_400_000); // this machine is more than a month ahead
  const batches = server.client("laptop", { clock: wrong }).batches(seal);
  await batches.list();
  const made = await batches.create(aSpec({ trigger: DAILY }), { state: "paused" });
  assert.equal(server.batches.get(made.id)!.next_due_at, TOMORROW);
  server.batches.get(made.id)!.next_due_at = "2026-11-20T08:00:00Z";
  assert.equal((await batches.activate(await batches.get(made.id))).next_due_at, TOMORROW);
});

test("a first due time is by the server's clock, though nothing has told it yet", async () => {
  const HOUR = 3_600_000;
  const at = (hour: string): BatchSpec["trigger"] => ({ ...DAILY, anchor: `2026-11-01T${hour}:00:00`, timezone: "UTC" }) as BatchSpec["trigger"];
  for (const [ahead, hour, due] of [[-2, "09", "2026-11-30T09:00:00Z"], [2, "11", "2026-11-29T11:00:00Z"]] as const) {
    const server = new FakeBatchServer(); // it is ten there
    const clock = new FastClock(100, ahead * HOUR);
    const batches = server.client("laptop", { clock }).batches(seal);
    const made = await batches.create(aSpec({ trigger: at(hour) }));
    assert.equal(made.next_due_at, due);
    assert.deepEqual(server.asked, ["GET /health", "POST /batches"]);

    const restarted = server.client("laptop", { clock });
    server.batches.get(made.id)!.next_due_at = null;
    assert.equal((await restarted.batches(seal).activate(made)).next_due_at, due);
    const started = server.client("laptop", { clock });
    await started.models().catch(() => {}); // any answer tells the time, to all that the client makes
    server.asked.length = 0;
    assert.equal((await started.batches(seal).create(aSpec({ trigger: at(hour) }))).next_due_at, due);
    assert.deepEqual(server.asked, ["POST /batches"]);
  }
});

test("where nobody may ask for the server's time, a first due time is by this machine's", async () => {
  for (const trouble of [() => new Response("no", { status: 403 }), () => Promise.reject(new TypeError("fetch failed"))]) {
    const server = new FakeBatchServer();
    server.before = (line) => (line === "GET /health" ? trouble() : undefined);
    const made = await server.client("laptop").batches(seal).create(aSpec({ trigger: DAILY }));
    assert.equal(made.next_due_at, TOMORROW);
    assert.equal((await server.client("phone").batches(seal).activate(made)).state, "active");

    const stop = new AbortController();
    server.before = (line) => {
      if (line === "GET /health") stop.abort(new RangeError("never mind"));
      return undefined;
    };
    server.asked.length = 0;
    await assert.rejects(server.client("tablet").batches(seal).create(aSpec({ trigger: DAILY }), { signal: stop.signal }), RangeError);
    assert.deepEqual(server.asked, ["GET /health"]);
  }
});
