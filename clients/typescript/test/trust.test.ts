import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../src/clock.js";
import { MemoryStore, MemoryTokens, SignedOut, type TokenStore } from "../src/index.js";
import { FakeAccounts } from "./fake_accounts.js";
import { FakeServer, problem, tooMany } from "./fake_server.js";
import { bytes, PLAIN } from "./support.js";

const tokens = (): MemoryTokens => new MemoryTokens({ access_token: "a", refresh_token: "r", expires_at: Number.POSITIVE_INFINITY });

test("what one account has begun to send is not sent to the next one that logs in", async () => {
  const server = new FakeServer();
  const kept = tokens();
  const client = server.client({ tokens: kept });
  const store = new MemoryStore();
  const engine = client.sync(store, { onConflict: () => assert.fail() });
  await engine.put({ id: "a", table: "notes", body: bytes("anna's") });
  server.before = async (line) => {
    if (line !== "GET /storage/changes") return undefined;
    server.before = (other) => (other === "POST /auth/logout" ? new Response(null, { status: 204 }) : undefined);
    const page = await server.fetch("http://fake/api/v1/storage/changes?since=0&limit=1000");
    await client.logout();
    server.changeUser("bert");
    kept.save({ access_token: "b", refresh_token: "s", expires_at: Number.POSITIVE_INFINITY });
    return page;
  };
  await assert.rejects(engine.sync(), SignedOut);
  assert.deepEqual([server.contents, store.unsent().length], [{}, 1]);
});

test("an app that never answers a conflict does not keep the engine from stopping", async () => {
  const server = new FakeServer();
  const store = new MemoryStore();
  const stop = new AbortController();
  const engine = server.client().sync(store, { onConflict: () => new Promise(() => stop.abort(new RangeError("closing"))) });
  server.write("a", "theirs");
  await engine.put({ id: "a", table: "notes", body: bytes("mine") });
  await assert.rejects(engine.sync({ signal: stop.signal }), RangeError);
  assert.deepEqual([server.contents, store.unsent().length], [{ a: "theirs" }, 1]);
});

test("a record whose bytes this device has lost is not deleted on the server", async () => {
  class Losing extends MemoryStore {
    override readMany(ids: readonly string[]): Map<string, Uint8Array> {
      const found = super.readMany(ids);
      found.delete("a");
      return found;
    }
  }
  const server = new FakeServer();
  for (const id of ["a", "b"]) server.write(id, "1");
  const engine = server.client().sync(new Losing(), { onConflict: () => assert.fail() });
  await engine.sync();
  for (const id of ["a", "b"]) await engine.put({ id, table: "notes", body: bytes("2") });
  assert.deepEqual((await engine.sync()).failed.map(({ id }) => id), ["a"]);
  assert.deepEqual(server.contents, { a: "1", b: "2" });
});

test("a refresh that is answered late does not undo the login of somebody else", async () => {
  const server = new FakeServer();
  const answer = (name: string): Response => Response.json({ access_token: name, refresh_token: name, token_type: "Bearer", expires_in: 1800 });
  for (const late of [answer("anna"), problem(401, "invalid_token")]) {
    const kept = new MemoryTokens({ access_token: "a", refresh_token: "r", expires_at: 0 });
    const client = server.client({ tokens: kept, onSignedOut: () => assert.fail() });
    server.before = async (line) => {
      if (line === "POST /auth/login") return answer("bert");
      if (line !== "POST /auth/refresh") return undefined;
      await client.login({ email: "bert@example.com", password: "a long sentence is best" }, PLAIN);
      return late;
    };
    await assert.rejects(client.records.read("a"), SignedOut);
    assert.equal(kept.load()?.access_token, "bert");
  }
});

test("who logs out is out at once, however long the server takes, and nobody else with them", async () => {
  const server = new FakeServer();
  const kept = tokens();
  const client = server.client({ tokens: kept });
  let answer = (_: Response): void => {};
  const sent: (string | null)[] = [];
  server.before = (line, { headers }) => {
    if (line !== "POST /auth/logout") return undefined;
    sent.push(headers.get("Authorization"));
    return new Promise((resolve) => (answer = resolve));
  };
  const leaving = client.logout();
  await new Promise(setImmediate);
  assert.equal(kept.load(), undefined);
  await assert.rejects(client.records.read("a"), SignedOut);
  kept.save({ access_token: "b", refresh_token: "s", expires_at: Number.POSITIVE_INFINITY });
  answer(new Response(null, { status: 204 }));
  await leaving;
  assert.deepEqual([kept.load()?.access_token, sent], ["b", ["Bearer a"]]);
});

