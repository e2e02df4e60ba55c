import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem, MemoryStore, OtherAccount } from "../src/index.js";
import { Device, forgetState, loses, restored, text, twoDevices } from "./fake_device.js";
import { FakeServer, problem } from "./fake_server.js";
import { bytes } from "./support.js";

test("after pruning, what does not come is dropped, and only that", async () => {
  const { server, laptop, phone } = await twoDevices({ stays: "1", goes: "2", changed: "3" });
  for (const id of ["goes", "changed"]) await laptop.write(id, null);
  await laptop.sync();
  server.prune();
  await phone.write("new", "4");
  await phone.write("changed", "3, and more");
  phone.decide = () => "mine";

  assert.equal((await phone.sync()).resync, "pruned");
  assert.deepEqual(phone.conflicts, [{ id: "changed", mine: "3, and more", theirs: undefined, resync: "pruned" }]);
  assert.deepEqual(phone.contents, { stays: "1", changed: "3, and more", new: "4" });
  assert.deepEqual(server.contents, phone.contents);
  assert.equal((await phone.sync()).resync, undefined);
});

test("after a restore everything that was lost is sent again, and nothing is dropped", async () => {
  const { server, laptop, phone, offline } = await restored();
  await phone.write("unsent", "6");
  const everything = { same: "1", older: "2, and more", deleted: "3", lost: "5", unsent: "6" };

  const result = await phone.sync();
  assert.deepEqual([result.resync, result.sent, result.removed], ["restored", 3, 0]);
  assert.deepEqual(server.contents, everything);
  assert.equal((await laptop.sync()).sent, 0);
  // It had not seen the latest text before the restore: nobody can tell which of the two is newer.
  offline.decide = () => "theirs";
  await offline.sync();

  assert.deepEqual(offline.conflicts, [{ id: "older", mine: "2", theirs: "2, and more", resync: "restored" }]);
  for (const { contents } of [server, laptop, phone, offline]) assert.deepEqual(contents, everything);
  for (const device of [laptop, phone, offline]) assert.equal((await device.sync()).resync, undefined);
});

test("what others changed before the backup is no conflict after the restore, however often it was changed", async () => {
  const { server, laptop, phone } = await twoDevices({ often: "1", seldom: "2" });
  for (const body of ["1, a", "1, b", "1, c"]) {
    await laptop.write("often", body);
    await laptop.sync();
  }
  await phone.sync();
  await laptop.write("seldom", "2, and more");
  await laptop.sync();
  const backup = server.backup();
  await laptop.write("lost", "3");
  await laptop.sync();
  server.restore(backup);
  await laptop.sync();
  assert.equal((await phone.sync()).resync, "restored");
  assert.deepEqual(phone.contents, { often: "1, c", seldom: "2, and more", lost: "3" });
});

test("a change made after the restore is a conflict with what was lost, never overwritten", async () => {
  const { server, phone, offline } = await restored();
  offline.decide = () => "theirs"; // the first device to come back has the older text…
  await offline.sync();
  await offline.write("older", "2, another way");
  await offline.sync();
  phone.decide = ({ mine, theirs }) => ({ body: bytes(`${text(theirs)}; ${text(mine)}`) });
  await phone.sync();
  assert.deepEqual(phone.conflicts, [{ id: "older", mine: "2, and more", theirs: "2, another way", resync: "restored" }]);
  assert.equal(server.contents["older"], "2, another way; 2, and more");
});

test("a change that comes while what was lost is sent again is a conflict", async () => {
  const { server, phone } = await restored();
  let isLate = true;
  server.before = (line) => {
    if (isLate && line === "POST /storage/records/batch") {
      isLate = false;
      server.write("older", "2, meanwhile");
      server.write("lost", "5, meanwhile");
    }
    return undefined;
  };
  phone.decide = ({ mine, theirs }) => ({ body: bytes(`${text(theirs)}; ${text(mine)}`) });
  await phone.sync();
  assert.deepEqual([server.contents["older"], server.contents["lost"]], ["2, meanwhile; 2, and more", "5, meanwhile; 5"]);
});

/** Stops everything at the n-th thing that happens, before it or, where that can be, after it. */
class Interruption extends Error {}

