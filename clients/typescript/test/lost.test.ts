import assert from "node:assert/strict";
import { test } from "node:test";
import { Device, loses, restored, text, twoDevices } from "./fake_device.js";
import { bytes } from "./support.js";

test("a feed goes on behind a record that can never be downloaded", async () => {
  const { server, laptop, phone } = await twoDevices({ a: "1" });
  loses(server, "lost");
  server.write("lost", "2");
  await phone.sync();
  const { cursor } = phone.store.loadState()!;
  for (const body of ["1, a", "1, b", "1, c", "1, d"]) {
    server.write("a", body);
    server.asked.length = 0;
    assert.deepEqual((await phone.sync()).failed.map(({ id }) => id), ["lost"]);
    assert.deepEqual(server.asked, ["GET /storage/changes", "POST /storage/records/fetch", "GET /storage/records/lost"]);
  }
  assert.notEqual(phone.store.loadState()?.cursor, cursor);

  loses(server);
  server.write("lost", "2, written again");
  server.asked.length = 0;
  await phone.sync();
  assert.deepEqual([server.asked, phone.contents], [["GET /storage/changes"], { a: "1, d", lost: "2, written again" }]);
  await laptop.sync();
  assert.deepEqual(laptop.contents, phone.contents);
});

test("a record that could not be downloaded and is gone is not asked for again", async () => {
  const { server, phone } = await twoDevices({});
  loses(server, "lost");
  server.write("lost", "1");
  await phone.sync();
  // Between the feed's answer and the download.
  server.before = (line) => {
    if (line === "POST /storage/records/fetch") server.write("lost", null);
    return undefined;
  };
  assert.deepEqual((await phone.sync()).failed, []);
  server.before = () => undefined;
  assert.equal(phone.store.loadState()?.pending, undefined);

  loses(server, "lost");
  server.write("lost", "2");
  await phone.sync();
  server.write("lost", null);
  server.asked.length = 0;
  assert.deepEqual([(await phone.sync()).failed, server.asked], [[], ["GET /storage/changes"]]);
});

test("an edit of a record whose other side cannot be downloaded waits, and asks once a synchronisation", async () => {
  const { server, phone } = await twoDevices({ a: "old" });
  server.write("a", "theirs");
  await phone.write("a", "mine");
  loses(server, "a");
  await phone.sync();
  server.asked.length = 0;
  assert.deepEqual((await phone.sync()).failed.map(({ id }) => id), ["a"]);
  assert.deepEqual(server.asked, ["GET /storage/changes", "POST /storage/records/fetch", "GET /storage/records/a"]);
  loses(server);
  phone.decide = ({ mine, theirs }) => ({ body: bytes(`${text(theirs)} and ${text(mine)}`) });
  await phone.sync();
  assert.deepEqual(server.contents, { a: "theirs and mine" });
});

test("a record that can never be downloaded does not keep a resync from its end", async () => {
  const { server, laptop, phone } = await restored();
  server.write("fresh", "6");
  loses(server, "fresh");
  const heard: string[] = [];
  const device = new Device(server, phone.store, { onResync: (reason) => void heard.push(reason) });
  const { failed, sent } = await device.sync();
  assert.deepEqual([failed.map(({ id }) => id), sent, device.store.loadState()?.resync], [["fresh"], 2, undefined]);

  await laptop.sync();
  for (const body of ["1, a", "1, b"]) {
    await laptop.write("same", body);
    await laptop.sync();
    server.asked.length = 0;
    const result = await device.sync();
    assert.deepEqual([result.resync, result.received, result.failed.map(({ id }) => id)], [undefined, 1, ["fresh"]]);
    assert.deepEqual(server.asked, ["GET /storage/changes", "POST /storage/records/fetch", "GET /storage/records/fresh"]);
  }
  assert.deepEqual([heard, device.conflicts], [["restored"], []]);

  loses(server);
  await device.sync();
  assert.deepEqual(device.contents, server.contents);
  server.asked.length = 0;
  await device.sync();
  assert.deepEqual(server.asked, ["GET /storage/changes"]);
});

test("a record that is downloaded after a resync is judged by the resync's rule", async () => {
  const { server, phone } = await restored();
  server.write("older", "2, another way");
  loses(server, "older");
  assert.deepEqual((await phone.sync()).failed.map(({ id }) => id), ["older"]);
  loses(server);
  phone.decide = ({ mine, theirs }) => ({ body: bytes(`${text(theirs)}; ${text(mine)}`) });
  await phone.sync();
  assert.deepEqual(phone.conflicts, [{ id: "older", mine: "2, and more", theirs: "2, another way", resync: "restored" }]);
  assert.equal(server.contents["older"], "2, another way; 2, and more");
});

test("another resync settles what is still to be downloaded", async () => {
  const { server, laptop, phone } = await twoDevices({ a: "1" });
  await laptop.write("a", "1, and more");
  await laptop.write("b", "2");
  await laptop.sync();
  loses(server, "a", "b");
  assert.deepEqual((await phone.sync()).failed.map(({ id }) => id), ["a", "b"]);
  await laptop.write("b", null);
  await laptop.write("c", "3");
  await laptop.write("c", null);
  await laptop.sync();
  server.prune();
  assert.deepEqual((await phone.sync()).failed.map(({ id }) => id), ["a"]);
  loses(server);
  await phone.sync();
  assert.deepEqual([phone.contents, phone.store.loadState()?.pending], [{ a: "1, and more" }, undefined]);
});
