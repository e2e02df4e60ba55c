import assert from "node:assert/strict";
import { test } from "node:test";
import { AdiuvaTimeoutError, ChecksumMismatch, isProblem, MemoryStore, type Decision, type Progress, type StoreChanges } from "../src/index.js";
import { Device, text, twoDevices } from "./fake_device.js";
import { FakeServer } from "./fake_server.js";
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

test("a record that is too large for the line keeps no other waiting", async () => {
  const server = new FakeServer();
  server.before = (line) => (line === "POST /storage/records" ? new Promise(() => {}) : undefined);
  const engine = server.client({ timeouts: { upload: 200 } }).sync(new MemoryStore(), { onConflict: () => assert.fail() });
  await engine.put({ id: "large", table: "notes", body: new Uint8Array(8 * 1024 * 1024 + 1) });
  await engine.put({ id: "small", table: "notes", body: bytes("1") });
  const { failed } = await engine.sync();
  assert.deepEqual(failed.map(({ id, error }) => [id, error.name]), [["large", "AdiuvaTimeoutError"]]);
  assert.deepEqual(server.contents, { small: "1" });
});

const KIB = 1024;

/** A line that carries so many bytes in the time that a batch has; what was sent in vain, in MiB. */
function slow(server: FakeServer, carries: number, isPoison: (body: Uint8Array) => boolean = () => false): number[] {
  const late: number[] = [];
  server.before = async (line, request) => {
    if (line !== "POST /storage/records/batch") return undefined;
    const body = new Uint8Array(await request.clone().arrayBuffer());
    if (body.length <= carries && !isPoison(body)) return undefined;
    late.push(Math.round(body.length / KIB / KIB));
    throw new AdiuvaTimeoutError("answer", "POST /api/v1/storage/records/batch", 300_000);
  };
  return late;
}

/** Records of so many KiB, by their names. */
async function device(server: FakeServer, sizes: Record<string, number>) {
  const engine = server.client().sync(new MemoryStore(), { onConflict: () => assert.fail() });
  for (const [id, size] of Object.entries(sizes)) await engine.put({ id, table: "notes", body: new Uint8Array(size * KIB).fill(id.charCodeAt(0)) });
  return async () => {
    const { sent, failed } = await engine.sync();
    return { sent, failed: failed.map(({ id, error }) => [id, error.name]) };
  };
}

test("a line that is too slow for a batch has smaller ones, from then on", async () => {
  const server = new FakeServer();
  const late = slow(server, 2100 * KIB);
  const sizes = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`${index}`, 512])); // two batches
  assert.deepEqual(await (await device(server, sizes))(), { sent: 32, failed: [] });
  assert.deepEqual(late, [8, 4]);
});

test("a record that is too large for a slow line keeps no other waiting, and those of its size cost one more attempt", async () => {
  const server = new FakeServer();
  const late = slow(server, 600 * KIB);
  const sync = await device(server, { a: 3000, b: 100, c: 3000, d: 3000, e: 3000, f: 100 });
  const { sent, failed } = await sync();
  assert.deepEqual([sent, failed.map(([id]) => id).sort()], [2, ["a", "c", "d", "e"]]);
  assert.equal(late.filter((mib) => mib === 3).length, 2, `${late}`);
  server.before = () => undefined;
  assert.deepEqual(await sync(), { sent: 4, failed: [] });
});

test("a record that is never answered keeps no other waiting, whatever its size", async () => {
  for (const size of [1, 400]) {
    const server = new FakeServer();
    slow(server, Number.POSITIVE_INFINITY, (body) => Buffer.from(body).includes("ppppp"));
    const sizes = Object.fromEntries([..."abcdpefgh"].map((id) => [id, size]));
    assert.deepEqual(await (await device(server, sizes))(), { sent: 8, failed: [["p", "AdiuvaTimeoutError"]] });
  }
});

