import assert from "node:assert/strict";
import { test } from "node:test";
import { ChecksumMismatch, isProblem, MemoryStore, type Decision } from "../src/index.js";
import { Device, text, twoDevices } from "./fake_device.js";
import { FakeServer, problem } from "./fake_server.js";
import { bytes } from "./support.js";

test("what one device writes, changes and deletes the other one has", async () => {
  const { server, laptop, phone } = await twoDevices({ a: "one", b: "two", c: "three", d: "four" });
  assert.deepEqual(phone.contents, { a: "one", b: "two", c: "three", d: "four" });

  await phone.write("a", "ONE");
  await phone.write("b", null);
  assert.deepEqual([(await phone.sync()).sent, phone.store.get("b")], [2, undefined]);
  const result = await laptop.sync();

  assert.deepEqual(laptop.contents, { a: "ONE", c: "three", d: "four" });
  assert.deepEqual([result.received, result.removed, result.sent], [1, 1, 0]);
  assert.deepEqual(server.contents, laptop.contents);
  server.asked.length = 0;
  await laptop.sync();
  assert.deepEqual(server.asked, ["GET /storage/changes"]);
});

const decisions: [string, Decision, { mine: string | null; theirs: string | null; both: string | null }][] = [
  ["mine", "mine", { mine: "mine", theirs: "theirs", both: "mine" }],
  ["theirs", "theirs", { mine: "mine", theirs: "theirs", both: "theirs" }],
  ["one made of both", { body: bytes("both") }, { mine: "mine", theirs: "theirs", both: "both" }],
  ["mine, though it was deleted there", "mine", { mine: "mine", theirs: null, both: "mine" }],
  ["their deletion", "theirs", { mine: "mine", theirs: null, both: null }],
  ["theirs, though it was deleted here", "theirs", { mine: null, theirs: "theirs", both: "theirs" }],
  ["my deletion", "mine", { mine: null, theirs: "theirs", both: null }],
];
for (const [name, decision, { mine, theirs, both }] of decisions) {
  test(`of two changes the app decides for ${name}`, async () => {
    const { server, laptop, phone } = await twoDevices({ a: "old" });
    await phone.write("a", theirs);
    await phone.sync();
    await laptop.write("a", mine);
    laptop.decide = () => decision;

    assert.equal((await laptop.sync()).conflicts, 1);
    await phone.sync();

    assert.deepEqual(laptop.conflicts, [{ id: "a", mine: mine ?? undefined, theirs: theirs ?? undefined, resync: undefined }]);
    for (const { contents } of [server, laptop, phone]) assert.deepEqual(contents, both === null ? {} : { a: both });
  });
}

test("a change that comes between taking over and sending is a conflict, too", async () => {
  const { server, laptop } = await twoDevices({ a: "old" });
  await laptop.write("a", "mine");
  let isLate = true;
  server.before = (line) => {
    if (line === "PUT /storage/records/a" && isLate) server.write("a", "theirs");
    if (line === "PUT /storage/records/a") isLate = false;
    return undefined;
  };
  laptop.decide = ({ mine, theirs }) => ({ body: bytes(`${text(theirs)} and ${text(mine)}`) });
  await laptop.sync();
  assert.deepEqual(server.contents, { a: "theirs and mine" });
});

test("two devices that choose one id for two records are a conflict", async () => {
  const { server, laptop } = await twoDevices({});
  await laptop.write("a", "mine");
  server.before = (line) => {
    if (line.startsWith("POST")) server.write("a", "theirs");
    server.before = line.startsWith("POST") ? () => undefined : server.before;
    return undefined;
  };
  laptop.decide = () => "theirs";
  await laptop.sync();
  assert.deepEqual([laptop.contents, laptop.conflicts.length], [{ a: "theirs" }, 1]);
});

test("what the user writes while it is synchronised is not overwritten", async () => {
  const { server, laptop, phone } = await twoDevices({ a: "old", b: "old" });
  await phone.write("a", "theirs");
  await phone.sync();
  await laptop.write("b", "mine");
  let isEditing = true;
  server.before = async (line) => {
    if (isEditing && line === "GET /storage/records/a") await laptop.write("a", "written during the download");
    if (isEditing && line === "PUT /storage/records/b") await laptop.write("b", "written during the upload");
    if (line === "PUT /storage/records/b") isEditing = false;
    return undefined;
  };
  laptop.decide = ({ mine, theirs }) => ({ body: bytes(`${text(theirs)}; ${text(mine)}`) });
  await laptop.sync();
  await laptop.sync();
  assert.deepEqual(server.contents, { a: "theirs; written during the download", b: "written during the upload" });
});

test("a record that is deleted while it is first sent does not come back", async () => {
  const { server, laptop, phone } = await twoDevices({});
  await laptop.write("a", "1");
  server.before = async (line) => {
    if (line.startsWith("POST")) await laptop.write("a", null);
    return undefined;
  };
  await laptop.sync();
  await laptop.sync();
  await phone.sync();
  for (const { contents } of [server, laptop, phone]) assert.deepEqual(contents, {});
});