test("who logs out need not wait for a server that puts them off", async () => {
  const server = new FakeServer();
  server.before = () => tooMany(60);
  const client = server.client({ tokens: tokens(), clock: systemClock });
  await assert.rejects(client.logout({ signal: AbortSignal.timeout(20) }), { name: "TimeoutError" });
  await assert.rejects(client.records.read("a"), SignedOut);
});

test("a session that is still being saved does not come back after a logout", async () => {
  const server = new FakeServer();
  const kept = new MemoryTokens({ access_token: "old", refresh_token: "r", expires_at: 0 });
  let [isSaving, goOn] = [(): void => {}, (): void => {}];
  const saving = new Promise<void>((resolve) => (isSaving = resolve));
  const disk = new Promise<void>((resolve) => (goOn = resolve));
  const slow: TokenStore = {
    load: () => kept.load(),
    clear: () => kept.clear(),
    save: async (fresh) => {
      isSaving();
      await disk;
      kept.save(fresh);
    },
  };
  server.before = (line) => {
    if (line === "POST /auth/refresh") return Response.json({ access_token: "new", refresh_token: "s", token_type: "Bearer", expires_in: 1800 });
    return line === "POST /auth/logout" ? new Response(null, { status: 204 }) : undefined;
  };
  const client = server.client({ tokens: slow });
  const reading = client.records.read("a").catch(() => {});
  await saving;
  const leaving = client.logout();
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  goOn();
  await Promise.all([leaving, reading]);
  assert.equal(kept.load(), undefined);
});

test("logging out of a session that the server has ended is no error, and locks the keys", async () => {
  const server = new FakeAccounts();
  const client = server.client();
  await client.register({ email: "anna@example.com", password: "a long sentence is best" });
  server.before = () => problem(401, "invalid_token");
  await client.logout();
  assert.equal(client.keys.state, "locked");

  server.before = () => undefined;
  await client.login({ email: "anna@example.com", password: "a long sentence is best" });
  server.before = () => problem(401, "invalid_token");
  await assert.rejects(client.account.events(), SignedOut);
  assert.equal(client.keys.state, "unlocked"); // what the server says locks nothing
  await client.logout();
  assert.equal(client.keys.state, "locked");
});

test("what is not sent, as nobody is logged in, fails once and lets go of its body", async () => {
  const server = new FakeServer();
  const unhandled: unknown[] = [];
  const heard = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", heard);
  const client = server.client({ tokens: new MemoryTokens() });
  await assert.rejects(client.records.read("a", { signal: AbortSignal.abort() }), { name: "AbortError" });
  let cancelled: unknown;
  const open = (): ReadableStream<Uint8Array> => new ReadableStream({ cancel: (reason) => void (cancelled = reason) });
  await assert.rejects(client.records.create({ table: "notes", body: { open, checksum: "0".repeat(64) } }), SignedOut);
  await new Promise(setImmediate);
  process.off("unhandledRejection", heard);
  assert.deepEqual([unhandled, cancelled instanceof SignedOut], [[], true]);
});

test("bytes that the app goes on writing to are sent as they were", async () => {
  const server = new FakeServer();
  const engine = server.client().sync(new MemoryStore(), { onConflict: () => assert.fail() });
  const body = Buffer.from("as it was"); // whose `slice` copies nothing
  const written = engine.put({ id: "a", table: "notes", body });
  body.fill(46);
  await written;
  assert.deepEqual((await engine.sync()).failed, []);
  assert.deepEqual(server.contents, { a: "as it was" });
});

test("an upload whose state a proxy has kept to itself is neither finished nor sent for ever", async () => {
  const server = new FakeServer();
  const answers: Record<string, string>[] = [{}, { "Upload-Length": "4", "Upload-Offset": "0" }];
  for (const headers of answers) {
    server.asked.length = 0;
    server.before = (line) => {
      if (server.asked.length > 100) throw new RangeError("for ever");
      return new Response(null, line.startsWith("HEAD") ? { status: 200, headers } : { status: 204 });
    };
    await assert.rejects(server.client().uploads.send("u", new Blob([bytes("note")])), TypeError);
  }
});
