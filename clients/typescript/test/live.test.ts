import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { MemoryStore, NoWebSocket, SignedOut, type ClientOptions, type Clock, type LiveOptions, type SyncEngine, type SyncResult } from "../src/index.js";
import { text } from "./fake_device.js";
import { FakeServer, problem } from "./fake_server.js";
import { bytes } from "./support.js";

/** Faster than the real one, so that pauses need not be waited for. */
class FastClock implements Clock {
  readonly #began = Date.now();

  constructor(private readonly times = 50) {}

  now(): number {
    return this.#began + this.times * (Date.now() - this.#began);
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const timer = setTimeout(resolve, milliseconds / this.times);
      signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason as Error)), { once: true });
    });
  }
}

/** A window of the app, with its engine running until the test is over. */
class Window {
  readonly results: SyncResult[] = [];
  readonly errors: [unknown, number | undefined][] = [];
  readonly engine: SyncEngine;

  constructor(
    test: TestContext,
    readonly server: FakeServer<FastClock>,
    readonly store = new MemoryStore(),
    options: LiveOptions = {},
    client: Partial<ClientOptions> = {},
  ) {
    this.engine = server.client(client).sync(store, { onConflict: ({ mine }) => ({ body: mine ?? bytes("") }) });
    this.engine.start({
      WebSocket: server.WebSocket,
      onSynced: (result) => void this.results.push(result),
      onError: (error, seconds) => void this.errors.push([error, seconds]),
      ...options,
    });
    test.after(() => this.engine.stop());
  }

  put(id: string, body: string): Promise<void> {
    return this.engine.put({ id, table: "notes", body: bytes(body) });
  }

  get contents(): Record<string, string | undefined> {
    return Object.fromEntries(this.store.all().filter(({ checksum }) => checksum !== null).map(({ id }) => [id, text(this.store.read(id))]));
  }
}

async function until(what: () => boolean): Promise<void> {
  for (const began = Date.now(); !what(); await new Promise((resolve) => setTimeout(resolve, 2))) {
    if (Date.now() - began > 10_000) assert.fail(`it never came to be: ${what}`);
  }
}

/** Nothing is under way any more. */
async function quiet(server: FakeServer<FastClock>): Promise<void> {
  for (let before = -1; before !== server.asked.length; ) {
    before = server.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 200)); // ten seconds of that clock
  }
}

const online = (server: FakeServer<FastClock>, windows: number): Promise<void> => until(() => server.sockets.size === windows);
const has = (window: Window, id: string, body: string): Promise<void> => until(() => window.contents[id] === body);

test("what is written on one device is on the other without being asked for, at two requests here and one there", async (t) => {
  const server = new FakeServer(new FastClock());
  const options = { pollSeconds: 100_000, silenceMs: Number.POSITIVE_INFINITY };
  const [laptop, phone] = [new Window(t, server, new MemoryStore(), options), new Window(t, server, new MemoryStore(), options)];
  await online(server, 2);
  await laptop.put("a", "0"); // the first hint is about a feed that it had never seen anything of
  await has(phone, "a", "0");
  await quiet(server);
  server.asked.length = 0;
  await laptop.put("a", "1");
  await has(phone, "a", "1");
  await phone.put("b", "2");
  await has(laptop, "b", "2");
  await quiet(server);
  const counts = { "GET /storage/changes": 4, "POST /storage/records/batch": 2, "POST /auth/ws-ticket": 0 };
  for (const [line, count] of Object.entries(counts)) assert.equal(server.asked.filter((one) => one === line).length, count, line);
  assert.deepEqual([laptop.errors, phone.errors], [[], []]);
});

