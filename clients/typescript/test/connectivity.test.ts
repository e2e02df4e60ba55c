import assert from "node:assert/strict";
import { after, describe, test, type TestContext } from "node:test";
import { AdiuvaTimeoutError, MemoryStore, type ConnectionChange, type Wait } from "../src/index.js";
import { Connectivity } from "../src/connectivity.js";
import { FakeServer } from "./fake_server.js";

const GRACE = 40;
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
const broken = new TypeError("fetch failed");

function watched(t: TestContext, probe: () => Promise<boolean> = async () => false) {
  const connectivity = new Connectivity(probe, GRACE);
  const told: string[] = [];
  t.after(connectivity.listen(({ state, why }) => told.push(`${state}: ${why}`)));
  return { connectivity, told };
}

test("what is repaired soon is not told, what lasts is, once, and its end at once", async (t) => {
  const { connectivity, told } = watched(t);
  connectivity.unanswered(broken, true);
  connectivity.answered();
  connectivity.lost({}, "chat");
  await pause(GRACE / 4);
  assert.deepEqual([told, connectivity.state], [[], "online"]);
  await pause(GRACE * 2);
  assert.deepEqual([told, connectivity.state], [["reconnecting: chat"], "reconnecting"]);

  connectivity.unanswered(broken, false);
  connectivity.unanswered(broken, true); // another call tries: nobody is nearer to the server for it
  await pause(GRACE * 2);
  connectivity.unanswered(broken, false);
  await pause(GRACE * 2);
  assert.deepEqual(told, ["reconnecting: chat", "offline: requests"]);
  connectivity.answered();
  assert.deepEqual(told.at(-1), "reconnecting: chat"); // its socket is still away
});

test("a socket that is open again, or that nobody wants, is no trouble", async (t) => {
  const { connectivity, told } = watched(t);
  const [chat, sync] = [{}, {}];
  connectivity.lost(sync, "sync");
  connectivity.lost(chat, "chat");
  await pause(GRACE * 2);
  connectivity.settled(chat, "chat");
  assert.deepEqual(told, ["reconnecting: sync"]);
  connectivity.settled(sync, "sync");
  assert.deepEqual(told, ["reconnecting: sync", "online: sync"]);
});

test("the platform's word counts at once, and a request that is answered more than it", (t) => {
  const listeners = new Map<string, () => void>();
  const platform = globalThis as { addEventListener?: unknown; removeEventListener?: unknown };
  platform.addEventListener = (type: string, listener: () => void) => listeners.set(type, listener);
  platform.removeEventListener = (type: string) => listeners.delete(type);
  t.after(() => {
    delete platform.addEventListener;
    delete platform.removeEventListener;
  });
  const connectivity = new Connectivity(async () => false, GRACE);
  const told: ConnectionChange[] = [];
  const end = connectivity.listen((change) => told.push(change));
  listeners.get("offline")?.();
  connectivity.answered(); // a server on this machine
  listeners.get("offline")?.();
  listeners.get("online")?.();
  assert.deepEqual(told.map(({ state }) => state), ["offline", "online", "offline", "online"]);
  end();
  end();
  assert.equal(listeners.size, 0);
});

test("a page that was opened offline hears of it, and one that listens again of the network's return", async (t) => {
  const platform = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  const network = (onLine: boolean): void => void Object.defineProperty(globalThis, "navigator", { value: { onLine }, configurable: true });
  t.after(() => (platform === undefined ? Reflect.deleteProperty(globalThis, "navigator") : Object.defineProperty(globalThis, "navigator", platform)));
  const connectivity = new Connectivity(async () => false, GRACE);
  const told: string[] = [];
  for (const onLine of [false, true]) {
    network(onLine);
    const end = connectivity.listen(({ state, why }) => (told.push(`${state}: ${why}`), end())); // `end` is there by then
    await pause(0);
    end();
  }
  assert.deepEqual([told, connectivity.state], [["offline: network", "online: network"], "online"]);
});

test("who has ended its listening hears nothing more, the others do", async () => {
  const connectivity = new Connectivity(async () => false, GRACE);
  const told: string[] = [];
  const listener = (who: string) => () => void told.push(who);
  const [first, second] = [connectivity.listen(listener("first")), connectivity.listen(listener("second"))];
  first();
  connectivity.unanswered(broken, false);
  await pause(GRACE * 2);
  second();
  connectivity.answered();
  assert.deepEqual(told, ["second"]);
});

/** The client's own timers do not keep a program running. */
const awake = setInterval(() => {}, 1_000);
after(() => clearInterval(awake));

describe("with a client, whose patience is real", { concurrency: true }, () => {
  test("a client tells when the server is away, and by itself when it is back", async (t) => {
    const server = new FakeServer();
    const changes: ConnectionChange[] = [];
    let hear = (): void => {};
    const client = server.client({ onConnection: (change) => (changes.push(change), hear()) });
    const next = (): Promise<void> => new Promise((resolve) => (hear = resolve));
    t.after(() => server.cut(false));

    await client.records.create({ table: "notes", id: "a", body: new Uint8Array([1]) });
    server.cut(true);
    const away = next();
    await assert.rejects(client.records.read("a"), TypeError);
    await away;
    assert.deepEqual([changes.map(({ state, why }) => [state, why]), client.connection], [[["offline", "requests"]], "offline"]);
    assert.ok(changes[0]?.error instanceof TypeError);

    const back = next();
    server.cut(false);
    await back; // the app asks nothing meanwhile
    assert.deepEqual([changes.length, changes[1]?.state, client.connection], [2, "online", "online"]);
  });

  test("a refusal is an answer, and so is what the user or a call's own timeout has ended", async () => {
    const server = new FakeServer();
    const told: ConnectionChange[] = [];
    const waits: Wait[] = [];
    const client = server.client({ onConnection: (change) => told.push(change), onWait: (wait) => waits.push(wait) });
    await assert.rejects(client.records.read("nothing"));
    server.before = () => new Promise(() => {});
    await assert.rejects(client.records.read("a", { timeout: 10 }), AdiuvaTimeoutError); // in a hurry
    await assert.rejects(client.records.read("a", { signal: AbortSignal.abort(new RangeError("closed")) }), RangeError);
    await pause(3_200); // longer than the client keeps a change for the worse to itself
    assert.deepEqual([told, waits, client.connection], [[], [], "online"]);
  });

  test("a synchronisation whose socket is lost for long is told, and that it is back; a short while is not", async () => {
    const server = new FakeServer();
    const client = server.client();
    const told: string[] = [];
    const end = client.onConnection(({ state }) => told.push(state));
    const engine = client.sync(new MemoryStore(), { onConflict: () => "mine" });
    let [hellos, heard] = [0, (): void => {}];
    const hello = (): Promise<void> => new Promise((resolve) => (heard = resolve));
    const first = hello();
    engine.start({ WebSocket: server.WebSocket, onHint: ({ type }) => void (type === "hello" && ((hellos += 1), heard())) });
    await first;

    const second = hello();
    server.cut(true);
    server.cut(false);
    await second;
    await pause(3_200);
    assert.deepEqual([told, hellos], [[], 2]);

    server.cut(true);
    await pause(3_400);
    const third = hello();
    server.cut(false);
    await third;
    assert.deepEqual([told, client.connection], [["offline", "reconnecting", "online"], "online"]);
    await engine.stop();
    end();
  });
});