test("a server that answers nothing is not waited for a second time", async () => {
  const server = new FakeServer();
  const late = slow(server, 0);
  const storage = server.before;
  const health = new AdiuvaTimeoutError("answer", "GET /api/v1/health", 30_000);
  server.before = (line, request) => (line === "GET /health" ? Promise.reject(health) : storage(line, request));
  const sizes = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`${index}`, 16]));
  await assert.rejects((await device(server, sizes))(), { where: "POST /api/v1/storage/records/batch" });
  assert.deepEqual(late, [8]);
});

test("one that answers nothing but how it is is not asked for each record", async () => {
  const server = new FakeServer();
  const late = slow(server, 0);
  const sizes = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`${index}`, 1]));
  const sync = await device(server, sizes);
  await assert.rejects(sync(), AdiuvaTimeoutError);
  assert.equal(late.length, 8); // halves down to one record, and the next one
});

/** How the transfer of one record fails, be it a download or an upload. */
const failures: Record<string, (line: string) => Promise<Response>> = {
  "is reset": () => Promise.reject(new TypeError("fetch failed")),
  "is refused by a proxy": async () => new Response("<h1>Bad Gateway</h1>", { status: 504 }),
  "is not answered": (line) => Promise.reject(new AdiuvaTimeoutError("answer", line, 300_000)),
};
const breaking: typeof failures = {
  "breaks off": async () => new Response(bodyThatFails(new TypeError("terminated")), { headers: { "X-Checksum": "c" } }),
  "stands still": async (line) => new Response(bodyThatFails(new AdiuvaTimeoutError("body", line, 30_000)), { headers: { "X-Checksum": "c" } }),
  ...failures,
};

/** Its beginning comes. */
function bodyThatFails(error: Error): ReadableStream<Uint8Array> {
  let isBegun = false;
  const pull = (stream: ReadableStreamDefaultController<Uint8Array>): void => (isBegun ? stream.error(error) : stream.enqueue(bytes("some")));
  return new ReadableStream({ pull: (stream) => (pull(stream), void (isBegun = true)) });
}

for (const [how, answer] of Object.entries(breaking)) {
  test(`a record whose download ${how} keeps neither the feed nor what is to be sent waiting`, async () => {
    const server = new FakeServer();
    server.room.fetch = 250_000;
    server.write("large", ".".repeat(300_000));
    for (const id of ["b", "c", "d", "e"]) server.write(id, id); // on another page
    server.before = (line) => (line === "GET /storage/records/large" ? answer(line) : undefined);
    const phone = new Device(server);
    await phone.write("mine", "1");
    const { failed, received, sent } = await phone.sync();
    assert.deepEqual([failed.map(({ id }) => id), received, sent], [["large"], 4, 1]);
    assert.deepEqual((await phone.sync()).failed.map(({ id }) => id), ["large"]);
    server.before = () => undefined;
    assert.equal((await phone.sync()).received, 1);
    assert.deepEqual(phone.contents, server.contents);
  });
}

for (const [how, answer] of Object.entries(failures)) {
  test(`a record whose upload ${how} keeps no other waiting, whatever its size`, async () => {
    for (const size of [1, 400, 9000]) {
      const server = new FakeServer();
      server.before = async (line, request) => {
        if (!line.startsWith("POST /storage/records")) return undefined;
        return Buffer.from(await request.clone().arrayBuffer()).includes("ppppp") ? answer(line) : undefined;
      };
      const sizes = Object.fromEntries([..."abpcd"].map((id) => [id, id === "p" ? size : 1]));
      const sync = await device(server, sizes);
      const { sent, failed } = await sync();
      assert.deepEqual([sent, failed.map(([id]) => id)], [4, ["p"]]);
      server.before = () => undefined;
      assert.deepEqual(await sync(), { sent: 1, failed: [] });
    }
  });
}

