import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { WebSocketServer, type WebSocket } from "ws";
import { ChatSocket, ConnectionLost, isProblem, type MapItem, type MapOptions, type MapRun, type Wait } from "../src/index.js";
import { nameUuid } from "../src/batches/work.js";
import { FakeClock } from "./fake_server.js";

const RUN = "5f0c1a52-0d1c-4c0c-9d0a-1d7f3c1a2b3c";
const USAGE = { input_tokens: 10, output_tokens: 1 };

interface Script {
  /** Items after which the connection is cut, connection by connection. */
  cutAfter?: number[];
  /** What is said in the place of an item's result. */
  instead?: (key: string, say: (frame: object) => void) => boolean;
  /** What is said instead of the first `need`. */
  refuse?: (say: (frame: object) => void, attempt: number) => boolean;
}

/** A server that carries out maps as docs/api.md § 14 has them. */
let server: WebSocketServer;
let script: Script = {};
let begun: { run_id: string; total: number; [field: string]: unknown }[] = [];
let given: string[] = [];
let sent: Record<string, unknown>[] = [];

before(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => serve(socket));
  await new Promise((resolve) => server.once("listening", resolve));
});
after(() => server.close());

function serve(socket: WebSocket): void {
  let request: { request_id: string; run_id: string; total: number } | undefined;
  let [asked, outstanding, done] = [0, 0, 0];
  const say = (frame: object): void => socket.send(JSON.stringify({ ...frame, request_id: request?.request_id }));
  const need = (): void => {
    const count = Math.min(4 - outstanding, request!.total - asked);
    if (count <= 0) return;
    asked += count;
    outstanding += count;
    say({ type: "need", count });
  };
  const finish = (cancelled = false, error?: object): void => {
    const total = request!.total;
    const usage = { input_tokens: 10 * done, output_tokens: done };
    const items = { total, done, failed: 0, skipped: total - done };
    say({ type: "done", done: true, outcome: done === total && !cancelled ? "succeeded" : "partial", items, usage, ...(error === undefined ? {} : { error }), ...(cancelled ? { cancelled } : {}) });
  };
  let before = Promise.resolve();
  socket.on("message", (data) => void (before = before.then(() => hear(data)))); // one after another
  const hear = async (data: unknown): Promise<void> => {
    const frame = JSON.parse(String(data)) as Record<string, unknown> & { type: string };
    sent.push(frame);
    if (frame.type === "map") {
      request = frame as unknown as typeof request;
      [asked, outstanding, done] = [0, 0, 0];
      begun.push(frame as unknown as (typeof begun)[number]);
      if (script.refuse?.(say, begun.length) !== true) need();
    } else if (frame.type === "cancel") {
      finish(true);
    } else if (frame.type === "items") {
      const items = frame["items"] as { key: string; record: object }[];
      if (items.length === 0) [asked, outstanding, request!.total] = [asked - outstanding, 0, asked - outstanding];
      for (const { key } of items) {
        outstanding -= 1;
        given.push(key);
        if (script.instead?.(key, say) === true) return; // it has said how it ends
        done += 1;
        const actions = [{ id: await nameUuid(request!.run_id, `${key}:0`), name: "update_task", type: "update_record", table: "tasks", record_id: key, data: {}, destructive: false }];
        say({ type: "item", key, status: "done", actions, usage: USAGE });
        say({ type: "progress", completed: done, failed: 0, total: request!.total });
        if (script.cutAfter?.[0] === done) {
          script.cutAfter.shift();
          return socket.terminate();
        }
      }
      if (done === request!.total) finish();
      else need();
    }
  };
}

const waits: Wait[] = [];

function conversation(behaviour: Script = {}): ChatSocket {
  [script, begun, given, sent] = [behaviour, [], [], []];
  waits.length = 0;
  const { port } = server.address() as AddressInfo;
  const patience = { clock: new FakeClock(), onWait: (wait: Wait) => void waits.push(wait), options: { maxWait: 60 } };
  return new ChatSocket(async () => `ws://127.0.0.1:${port}/`, {}, patience);
}

const tasks = (count: number): string[] => Array.from({ length: count }, (_, index) => `t-${index}`);

function options(count: number, more: Partial<MapOptions> = {}): MapOptions {
  return { runId: RUN, instruction: "Prioritise it.", tools: ["update_task"], keys: tasks(count), record: (id) => ({ id, title: `Task ${id}` }), ...more };
}

async function all(run: MapRun): Promise<MapItem[]> {
  const items: MapItem[] = [];
  for await (const item of run) items.push(item);
  return items;
}

