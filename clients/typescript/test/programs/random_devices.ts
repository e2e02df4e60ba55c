// Two devices of one user do 500 things at random, while one answer in seven is lost, the devices and the server die in the
// middle of it, and the service goes back to a backup. Prints KILL, BACKUP and RESTORE where these are to happen and goes on
// with a line on stdin; ends when both and the server have the same, with what was lost or doubled on the way, as JSON.
import assert from "node:assert/strict";
import { createInterface } from "node:readline/promises";
import { createAdiuvaClient, isProblem, MemoryStore, type Clock, type Conflict, type Decision, type SyncEngine } from "../../src/index.js";
import { text } from "../fake_device.js";
import { baseUrl, bytes, DEMO_PASSWORD, PLAIN } from "../support.js";

const OPERATIONS = 500;
const LOST = 0.15;
const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
console.error(`SEED=${seed}`);
const random = mulberry32(seed);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Ten times as fast as the real one: lost answers are waited for. */
const began = Date.now();
const clock: Clock = {
  now: () => began + 10 * (Date.now() - began),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const timer = setTimeout(resolve, milliseconds / 10);
      signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason as Error)), { once: true });
    }),
};

let isLossy = false;
/** Every line that was ever written, and those of them that somebody has deleted who had read them. */
const written = new Map<string, string>();
const deleted = new Set<string>();
const seen = { syncs: 0, interrupted: 0, conflicts: 0, resyncs: 0, lost: 0 };

class Device {
  readonly store = new MemoryStore();
  #engine!: SyncEngine;

  async login(): Promise<void> {
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const request = new Request(input, init);
      const fate = isLossy ? random() : 1;
      if (fate < LOST / 2) throw lost();
      const response = await globalThis.fetch(request);
      if (fate < LOST) {
        await response.arrayBuffer().catch(() => undefined); // it was carried out, and nobody hears of it
        throw lost();
      }
      return response;
    };
    const client = createAdiuvaClient({ baseUrl, fetch, clock });
    await client.login({ email: "demo-team@example.com", password: DEMO_PASSWORD }, PLAIN);
    this.restart = () => {
      this.#engine = client.sync(this.store, { onConflict: merge, onResync: () => void (seen.resyncs += 1), pageSize: 50 });
    };
    this.restart();
  }

  /** Nothing is left of it but its store. */
  restart: () => void = () => assert.fail("log in first");

  get live(): string[] {
    return this.store.all().filter(({ checksum }) => checksum !== null).map(({ id }) => id);
  }

  get contents(): [string, string][] {
    return this.live.sort().map((id) => [id, this.read(id)]);
  }

  read(id: string): string {
    return text(this.store.read(id)) as string;
  }

  async write(id: string): Promise<void> {
    const line = crypto.randomUUID();
    written.set(line, id);
    const before = this.live.includes(id) ? [this.read(id)] : [];
    await this.#engine.put({ id, table: "notes", body: bytes([...before, line].join("\n")) });
  }

  async delete(id: string): Promise<void> {
    for (const line of this.read(id).split("\n")) deleted.add(line);
    await this.#engine.remove(id);
  }

  async sync(signal?: AbortSignal): Promise<void> {
    seen.syncs += 1;
    const { failed, conflicts } = await this.#engine.sync(signal === undefined ? {} : { signal });
    seen.conflicts += conflicts;
    // What the day does to one record alone keeps no other waiting, and the next synchronisation tries it again.
    assert.deepEqual(failed.filter(({ error }) => !isLossy || !isOfTheDay(error)), []);
  }
}

function lost(): TypeError {
  seen.lost += 1;
  return new TypeError("fetch failed");
}

/** The lines of both; what one has deleted and the other one changed stays. */
function merge({ mine, theirs }: Conflict): Decision {
  if (mine === undefined) return "theirs";
  if (theirs === undefined) return "mine";
  const all = new Set([...(text(theirs) as string).split("\n"), ...(text(mine) as string).split("\n")]);
  return { body: bytes([...all].join("\n")) };
}

/** What a device notices of a bad day; anything else is an error of ours. */
function isOfTheDay(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof Crash) return true;
  return isProblem(error, "upstream_unavailable", "internal_error") || (error as Error).name === "BrokenAnswer";
}

async function trying(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isOfTheDay(error)) throw error;
    seen.interrupted += 1;
  }
}

class Crash extends Error {}

const devices = [new Device(), new Device()] as const;
for (const device of devices) await device.login();
for (const device of devices) await device.sync();

for (let count = 0; count < OPERATIONS; count += 1) {
  isLossy = true;
  const device = devices[random() < 0.5 ? 0 : 1];
  const { live } = device;
  const one = live[Math.floor(random() * live.length)];
  const what = random();
  if (what < 0.3 || one === undefined) await device.write(crypto.randomUUID());
  else if (what < 0.62) await device.write(one);
  else if (what < 0.7) await device.delete(one);
  else if (what < 0.93) await trying(() => device.sync());
  else await trying(() => crashing(device));

  if (count === 100 || count === 420) await ask("KILL");
  if (count === 200) await ask("BACKUP");
  if (count === 330) await ask("RESTORE");
}

isLossy = false;
for (let round = 0; round < 3; round += 1) for (const device of devices) await device.sync();
const fresh = new Device();
await fresh.login();
await fresh.sync();

const [mine, theirs] = devices.map(({ contents }) => contents);
assert.deepEqual(mine, theirs);
assert.deepEqual(fresh.contents, mine);
assert.deepEqual(devices.map(({ store }) => store.unsent()), [[], []]);
const kept = fresh.contents.flatMap(([id, body]) => body.split("\n").map((line) => [line, id] as const));
const doubled = kept.length - new Set(kept.map(([line]) => line)).size;
const astray = kept.filter(([line, id]) => written.get(line) !== id).length;
const there = new Set(kept.map(([line]) => line));
const missing = [...written.keys()].filter((line) => !deleted.has(line) && !there.has(line)).length;
console.log(JSON.stringify({ seed, written: written.size, doubled, astray, missing, ...seen }));
process.exit();

/** The device dies in the middle of a synchronisation. */
async function crashing(device: Device): Promise<void> {
  const death = new AbortController();
  setTimeout(() => death.abort(new Crash()), random() * 60);
  try {
    await device.sync(death.signal);
  } finally {
    device.restart();
  }
}

/** A device goes on with what it does while the server is killed and comes back. */
async function ask(what: string): Promise<void> {
  console.log(what);
  if (what === "KILL") for (const device of devices) await trying(() => crashing(device));
  await lines.next();
}

/** A small generator that gives the same again for a seed. */
function mulberry32(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
