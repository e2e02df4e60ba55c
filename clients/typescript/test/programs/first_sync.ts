// A user of the pro tier has 5,000 notes, and gets a second device. Prints what the first upload and the first download
// took, as JSON: requests, those that were refused, waits, seconds.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { MemoryStore, type ClientOptions } from "../../src/index.js";
import { demo } from "../support.js";

const NOTES = 5000;
const BYTES = 2048;
const onConflict = () => assert.fail("nobody else is there");
const [laptop, phone] = [new MemoryStore(), new MemoryStore()];

const sending = await watchedDevice();
const engine = sending.client.sync(laptop, { onConflict });
await engine.putAll(Array.from({ length: NOTES }, () => ({ id: crypto.randomUUID(), table: "notes", body: randomBytes(BYTES) })));
const upload = await sending.measured(async () => ({ records: (await engine.sync()).sent }));

const receiving = await watchedDevice();
const download = await receiving.measured(async () => ({ records: (await receiving.client.sync(phone, { onConflict }).sync()).received }));
const echo = await sending.measured(async () => ({ records: (await engine.sync()).received }));

const contents = (store: MemoryStore): string[] => store.all().map(({ id }) => `${id} ${Buffer.from(store.read(id)).toString("base64")}`).sort();
assert.deepEqual(contents(phone), contents(laptop));
console.log(JSON.stringify({ upload, download, echo }));

async function watchedDevice() {
  const seen = { requests: 0, refused: 0, waits: 0 };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await globalThis.fetch(new Request(input, init));
    seen.requests += 1;
    if (response.status === 429) seen.refused += 1;
    return response;
  };
  const options: Partial<ClientOptions> = { fetch, onWait: () => (seen.waits += 1) };
  const client = await demo("pro", options);
  const measured = async <Value extends object>(work: () => Promise<Value>) => {
    Object.assign(seen, { requests: 0, refused: 0, waits: 0 });
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    const value = await work();
    const { user, system } = process.cpuUsage(cpu);
    return { ...value, ...seen, seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 };
  };
  return { client, measured };
}