test("every record is given when there is room for it, and comes back with what is to be done", async () => {
  const chat = conversation();
  const read: string[] = [];
  const progress: number[] = [];
  const record = (id: string): object => (read.push(id), { id });
  const run = chat.map(options(10, { record, model: "gpt-x", provider: { kind: "openai", api_key: "k" }, onProgress: ({ completed }) => progress.push(completed) }));
  const items = await all(run);
  assert.deepEqual(items.map(({ key }) => key), tasks(10));
  assert.deepEqual(items[3]?.actions[0]?.id, await nameUuid(RUN, "t-3:0"));
  assert.deepEqual(await run.result, { outcome: "succeeded", items: { total: 10, done: 10, failed: 0, skipped: 0 }, usage: { input_tokens: 100, output_tokens: 10 } });
  assert.deepEqual(read, tasks(10));
  assert.deepEqual(progress, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const { request_id: _, ...frame } = begun[0] as Record<string, unknown>;
  assert.deepEqual(frame, { type: "map", run_id: RUN, instruction: "Prioritise it.", tools: ["update_task"], total: 10, model: "gpt-x", provider: { kind: "openai", api_key: "k" } });
  chat.close();
});

test("200 records over a connection that is cut at the 120th: 80 more, and no action twice", async () => {
  const chat = conversation({ cutAfter: [120] });
  const run = chat.map(options(200));
  const items = await all(run);
  assert.deepEqual(begun.map(({ run_id, total }) => [run_id, total]), [[RUN, 200], [RUN, 80]]);
  assert.equal(new Set(items.flatMap(({ actions }) => actions.map(({ id }) => id))).size, 200);
  assert.equal(given.length, 200);
  const { outcome, usage } = await run.result;
  assert.deepEqual([outcome, usage], ["succeeded", { input_tokens: 2000, output_tokens: 200 }]);
  assert.equal(waits[0]?.reason, "connection");
  chat.close();
});

test("a server that restarts ends it with what is done; the rest is asked for when it says so", async () => {
  const error = { type: "", title: "", status: 503, detail: "", code: "upstream_unavailable", request_id: "r", retry_after: 7 };
  const nothing = { outcome: "partial", items: { total: 5, done: 0, failed: 0, skipped: 5 }, usage: { input_tokens: 3, output_tokens: 0 } };
  const chat = conversation({ refuse: (say, attempt) => (attempt < 3 ? (say({ type: "done", done: true, ...nothing, error }), true) : false) });
  const run = chat.map(options(5));
  assert.equal((await all(run)).length, 5);
  assert.deepEqual(waits, [{ reason: "unavailable", seconds: 7 }, { reason: "unavailable", seconds: 7 }]);
  assert.deepEqual((await run.result).usage, { input_tokens: 56, output_tokens: 5 }); // what it had cost by then counts
  chat.close();
});

test("a provider that is down ends it with what is done, and says why", async () => {
  const error = { type: "", title: "", status: 502, detail: "", code: "upstream_error", request_id: "r" };
  const chat = conversation({
    instead: (key, say) => {
      if (key !== "t-4") return false;
      say({ type: "item", key, status: "failed", actions: [], error, usage: USAGE });
      say({ type: "done", done: true, outcome: "partial", items: { total: 9, done: 4, failed: 1, skipped: 4 }, usage: { input_tokens: 50, output_tokens: 5 }, error });
      return true;
    },
  });
  const run = chat.map(options(9));
  const items = await all(run);
  assert.deepEqual(items.map(({ status }) => status), ["done", "done", "done", "done", "failed"]);
  const { outcome, items: counts, error: why } = await run.result;
  assert.deepEqual([outcome, counts, why?.code], ["partial", { total: 9, done: 4, failed: 1, skipped: 4 }, "upstream_error"]);
  chat.close();
});

test("a record that is gone is skipped and one that is too large fails, without the server", async () => {
  const chat = conversation();
  const record = (id: string): object | undefined => (id === "t-1" ? undefined : { id, text: id === "t-5" ? "x".repeat(20_000) : "" });
  const run = chat.map(options(6, { record }));
  const items = await all(run);
  assert.deepEqual(Object.fromEntries(items.map(({ key, status }) => [key, status])), { "t-0": "done", "t-1": "skipped", "t-2": "done", "t-3": "done", "t-4": "done", "t-5": "failed" });
  assert.equal(items.find(({ key }) => key === "t-5")?.error?.code, "payload_too_large");
  assert.deepEqual(given.sort(), ["t-0", "t-2", "t-3", "t-4"]);
  assert.deepEqual((await run.result).items, { total: 6, done: 4, failed: 1, skipped: 1 });
  chat.close();
});

test("leaving the loop ends the model's calls, and so does a signal", async () => {
  const chat = conversation();
  const left = chat.map(options(50));
  for await (const { key } of left) if (key === "t-2") break;
  const { cancelled, outcome } = await left.result;
  assert.deepEqual([cancelled, outcome], [true, "partial"]);
  assert.ok(sent.some(({ type }) => type === "cancel"));

  const stop = new AbortController();
  const run = chat.map(options(50, { signal: stop.signal, record: (id) => (id === "t-7" && stop.abort(), { id }) }));
  assert.ok((await all(run)).length < 50);
  assert.equal((await run.result).cancelled, true);

  const never = chat.map(options(5, { signal: AbortSignal.abort() }));
  assert.deepEqual((await never.result).items, { total: 5, done: 0, failed: 0, skipped: 5 });
  chat.close();
});

test("what the app throws while it reads a record is the run's failure, and the conversation goes on", async () => {
  const chat = conversation();
  const locked = new Error("locked");
  const run = chat.map(options(9, { record: (id) => (id === "t-3" ? Promise.reject(locked) : { id }) }));
  await assert.rejects(all(run), locked);
  assert.equal((await all(chat.map(options(3)))).length, 3);
  chat.close();
});

test("a refusal is thrown, and nothing at all needs no server", async () => {
  const problem = { type: "", title: "", status: 400, detail: "", code: "validation_error", request_id: "r", errors: { total: ["At most 50."] } };
  const chat = conversation({ refuse: (say) => (say({ type: "error", done: true, error: problem, response: "", actions: [] }), true) });
  await assert.rejects(all(chat.map(options(60))), (error) => isProblem(error, "validation_error"));
  assert.deepEqual((await chat.map(options(0)).result).outcome, "succeeded");
  assert.equal(begun.length, 1);
  chat.close();
});

test("a connection that is lost again and again before anything comes of it is given up", async () => {
  const chat = conversation({ refuse: () => (setImmediate(() => server.clients.forEach((client) => client.terminate())), true) });
  await assert.rejects(all(chat.map(options(3))), ConnectionLost);
  assert.equal(begun.length, 6);
  chat.close();
});

test("names are UUIDs as RFC 9562 makes them", async () => {
  assert.equal(await nameUuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
});