test("while the cable is out both go on writing, and afterwards both have all of it", async (t) => {
  const server = new FakeServer(new FastClock());
  const [laptop, phone] = [new Window(t, server), new Window(t, server)];
  await online(server, 2);
  server.cut(true);
  for (const [window, id] of [[laptop, "a"], [phone, "b"]] as const) await window.put(id, id);
  await until(() => laptop.errors.length >= 3 && phone.errors.length >= 3);
  const pauses = laptop.errors.map(([, seconds]) => seconds ?? Number.NaN);
  assert.ok(pauses[2]! >= 4 && pauses[2]! <= 8 && pauses[0]! <= 2, `${pauses}`);

  server.cut(false);
  await Promise.all([has(laptop, "b", "b"), has(phone, "a", "a")]);
  assert.deepEqual(server.contents, { a: "a", b: "b" });
  await online(server, 2);
});

test("what no hint has told of comes when the feed is asked all the same", async (t) => {
  const server = new FakeServer(new FastClock());
  const phone = new Window(t, server, new MemoryStore(), { pollSeconds: 30 });
  await online(server, 1);
  server.isSilent = true;
  server.write("a", "1");
  await has(phone, "a", "1");
  server.write("a", "2");
  await has(phone, "a", "2");
});

test("two windows on one store send nothing twice, and one of them listens for both", async (t) => {
  const server = new FakeServer(new FastClock());
  const store = new MemoryStore();
  const windows = [new Window(t, server, store), new Window(t, server, store)];
  await online(server, 1);
  const sent: string[] = [];
  server.refuse = (_, id) => void sent.push(id);
  await Promise.all(windows.flatMap((window, at) => [window.put(`${at}`, "1"), window.engine.sync(), window.put("both", `${at}`)]));
  await Promise.all(windows.map((window) => window.engine.sync()));
  await until(() => store.unsent().length === 0);
  assert.deepEqual(sent.filter((id) => id !== "both").sort(), ["0", "1"]);
  assert.equal(server.sockets.size, 1);

  // The one that listened is closed: the other one takes over.
  await windows[0]!.engine.stop();
  await online(server, 1);
  server.write("late", "1");
  await has(windows[1]!, "late", "1");
});

test("a server that says when to come again is not asked before", async (t) => {
  const server = new FakeServer(new FastClock());
  const times: number[] = [];
  server.before = (line) => {
    if (line !== "GET /storage/changes") return undefined;
    times.push(server.clock.now());
    return times.length < 3 ? problem(503, "upstream_unavailable", {}, { "Retry-After": "40" }) : undefined;
  };
  const phone = new Window(t, server, new MemoryStore(), {}, { retry: { maxWait: 10 } });
  await until(() => phone.results.length > 0);
  assert.deepEqual(phone.errors.map(([, seconds]) => seconds), [40, 40]);
  for (const at of [1, 2]) assert.ok(times[at]! - times[at - 1]! >= 40_000, `${times}`);
});

test("a server that asks for a day is asked again in a quarter of an hour", async (t) => {
  const server = new FakeServer(new FastClock(5_000));
  const times: number[] = [];
  server.before = (line) => {
    if (line.startsWith("GET")) times.push(server.clock.now());
    // No ticket either until it is asked again: a socket that opens would be a sign of life.
    const isRefused = line.startsWith("GET") ? times.length === 1 : times.length < 2;
    return isRefused ? problem(503, "upstream_unavailable", {}, { "Retry-After": "86400" }) : undefined;
  };
  const phone = new Window(t, server);
  await until(() => phone.results.length > 0 && server.sockets.size === 1);
  assert.deepEqual(phone.errors.map(([, seconds]) => seconds), [900]);
  assert.ok(times[1]! - times[0]! >= 900_000, `${times}`);
});

test("a socket that opens again ends what the server has asked for, but for its first minute", async (t) => {
  const server = new FakeServer(new FastClock(200));
  const phone = new Window(t, server, new MemoryStore(), { pollSeconds: 100_000 });
  await online(server, 1);
  await until(() => phone.results.length > 0);
  const times: number[] = [];
  server.before = (line) => {
    if (line === "GET /storage/changes") times.push(server.clock.now());
    return times.length === 1 ? problem(503, "upstream_unavailable", {}, { "Retry-After": "86400" }) : undefined;
  };
  await phone.put("a", "1");
  await until(() => phone.errors.length === 1);
  server.before = (line) => (line === "GET /storage/changes" ? void times.push(server.clock.now()) : undefined);
  for (const socket of [...server.sockets]) socket.close();
  await until(() => "a" in server.contents);
  const waited = times[1]! - times[0]!;
  assert.ok(waited >= 60_000 && waited < 900_000, `${waited}`);
});

