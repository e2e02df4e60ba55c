// A user of the pro tier has more notes than a minute has requests, and gets a second device.
// Prints what it took, as JSON. For a server whose minute is short.
import assert from "node:assert/strict";
import { MemoryStore } from "../../src/index.js";
import { bytes, demo, watched } from "../support.js";

const NOTES = 100;
const onConflict = () => assert.fail("nobody else is there");
const [laptop, phone] = [new MemoryStore(), new MemoryStore()];

const sending = (await demo("pro")).syncEngine(laptop, { onConflict });
for (let note = 0; note < NOTES; note += 1) {
  await sending.put({ id: crypto.randomUUID(), table: "notes", body: bytes(`note ${note}`) });
}
const { sent } = await sending.sync();

const { asked, fetch } = watched();
let waits = 0;
const client = await demo("pro", { fetch, onWait: () => (waits += 1) });
const began = performance.now();
const { received, failed } = await client.syncEngine(phone, { onConflict }).sync();
const seconds = (performance.now() - began) / 1000;
const downloads = asked.filter((line) => line.startsWith("GET /api/v1/storage/records/"));
assert.deepEqual(phone.all().map(({ id }) => id).sort(), laptop.all().map(({ id }) => id).sort());

const twice = downloads.length - new Set(downloads).size;
console.log(JSON.stringify({ sent, received, failed: failed.length, twice, waits, seconds }));