test("neighbours that a proxy refuses keep no other waiting", async () => {
  const server = new FakeServer();
  server.before = async (line, request) => {
    if (!line.startsWith("POST /storage/records")) return undefined;
    return /ppppp|qqqqq/.test(await request.clone().text()) ? new Response("<h1>Forbidden</h1>", { status: 403 }) : undefined;
  };
  const sync = await device(server, Object.fromEntries([..."abpqcdef"].map((id) => [id, 1])));
  const { sent, failed } = await sync();
  assert.deepEqual([sent, failed.map(([id]) => id)], [6, ["p", "q"]]);
});

test("where there is no network a synchronisation ends at once, in the middle of a download or an upload too", async () => {
  const server = new FakeServer();
  server.room.fetch = 1000;
  const phone = new Device(server, new MemoryStore(), { pageSize: 1000, concurrency: 1 });
  await phone.sync();
  const away = async (line: string): Promise<string[]> => {
    server.before = (asked) => {
      if (asked.startsWith(line)) server.isAway = true;
      return server.isAway ? Promise.reject(new TypeError("fetch failed")) : undefined;
    };
    server.asked.length = 0;
    await assert.rejects(phone.sync(), TypeError);
    [server.before, server.isAway] = [() => undefined, false];
    return [...new Set(server.asked)];
  };
  assert.deepEqual(await away("GET /storage/changes"), ["GET /storage/changes"]);
  for (const id of ["a", "b", "c"]) server.write(id, ".".repeat(70_000));
  assert.deepEqual(await away("GET /storage/records/"), ["GET /storage/changes", "POST /storage/records/fetch", "GET /storage/records/a", "GET /health"]);
  await phone.sync();
  for (const id of ["d", "e", "f"]) await phone.engine().put({ id, table: "notes", body: new Uint8Array(9000 * KIB) });
  assert.deepEqual(await away("POST /storage/records"), ["GET /storage/changes", "POST /storage/records", "GET /health"]);
});

test("a server that says how it is and gives no records is not asked for all of them", async () => {
  const server = new FakeServer();
  server.room.fetch = 1000;
  for (let id = 0; id < 20; id += 1) server.write(`${id}`, ".".repeat(70_000));
  server.before = (line) => (line.startsWith("GET /storage/records/") ? failures["is not answered"]!(line) : undefined);
  const phone = new Device(server, new MemoryStore(), { pageSize: 1000 });
  await assert.rejects(phone.sync(), AdiuvaTimeoutError);
  assert.ok(server.asked.filter((line) => line.startsWith("GET /storage/records/")).length <= 12);
});

test("a change that comes between taking over and sending is a conflict, too", async () => {
  const { server, laptop } = await twoDevices({ a: "old" });
  await laptop.write("a", "mine");
  let isLate = true;
  server.before = (line) => {
    if (line === "POST /storage/records/batch" && isLate) server.write("a", "theirs");
    if (line === "POST /storage/records/batch") isLate = false;
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
    if (isEditing && line === "GET /storage/changes") await laptop.write("a", "written during the download");
    if (isEditing && line === "POST /storage/records/batch") await laptop.write("b", "written during the upload");
    if (line === "POST /storage/records/batch") isEditing = false;
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
    if (lost.has(line)) return;
    lost.add(line);
    throw new TypeError("fetch failed");
  };
  await laptop.sync();
  assert.deepEqual([lost.size, server.contents, laptop.contents], [2, { a: "ONE", c: "3" }, { a: "ONE", c: "3" }]);
});

/** What is carried out, and nobody hears of; ends the trouble. */
function losesAnswers(server: FakeServer): () => void {
  server.after = (line) => {
    if (line.startsWith("POST")) throw new TypeError("fetch failed");
  };
  return () => void (server.after = () => {});
}