test("an answer that was lost makes no conflict of its own change", async () => {
  const { server, laptop } = await twoDevices({ a: "1", b: "2" });
  await laptop.write("a", "ONE");
  await laptop.write("b", null);
  await laptop.write("c", "3");
  const lost = new Set<string>();
  server.after = (line) => {
    if (/^(GET|HEAD)/.test(line) || lost.has(line)) return;
    lost.add(line);
    throw new TypeError("fetch failed");
  };
  await laptop.sync();
  assert.deepEqual([lost.size, server.contents, laptop.contents], [3, { a: "ONE", c: "3" }, { a: "ONE", c: "3" }]);
});

test("a record that cannot be downloaded keeps no other waiting, and is tried again", async () => {
  const server = new FakeServer();
  for (const id of ["a", "b", "c", "d", "e", "f", "g"]) server.write(id, id);
  server.before = (line) =>
    line.endsWith("/b") ? new Response("damaged", { headers: { "X-Checksum": "0".repeat(64) } }) : undefined;
  const phone = new Device(server);
  const first = await phone.sync();
  assert.deepEqual(first.failed.map(({ id, error }) => [id, error instanceof ChecksumMismatch]), [["b", true]]);
  assert.equal(first.received, 6);
  server.before = () => undefined;
  server.asked.length = 0;
  assert.equal((await phone.sync()).received, 1);
  assert.deepEqual(server.asked.filter((line) => line !== "GET /storage/changes"), ["GET /storage/records/b"]);
  assert.deepEqual(phone.contents, server.contents);
});

test("their bytes under another revision are no conflict with an edit of them", async () => {
  const { server, laptop } = await twoDevices({ a: "old" });
  server.write("a", "old");
  await laptop.write("a", "new");
  await laptop.sync();
  assert.deepEqual(server.contents, { a: "new" });
});

test("a record that is too large keeps no other waiting", async () => {
  const { server, laptop } = await twoDevices({});
  for (const id of ["large", "small"]) await laptop.write(id, id);
  server.before = (_, request) => (request.url.includes("large") ? new Response("from a proxy", { status: 413 }) : undefined);
  assert.deepEqual((await laptop.sync()).failed.map(({ id }) => id), ["large"]);
  assert.deepEqual(server.contents, { small: "small" });
});

test("a full account still takes deletions, which make room", async () => {
  const { server, laptop } = await twoDevices({});
  for (const id of ["b", "a"]) await laptop.write(id, id === "a" ? "1" : "2");
  server.before = (_, request) => (request.url.includes("id=b") ? problem(413, "payload_too_large") : undefined);
  await laptop.sync();
  await laptop.write("a", null);
  const full = problem(402, "quota_exceeded");
  server.before = (line) => (line.startsWith("POST") && "a" in server.contents ? full : undefined);
  await laptop.sync();
  assert.deepEqual(server.contents, { b: "2" });

  server.before = (line) => (line.startsWith("POST") ? problem(402, "quota_exceeded") : undefined);
  await laptop.write("c", "3");
  await laptop.write("d", "4");
  const { failed } = await laptop.sync();
  assert.deepEqual(failed.map(({ id, error }) => [id, isProblem(error, "quota_exceeded")]), [["c", true]]);
  server.before = () => undefined;
  await laptop.sync();
  assert.deepEqual(server.contents, { b: "2", c: "3", d: "4" });
});

test("a first synchronisation of more records than a minute has requests comes to its end, and leaves some to the user", async () => {
  const server = new FakeServer();
  server.limit = 60;
  for (let index = 0; index < 150; index += 1) server.write(`r${index}`, `${index}`);
  server.before = () => new Promise((resolve) => setImmediate(resolve, undefined));
  const waits: string[] = [];
  const client = server.client({ onWait: ({ reason }) => waits.push(reason) });
  const store = new MemoryStore();
  const engine = client.syncEngine(store, { onConflict: () => assert.fail() });
  const began = server.clock.now();

  assert.equal((await engine.sync()).received, 150);

  assert.deepEqual(waits, ["pace", "pace"]);
  assert.equal(server.fewestLeft, 6);
  assert.equal(server.asked.length, 152);
  assert.ok(server.clock.now() - began <= 125_000);
});

test("what was downloaded before an interruption is not downloaded again", async () => {
  const server = new FakeServer();
  server.limit = 60;
  for (let index = 0; index < 150; index += 1) server.write(`r${index}`, `${index}`);
  const interruption = new AbortController();
  const store = new MemoryStore();
  const options = { onConflict: () => assert.fail() };
  const impatient = server.client({ onWait: () => interruption.abort(new RangeError("the lid was closed")) });
  await assert.rejects(impatient.syncEngine(store, options).sync({ signal: interruption.signal }), RangeError);
  const before = store.all().length;
  assert.ok(before >= 50);

  assert.equal((await server.client().syncEngine(store, options).sync()).received, 150 - before);
  const downloads = server.asked.filter((line) => line.startsWith("GET /storage/records/"));
  assert.deepEqual([downloads.length, new Set(downloads).size], [150, 150]);
});

test("a quota that other devices use up, too, delays and ends nothing", async () => {
  const server = new FakeServer();
  server.limit = 60;
  for (let index = 0; index < 100; index += 1) server.write(`r${index}`, `${index}`);
  const devices = [new Device(server), new Device(server), new Device(server)];
  await Promise.all(devices.map((device) => device.sync()));
  for (const { contents } of devices) assert.deepEqual(contents, server.contents);
});
