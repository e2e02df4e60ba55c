import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { WebSocketServer } from "ws";
import { AdiuvaTimeoutError, ChatSocket, createAdiuvaClient, ok, PART_BYTES, type AdiuvaClient, type ClientOptions, type PluginManifest, type TimedOut, type Timeouts } from "../src/index.js";
import { patienceFor, TIMEOUTS } from "../src/timeouts.js";
import { MemoryTokens, bytes } from "./support.js";

/** Accepts every connection, and then says what a test wants, mostly nothing. */
let server: Server;
let answer: (socket: Socket, request: string) => void = () => {};
const open = new Set<Socket>();
let asked: string[] = [];

before(async () => {
  server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
    socket.on("data", (data) => {
      const text = String(data);
      if (/^[A-Z]+ \//.test(text)) asked.push(text.split(" HTTP")[0]!);
      answer(socket, text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
after(() => {
  for (const socket of open) socket.destroy();
  server.close();
});

function client(options: Partial<ClientOptions> = {}): AdiuvaClient {
  asked = [];
  const tokens = new MemoryTokens({ access_token: "a", refresh_token: "r", expires_at: Number.POSITIVE_INFINITY });
  return createAdiuvaClient({ baseUrl: address("http"), tokens, timeouts: { answer: 150, upload: 300, model: 300 }, ...options });
}

const address = (scheme: string): string => `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;

function late(what: TimedOut, where: string, milliseconds: number): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AdiuvaTimeoutError, String(error));
    assert.deepEqual([error.what, error.where, error.milliseconds], [what, where, milliseconds]);
    return true;
  };
}

test("a server that accepts and never answers is given up, once, and its connection let go", async () => {
  let close = (): void => {};
  const closed = new Promise<void>((resolve) => (close = resolve));
  answer = (socket) => socket.on("close", close);
  const slow = client();
  await assert.rejects(ok(slow.api.GET("/api/v1/auth/me")), late("answer", "GET /api/v1/auth/me", 150));
  assert.deepEqual(asked, ["GET /api/v1/auth/me"]);
  await closed; // the runner's own timeout says so where it is not
});

test("so is one that stops in the middle of its answer, and one that goes on is not", async () => {
  answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"id": "');
  await assert.rejects(ok(client().api.GET("/api/v1/auth/me")), late("body", "GET /api/v1/auth/me", 150));

  answer = (socket) => {
    const pieces = ['{"', 'id', '": "', "an", "n", 'a"}'];
    socket.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\nConnection: close\r\n\r\n");
    const timer = setInterval(() => {
      const piece = pieces.shift();
      if (piece === undefined) clearInterval(timer);
      else socket.write(piece);
    }, 250); // longer than the timeout in all, and a slow machine's stall shorter
  };
  assert.equal((await ok(client({ timeouts: { answer: 1000 } }).api.GET("/api/v1/auth/me"))).id, "anna");
});

test("what a model writes, and sealed bytes, have more time; a call can have its own, and a client none", async () => {
  answer = () => {};
  await assert.rejects(ok(client().api.POST("/api/v1/chat", { body: { message: "hello" } })), late("answer", "POST /api/v1/chat", 300));
  await assert.rejects(client().records.create({ table: "notes", body: bytes("sealed") }), late("answer", "POST /api/v1/storage/records", 300));
  await assert.rejects(client().records.create({ table: "notes", body: bytes("sealed"), timeout: 50 }), late("answer", "POST /api/v1/storage/records", 50));
  await assert.rejects(client().records.read("a", { timeout: 50 }), late("answer", "GET /api/v1/storage/records/a", 50));
  await assert.rejects(ok(client().within(50).GET("/api/v1/auth/me")), late("answer", "GET /api/v1/auth/me", 50));

  const hasty = { version: "1", timeout: 50 };
  await assert.rejects(client().backups.upload({ ...hasty, body: bytes("sealed") }), late("answer", "PUT /api/v1/backup", 50));
  const large = { size: PART_BYTES + 1, checksum: "0".repeat(64), stream: new ReadableStream<Uint8Array>() };
  await assert.rejects(client().backups.stream({ ...hasty, body: large }), late("answer", "POST /api/v1/storage/uploads", 50));
  const manifest = {} as PluginManifest;
  await assert.rejects(client().plugins.submit(manifest, { package: new Blob(), timeout: 50 }), late("answer", "POST /api/v1/plugins", 50));
  const once = client({ retry: false });
  await assert.rejects(once.uploads.send("a", new Blob(["sealed"]), { timeout: 50 }), late("answer", "HEAD /api/v1/storage/uploads/a", 50));
  const sink = { id: "a", timeout: 50 };
  await assert.rejects(once.backups.restoreTo(new WritableStream(), sink), late("answer", "GET /api/v1/backup/a", 50));

  const unsaid = { answer: undefined, upload: 300, model: undefined } as unknown as Partial<Timeouts>;
  const usual = client({ timeouts: unsaid });
  await assert.rejects(ok(usual.api.GET("/api/v1/auth/me", { signal: AbortSignal.timeout(50) })), { name: "TimeoutError" });

  const patient = client({ timeouts: { answer: Number.POSITIVE_INFINITY } });
  const enough = AbortSignal.timeout(400);
  await assert.rejects(patient.records.read("a", { signal: enough }), (error) => error === enough.reason);
});

test("how long an answer is waited for goes by what is sent", () => {
  const form = { "Content-Type": "multipart/form-data; boundary=a" };
  const json = { "Content-Type": "application/json" };
  const cases: [string, Record<string, string>, number | undefined, number][] = [
    ["POST plugins", form, undefined, TIMEOUTS.upload],
    ["POST storage/records", json, undefined, TIMEOUTS.upload],
    ["PUT storage/records/a", json, undefined, TIMEOUTS.upload],
    ["POST storage/vectors/upsert", json, undefined, TIMEOUTS.upload],
    ["POST storage/vectors/search", json, undefined, TIMEOUTS.answer],
    ["DELETE storage/records/a", {}, undefined, TIMEOUTS.answer],
    ["POST auth/refresh", json, undefined, 10_000],
    ["POST chat", json, undefined, TIMEOUTS.model],
    ["PUT backup", { "Content-Type": "application/octet-stream" }, 8 * 1024 * 1024, TIMEOUTS.upload],
    ["PUT backup", { "Content-Type": "application/octet-stream" }, 9 * 1024 * 1024, TIMEOUTS.upload + 10_240],
  ];
  for (const [line, headers, size, expected] of cases) {
    const [method = "", path] = line.split(" ");
    assert.equal(patienceFor(new Request(`https://a.example/behind/api/v1/${path}`, { method, headers }), TIMEOUTS, size), expected, line);
  }
});

test("a refresh that is not answered is asked for once more, while the used token still counts", async () => {
  const reply = (body: object): string => {
    const text = JSON.stringify(body);
    return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`;
  };
  const tokens = (): MemoryTokens => new MemoryTokens({ access_token: "a", refresh_token: "r", expires_at: 0 });
  const refresh = "POST /api/v1/auth/refresh";
  answer = (socket, request) => {
    if (!request.startsWith("POST")) socket.write(reply({ id: "anna" }));
    else if (asked.length === 2) socket.write(reply({ access_token: "b", refresh_token: "s", expires_in: 900 }));
  };
  assert.equal((await ok(client({ tokens: tokens() }).api.GET("/api/v1/auth/me"))).id, "anna");
  assert.deepEqual(asked, [refresh, refresh, "GET /api/v1/auth/me"]);

  await assert.rejects(ok(client({ tokens: tokens(), retry: false }).api.GET("/api/v1/auth/me")), late("answer", refresh, 150));
  assert.deepEqual(asked, [refresh]);
});

test("a signal ends a call in the middle of its answer, with its own reason", async () => {
  answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"id": "');
  const stop = new AbortController();
  setTimeout(() => stop.abort(new RangeError("the window was closed")), 50);
  await assert.rejects(ok(client().api.GET("/api/v1/auth/me", { signal: stop.signal })), RangeError);
});

test("a socket that never opens is given up, and a cancelled turn that the server never ends does not hold up the next", async () => {
  answer = () => {};
  const timeouts = { ...TIMEOUTS, answer: 150 };
  const waiting = { clock: { now: () => 0, sleep: async () => {} }, onWait: () => {}, options: { maxWait: 0 }, timeouts };
  const deaf = new ChatSocket(async () => `${address("ws")}/chat`, {}, waiting);
  await assert.rejects(deaf.send({ message: "hello" }).result, late("socket", "WS /chat", 150));

  const mute = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => mute.once("listening", resolve));
  let connections = 0;
  let heard = (): void => {};
  mute.on("connection", (socket) => {
    connections += 1;
    socket.on("message", () => heard());
  });
  const chat = new ChatSocket(async () => `ws://127.0.0.1:${(mute.address() as AddressInfo).port}/`, {}, waiting);
  for (const message of ["one", "two"]) {
    const asked = new Promise<void>((resolve) => (heard = resolve));
    const turn = chat.send({ message });
    await asked;
    turn.cancel();
    assert.equal((await turn.result).cancelled, true);
  }
  assert.equal(connections, 2);
  chat.close();
  mute.close();
});