const LARGE = "a".repeat(8 * 1024 * 1024 + 1);
const afterLoss: [string, (string | null)[]][] = [
  ["an edit", ["0", "1", "2"]],
  ["an edit of a new record", ["1", "2"]],
  ["an edit of a large one", [LARGE, "2"]],
  ["a deletion", ["0", "1", null]],
  ["a deletion of a new record", ["1", null]],
  ["taking it back", ["0", "1", "0"]],
  ["writing it anew", ["0", null, "2"]],
];
for (const [name, versions] of afterLoss) {
  test(`${name} after an answer that was lost is no conflict with oneself`, async () => {
    const { server, laptop, phone } = await twoDevices({});
    const last = versions.pop() as string | null;
    const sent = versions.pop() as string | null;
    for (const version of versions) {
      await laptop.write("a", version);
      await laptop.sync();
      await phone.sync();
    }
    await laptop.write("a", sent);
    const heal = losesAnswers(server);
    await laptop.sync().catch(() => undefined);
    heal();
    assert.deepEqual(server.contents, sent === null ? {} : { a: sent });
    await laptop.write("a", last);
    await laptop.sync();
    await phone.sync();
    for (const { contents } of [server, laptop, phone]) assert.deepEqual(contents, last === null ? {} : { a: last });
    assert.deepEqual([laptop.conflicts, laptop.store.unsent(), laptop.store.all().some((one) => "offered" in one)], [[], [], false]);
  });
}

test("whose deletion it was that was taken back here, after an answer that was lost, the app is asked", async () => {
  for (const hasArrived of [true, false]) {
    const { server, laptop } = await twoDevices({ a: "0" });
    await laptop.write("a", null);
    if (hasArrived) losesAnswers(server);
    else server.before = (line) => (line.startsWith("POST") ? Promise.reject(new TypeError("fetch failed")) : undefined);
    await laptop.sync().catch(() => undefined);
    [server.after, server.before] = [() => {}, () => undefined];
    await laptop.write("a", "0");
    if (!hasArrived) {
      await laptop.sync();
      server.write("a", null);
    }
    laptop.decide = () => "mine";
    await laptop.sync();
    assert.deepEqual([laptop.conflicts.length, server.contents], [1, { a: "0" }]);
  }
});

test("what somebody else has made of what was sent is a conflict, though its answer was lost", async () => {
  const { server, laptop } = await twoDevices({ a: "0" });
  await laptop.write("a", "1");
  const heal = losesAnswers(server);
  await laptop.sync().catch(() => undefined);
  heal();
  await laptop.write("a", "2");
  server.write("a", "theirs");
  laptop.decide = () => "mine";
  await laptop.sync();
  assert.deepEqual(laptop.conflicts.map(({ mine, theirs }) => [mine, theirs]), [["2", "theirs"]]);
  assert.deepEqual(server.contents, { a: "2" });
});

test("a store that does not keep what was offered has a conflict, and loses nothing", async () => {
  class Forgetful extends MemoryStore {
    override applyAll({ save = [], ...rest }: StoreChanges): void {
      super.applyAll({ ...rest, save: save.map(({ record: { offered: _, ...record }, ...more }) => ({ ...more, record })) });
    }
  }
  const server = new FakeServer();
  const laptop = new Device(server, new Forgetful());
  await laptop.write("a", "1");
  const heal = losesAnswers(server);
  await laptop.sync().catch(() => undefined);
  heal();
  await laptop.write("a", "2");
  laptop.decide = () => "mine";
  await laptop.sync();
  assert.deepEqual([laptop.conflicts.length, server.contents], [1, { a: "2" }]);
});

test("a record that cannot be downloaded keeps no other waiting, and is tried again", async () => {
  const server = new FakeServer();
  for (const id of ["a", "b", "c", "d", "e", "f", "g"]) server.write(id, id);
  server.damaged.add("b");
  const phone = new Device(server);
  const first = await phone.sync();
  assert.deepEqual(first.failed.map(({ id, error }) => [id, error instanceof ChecksumMismatch]), [["b", true]]);
  assert.equal(first.received, 6);
  server.damaged.clear();
  server.asked.length = 0;
  assert.equal((await phone.sync()).received, 1);
  assert.deepEqual(server.asked, ["GET /storage/changes", "POST /storage/records/fetch"]);
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
  server.refuse = (_, id) => (id === "large" ? { status: 413, code: "payload_too_large" } : undefined);
  assert.deepEqual((await laptop.sync()).failed.map(({ id, error }) => [id, isProblem(error, "payload_too_large")]), [["large", true]]);
  assert.deepEqual(server.contents, { small: "small" });
});