function interrupted(server: FakeServer, at: number): { store: (inner: MemoryStore) => MemoryStore; count: () => number } {
  let count = 0;
  const step = (): void => {
    count += 1;
    if (count >= at) throw new Interruption(); // and nothing works from then on
  };
  const before = server.before;
  server.before = (line, request) => (step(), before(line, request));
  server.after = () => step();
  const store = (inner: MemoryStore): MemoryStore =>
    new Proxy(inner, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (name === "applyAll") step();
          return (value as (...args: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  return { store, count: () => count };
}

const endings: [string, () => Promise<{ server: FakeServer; phone: Device }>, Record<string, string>][] = [
  [
    "a first synchronisation",
    async () => {
      const { server } = await twoDevices({ a: "1", b: "2", c: "3", d: "4" });
      return { server, phone: new Device(server) };
    },
    { a: "1", b: "2", c: "3", d: "4", new: "here" },
  ],
  [
    "a resync after pruning",
    async () => {
      const { server, laptop, phone } = await twoDevices({ a: "1", b: "2", c: "3", d: "4", e: "5" });
      await laptop.write("b", null);
      await laptop.write("c", "3, and more");
      await laptop.sync();
      server.prune();
      return { server, phone };
    },
    { a: "1", c: "3, and more", d: "4", e: "5", new: "here" },
  ],
  [
    "a feed with records that cannot be downloaded",
    async () => {
      const { server, laptop, phone } = await twoDevices({ a: "1", b: "2" });
      for (const id of ["c", "d", "e"]) await laptop.write(id, id);
      await laptop.sync();
      loses(server, "c", "e");
      await phone.sync();
      loses(server, "b", "e");
      for (const id of ["a", "b", "e"]) await laptop.write(id, `${id}, and more`);
      await laptop.sync();
      return { server, phone };
    },
    { a: "a, and more", b: "b, and more", c: "c", d: "d", e: "e, and more", new: "here" },
  ],
  ["a resync after a restore", restored, { same: "1", older: "2, and more", deleted: "3", lost: "5", new: "here" }],
];
for (const [name, begin, wanted] of endings) {
  test(`${name} may be interrupted at any point`, async () => {
    for (let at = 1; ; at += 1) {
      const { server, phone } = await begin();
      await phone.write("new", "here");
      const power = interrupted(server, at);
      const failed = await new Device(server, power.store(phone.store)).sync().catch((error: unknown) => error);
      [server.before, server.after] = [() => undefined, () => {}];
      loses(server);
      const last = new Device(server, phone.store);
      await last.sync();
      assert.deepEqual([server.contents, last.contents], [wanted, wanted], `interrupted at ${at}`);
      if (!(failed instanceof Error)) {
        assert.ok(at > 10, `${at} points are too few to have tested anything`);
        return;
      }
    }
  });
}

test("a restore after an interrupted resync of the other kind is not taken for pruning", async () => {
  const { server, laptop, phone } = await twoDevices({ a: "1", b: "2" });
  const backup = server.backup();
  await laptop.write("lost", "3");
  await laptop.sync();
  await phone.sync();
  await laptop.write("b", null);
  await laptop.sync();
  server.prune();
  server.before = (line, request) => {
    if (line === "GET /storage/changes" && new URL(request.url).searchParams.get("since") === "0") throw new TypeError("fetch failed");
    return undefined;
  };
  await assert.rejects(phone.sync(), TypeError);
  assert.equal(phone.store.loadState()?.resync?.reason, "pruned");

  server.before = () => undefined;
  server.restore(backup);
  assert.equal((await phone.sync()).resync, "restored");
  assert.deepEqual(server.contents, { a: "1", b: "2", lost: "3" });
});

test("a restore in the middle of a resync after pruning drops nothing", async () => {
  const { server, laptop, phone } = await twoDevices({ a: "1", b: "2", c: "3", d: "4", e: "5" });
  const backup = server.backup();
  await laptop.write("lost", "6");
  await laptop.sync();
  await phone.sync();
  await laptop.write("b", null);
  await laptop.sync();
  server.prune();
  let pages = 0;
  server.before = (line) => {
    if (line === "GET /storage/changes" && (pages += 1) === 4) server.restore(backup); // all pages are read, nothing is dropped yet
    return undefined;
  };
  await phone.sync();
  assert.deepEqual(server.contents, { a: "1", b: "2", c: "3", d: "4", e: "5", lost: "6" });
});

test("a copy whose cursor was lost drops nothing, and sends what is missing", async () => {
  const { server, phone } = await restored();
  forgetState(phone);
  assert.equal((await phone.sync()).resync, "restored");
  assert.deepEqual(server.contents, phone.contents);
  assert.equal(server.contents["lost"], "5");
});

test("a pruning in the middle of a resync after a restore changes nothing about it", async () => {
  const { server, phone, offline } = await restored();
  offline.decide = () => "theirs";
  await offline.sync();
  await offline.write("fresh", "6");
  await offline.sync();
  await offline.write("older", "2, another way");
  await offline.sync();
  // "fresh" was written as late as "older", and is taken over before.
  forgetState(phone);
  server.before = (line) => {
    if (line !== "POST /storage/records/fetch") return undefined;
    server.write("passing", "7");
    server.write("passing", null);
    server.prune();
    return undefined;
  };
  phone.decide = ({ mine, theirs }) => ({ body: bytes(`${text(theirs)}; ${text(mine)}`) });
  await new Device(server, phone.store, { pageSize: 1, onConflict: phone.decide }).sync();
  assert.equal(server.contents["older"], "2, another way; 2, and more");
  assert.equal(server.contents["lost"], "5");
});

test("two states of one revision are a conflict after a restore, whichever server gave it", async () => {
  const { server, laptop, phone } = await twoDevices({ a: "old" });
  const backup = server.backup();
  await phone.write("a", "lost");
  await phone.sync();
  server.restore(backup, 0);
  await laptop.write("a", "since then");
  await laptop.sync();
  phone.decide = ({ mine, theirs }) => ({ body: bytes(`${text(theirs)}; ${text(mine)}`) });
  await phone.sync();
  assert.deepEqual(server.contents, { a: "since then; lost" });
});

test("a server that never lets a feed go on is not asked for ever", async () => {
  const { server, phone } = await restored();
  server.before = (line, request) =>
    line === "GET /storage/changes" && !request.url.includes("since=0&") ? problem(410, "resync_required", { reason: "restored" }) : undefined;
  await assert.rejects(phone.sync(), (error) => isProblem(error, "resync_required"));
});

test("what was deleted before the backup and made anew after it is sent again", async () => {
  const { server, laptop, phone } = await twoDevices({ a: "old", b: "gone" });
  for (const id of ["a", "b"]) await laptop.write(id, null);
  await laptop.sync();
  const backup = server.backup();
  await laptop.write("a", "new");
  await laptop.sync();
  server.restore(backup);
  await laptop.sync();
  phone.decide = () => "theirs"; // it has not even heard of the deletions
  await phone.sync();
  for (const { contents } of [server, laptop, phone]) assert.deepEqual(contents, { a: "new" });
});

test("a copy whose cursor cannot be read sends again what is missing, but never to another account", async () => {
  const { server, phone } = await restored();
  server.loseKey();
  server.user = "berta";
  await assert.rejects(phone.sync(), OtherAccount);
  assert.equal("lost" in server.contents, false);
  server.user = "anna";
  assert.equal((await phone.sync()).resync, "restored");
  assert.equal(server.contents["lost"], "5");
});

/** The feed is not answered beyond its first page. */
function breaks(server: FakeServer): void {
  let pages = 0;
  server.before = (line) => {
    if (line === "GET /storage/changes" && (pages += 1) > 1) throw new TypeError("fetch failed");
    return undefined;
  };
}

test("a resync that was interrupted does not go on with another account", async () => {
  const { server, phone } = await restored();
  breaks(server);
  await assert.rejects(phone.sync(), TypeError);
  assert.equal(phone.store.loadState()?.resync?.reason, "restored");
  server.before = () => undefined;
  const anna = server.backup();
  server.changeUser("berta");
  await assert.rejects(phone.sync(), OtherAccount);
  assert.deepEqual(server.contents, {});
  server.changeUser("anna", anna);
  await phone.sync();
  assert.equal(server.contents["lost"], "5");
});

test("a first synchronisation that was interrupted does not go on with another account", async () => {
  const server = new FakeServer();
  const phone = new Device(server);
  await phone.write("a", "1");
  server.before = (line) => (line === "GET /storage/changes" ? problem(503, "upstream_unavailable") : undefined);
  await assert.rejects(phone.sync(), (error) => isProblem(error, "upstream_unavailable"));
  server.before = () => undefined;
  server.changeUser("berta");
  await assert.rejects(phone.sync(), OtherAccount);
  assert.deepEqual(server.contents, {});
});

test("a cursor of another account that is answered with a resync sends nothing", async () => {
  const { server, phone } = await restored();
  server.user = "berta";
  await assert.rejects(phone.sync(), OtherAccount);
  assert.equal("lost" in server.contents, false);
});

test("the app hears of a resync once, though it is interrupted afterwards, and of each", async () => {
  const { server, laptop, phone } = await restored();
  const heard: string[] = [];
  const device = new Device(server, phone.store, { onResync: (reason) => void heard.push(reason) });
  for (const _ of [1, 2]) {
    breaks(server);
    await assert.rejects(device.sync(), TypeError);
  }
  server.before = () => undefined;
  await device.sync();
  assert.deepEqual(heard, ["restored"]);
  server.restore(server.backup());
  await device.sync();
  await laptop.sync();
  await laptop.write("same", null);
  await laptop.sync();
  server.prune();
  await device.sync();
  assert.deepEqual(heard, ["restored", "restored", "pruned"]);
});

test("the app hears of a resync before it is over, however often it is interrupted", async () => {
  const { server, phone } = await restored();
  const heard: string[] = [];
  const again = new Device(server, phone.store, {
    onResync: (reason) => {
      heard.push(reason);
      if (heard.length === 1) throw new RangeError("the disk is full");
    },
  });
  await assert.rejects(again.sync(), RangeError);
  await again.sync();
  await again.sync();
  assert.deepEqual(heard, ["restored", "restored"]);
});