test("a session that is over ends it, and says so", async (t) => {
  const server = new FakeServer(new FastClock());
  const phone = new Window(t, server);
  await online(server, 1);
  server.before = () => problem(401, "invalid_token");
  await phone.put("a", "1");
  await until(() => phone.errors.length > 0);
  assert.ok(phone.errors[0]![0] instanceof SignedOut && phone.errors[0]![1] === undefined);
  await until(() => server.sockets.size === 0);
  assert.equal(phone.store.unsent().length, 1);
});

test("stop ends what is under way, and start goes on from there", async (t) => {
  const server = new FakeServer(new FastClock());
  const phone = new Window(t, server);
  await online(server, 1);
  await until(() => phone.results.length > 0);
  let isHanging = false;
  server.before = (line, { signal }) => {
    if (line !== "POST /storage/records/batch") return undefined;
    isHanging = true;
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  };
  await phone.put("a", "1");
  await until(() => isHanging);
  await phone.engine.stop();
  assert.deepEqual([server.sockets.size, phone.errors], [0, []]);
  server.before = () => undefined;
  server.asked.length = 0;
  await phone.put("b", "2");
  await new Promise((resolve) => setTimeout(resolve, 50)); // two and a half seconds of that clock
  assert.deepEqual(server.asked, []);

  const { WebSocket } = server;
  phone.engine.start({ WebSocket });
  phone.engine.start({ WebSocket });
  await until(() => Object.keys(server.contents).length === 2);
  await online(server, 1);
});

test("a hint that comes late does not take the place of a newer one", async (t) => {
  const server = new FakeServer(new FastClock());
  const phone = new Window(t, server, new MemoryStore(), { pollSeconds: 100_000 });
  await online(server, 1);
  await quiet(server);
  server.isSilent = true;
  await phone.put("a", "1"); // change 1
  await until(() => "a" in server.contents);
  await quiet(server);
  await phone.engine.sync();
  server.write("b", "2"); // change 2
  for (const seq of [2, 1]) for (const socket of server.sockets) socket.say({ type: "changes", seq });
  await has(phone, "b", "2");
});

test("an app whose functions fail is synchronised all the same", async (t) => {
  const server = new FakeServer(new FastClock());
  const told: unknown[] = [];
  const phone = new Window(t, server, new MemoryStore(), {
    onSynced: async () => Promise.reject(new RangeError("it cannot be shown")),
    onError: (error) => {
      told.push(error);
      throw new RangeError("nor can this");
    },
  });
  await until(() => told.length > 0);
  server.before = () => (server.before = () => undefined, problem(500, "internal_error"));
  await phone.put("a", "1");
  await until(() => "a" in server.contents);
  assert.ok(told[0] instanceof RangeError);
});

test("an engine listens with the client's webSocket", async (t) => {
  const server = new FakeServer(new FastClock());
  const engine = server.client({ webSocket: server.WebSocket }).sync(new MemoryStore(), { onConflict: () => "theirs" });
  t.after(() => engine.stop());
  engine.start();
  await online(server, 1);
});

test("where there is no WebSocket the app is told once, and the feed is asked all the same", async (t) => {
  class None {
    constructor() {
      throw new NoWebSocket();
    }
  }
  const server = new FakeServer(new FastClock());
  const window = new Window(t, server, new MemoryStore(), { WebSocket: None as never, pollSeconds: 10 });
  await until(() => window.results.length > 3);
  assert.equal(window.errors.length, 1);
  assert.match(String(window.errors[0]?.[0]), /^NoWebSocket: Node \d+ has no WebSocket: `npm install ws`, or pass `webSocket` to createAdiuvaClient\.$/);
});