test("a full account still takes deletions, which make room", async () => {
  const { server, laptop } = await twoDevices({ old: "1" });
  await laptop.write("b", "2");
  await laptop.write("old", null);
  const full = { status: 402, code: "quota_exceeded" } as const;
  server.refuse = (op) => (op === "put" && "old" in server.contents ? full : undefined);
  await laptop.sync();
  assert.deepEqual(server.contents, { b: "2" });

  server.refuse = (op, id) => (op === "put" && id !== "small" ? full : undefined);
  for (const id of ["c", "small"]) await laptop.write(id, id);
  const { failed } = await laptop.sync();
  assert.deepEqual(failed.map(({ id, error }) => [id, isProblem(error, "quota_exceeded")]), [["c", true]]);
  server.refuse = () => undefined;
  await laptop.sync();
  assert.deepEqual(server.contents, { b: "2", c: "c", small: "small" });
});

test("of many records in a full account only one batch is sent in vain", async () => {
  const { server, laptop } = await twoDevices({});
  await laptop.engine().putAll(many(1200));
  server.refuse = () => ({ status: 402, code: "quota_exceeded" });
  server.asked.length = 0;
  await laptop.sync();
  assert.deepEqual(server.asked, ["GET /storage/changes", "POST /storage/records/batch"]);
});

test("a batch that is refused for one record is sent without it", async () => {
  const { server, laptop } = await twoDevices({});
  const records = many(9).map((one, index) => (index === 4 ? { ...one, table: "No table" } : one));
  await laptop.engine().putAll(records);
  const { failed, sent } = await laptop.sync();
  assert.deepEqual([failed.map(({ id }) => id), sent, Object.keys(server.contents).length], [["r4"], 8, 8]);
});

const many = (count: number, size = 0): { id: string; table: string; body: Uint8Array }[] =>
  Array.from({ length: count }, (_, index) => ({ id: `r${index}`, table: "notes", body: bytes(`${index}`.padEnd(size, ".")) }));

test("the first upload and the first download of 5,000 records stay within half a minute's requests", async () => {
  const server = new FakeServer();
  server.limit = 60;
  const waits: string[] = [];
  const heard: Progress[] = [];
  const options = { onConflict: () => assert.fail(), onProgress: (progress: Progress) => void heard.push(progress) };
  const [laptop, phone] = [new MemoryStore(), new MemoryStore()];
  const engine = server.client({ onWait: ({ reason }) => waits.push(reason) }).sync(laptop, options);
  await engine.putAll(many(5000, 2048));
  assert.equal((await engine.sync()).sent, 5000);
  const uploaded = server.asked.length;
  assert.deepEqual(heard.filter(({ phase }) => phase === "upload").map(({ done }) => done), Array.from({ length: 10 }, (_, at) => 500 * (at + 1)));
  assert.deepEqual(heard.at(-1), { phase: "upload", done: 5000, total: 5000 });

  const other = server.client({ onWait: ({ reason }) => waits.push(reason) }).sync(phone, options);
  assert.equal((await other.sync()).received, 5000);
  assert.deepEqual(heard.at(-1), { phase: "download", done: 5000, total: 5000 });
  const downloaded = server.asked.length - uploaded;
  assert.ok(uploaded <= 30 && downloaded <= 30, `${uploaded} and ${downloaded} requests`);
  assert.deepEqual([waits, phone.all().length], [[], 5000]);

  // What was sent from here comes back without its bytes.
  let downloads = 0;
  server.after = (line, request) => void (downloads += Number(request.url.includes("include=blob") || line.includes("fetch")));
  assert.deepEqual([(await engine.sync()).received, downloads], [0, 0]);
});

test("a minute's requests are shared with the user, however many pages there are", async () => {
  const server = new FakeServer();
  server.limit = 60;
  for (const { id } of many(150)) server.write(id, id);
  server.before = () => new Promise((resolve) => setImmediate(resolve, undefined));
  const waits: string[] = [];
  const client = server.client({ onWait: ({ reason }) => waits.push(reason) });
  const engine = client.sync(new MemoryStore(), { onConflict: () => assert.fail(), pageSize: 1 });
  const began = server.clock.now();

  assert.equal((await engine.sync()).received, 150);

  assert.deepEqual(waits, ["pace", "pace"]);
  assert.equal(server.fewestLeft, 6);
  assert.equal(server.asked.length, 151);
  assert.ok(server.clock.now() - began <= 125_000);
});

test("what was downloaded before an interruption is not downloaded again", async () => {
  const server = new FakeServer();
  server.limit = 60;
  for (const { id } of many(150)) server.write(id, id);
  const interruption = new AbortController();
  const store = new MemoryStore();
  const options = { onConflict: () => assert.fail(), pageSize: 1 };
  const impatient = server.client({ onWait: () => interruption.abort(new RangeError("the lid was closed")) });
  await assert.rejects(impatient.sync(store, options).sync({ signal: interruption.signal }), RangeError);
  const before = store.all().length;
  assert.ok(before >= 50);

  assert.equal((await server.client().sync(store, options).sync()).received, 150 - before);
  assert.equal(server.asked.length, 151);
});

test("a quota that other devices use up, too, delays and ends nothing", async () => {
  const server = new FakeServer();
  server.limit = 60;
  for (const { id } of many(100)) server.write(id, id);
  const devices = [1, 2, 3].map(() => new Device(server, new MemoryStore(), { pageSize: 1 }));
  await Promise.all(devices.map((device) => device.sync()));
  for (const { contents } of devices) assert.deepEqual(contents, server.contents);
});

test("records that are too large to come with others come all the same", async () => {
  const server = new FakeServer();
  server.room.fetch = 250_000;
  const sizes = { small: 10, page: 90_000, one: 100_000, two: 100_000, three: 100_000, huge: 300_000 };
  for (const [id, size] of Object.entries(sizes)) server.write(id, ".".repeat(size));
  const phone = new Device(server, new MemoryStore(), { pageSize: 1000 });
  await phone.sync();
  assert.deepEqual(phone.contents, server.contents);
  assert.deepEqual(server.asked.filter((line) => line.includes("/records")), [
    "POST /storage/records/fetch",
    "POST /storage/records/fetch",
    "GET /storage/records/huge",
  ]);
});

test("a record that no batch takes is sent by itself", async () => {
  const { server, laptop, phone } = await twoDevices({});
  const body = new Uint8Array(9 * 1024 * 1024).fill(46);
  await laptop.engine().put({ id: "large", table: "notes", body });
  await laptop.write("small", "1");
  server.asked.length = 0;
  await laptop.sync();
  assert.deepEqual(server.asked, ["GET /storage/changes", "POST /storage/records/batch", "POST /storage/records"]);
  await phone.sync();
  assert.deepEqual(phone.contents, server.contents);
});

test("an answer that breaks off is asked for again", async () => {
  const { server, laptop, phone } = await twoDevices({});
  await laptop.engine().putAll(many(9));
  let isBroken = true;
  server.before = async (line) => {
    if (!isBroken || line === "GET /auth/me") return undefined;
    isBroken = false;
    return new Response(new Uint8Array([0xa1, 0x62, 0x69]), { headers: { "Content-Type": "application/cbor-seq" } });
  };
  await laptop.sync();
  isBroken = true;
  await phone.sync();
  assert.deepEqual(phone.contents, server.contents);
});
