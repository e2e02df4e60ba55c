import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore, MemoryTokens, SignedOut, type AuthTokens, type StoredTokens, type TokenStore } from "../src/index.js";
import { FakeServer, problem } from "./fake_server.js";
import { bytes, PLAIN } from "./support.js";

const REFRESH = "POST /auth/refresh";
const PASSWORD = "POST /auth/password";
const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
/** An access token as the server makes them. */
const jwt = (sub: string, name: string): string => `${encoded({ alg: "HS256" })}.${encoded({ sub, name, email: `${sub}@exämple.com` })}.${name}`;
const kept = (sub: string, name: string, expires_at = Number.POSITIVE_INFINITY): StoredTokens => ({ access_token: jwt(sub, name), refresh_token: name, expires_at });
const answer = (sub: string, name: string): Response =>
  Response.json({ access_token: jwt(sub, name), refresh_token: name, token_type: "bearer", expires_in: 900 } as Partial<AuthTokens>);

/** Whose token a request has, and which. */
function bearer({ headers }: Request): string {
  const [, payload = ""] = headers.get("Authorization")?.split(".") ?? [];
  return payload === "" ? "nobody" : (JSON.parse(Buffer.from(payload, "base64url").toString()) as { name: string }).name;
}

/** A window of Anna's, and the store that it has in common with others. */
function annas(options: { expiresAt?: number; store?: (inner: MemoryTokens) => TokenStore } = {}) {
  const server = new FakeServer();
  const tokens = new MemoryTokens(kept("anna", "anna 0", options.expiresAt));
  const told: string[] = [];
  const window = (): ReturnType<typeof server.client> =>
    server.client({ tokens: options.store?.(tokens) ?? tokens, onSignedOut: (reason) => void told.push(reason) });
  server.write("a", "1");
  return { server, tokens, told, window, client: window() };
}

/** All that needs nothing from outside has happened. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

const BEN = { email: "ben@example.com", password: "a long sentence is best" };
const NEW_PASSWORD = { current_password: "anna", new_password: "anna, too" };

test("another window's login as somebody else ends what this one sends, and is left alone", async () => {
  const { server, tokens, told, client } = annas();
  const batches: string[] = [];
  server.before = (line, request) => void (line === "POST /storage/records/batch" && batches.push(bearer(request)));
  server.after = (line) => void (line === "POST /storage/records/batch" && tokens.save(kept("ben", "ben 0")));
  const store = new MemoryStore();
  const engine = client.sync(store, { onConflict: () => assert.fail() });
  for (let index = 0; index < 1200; index += 1) await engine.put({ id: `n${index}`, table: "notes", body: bytes("anna's") });
  await assert.rejects(engine.sync(), SignedOut);
  await assert.rejects(engine.sync(), SignedOut); // it stays Anna's
  await assert.rejects(client.records.read("a"), SignedOut);
  assert.deepEqual([batches, told, tokens.load()?.refresh_token], [["anna 0"], ["invalid_token"], "ben 0"]);
  assert.ok(store.unsent().length > 0);

  await client.logout(); // nor is that Ben's
  assert.equal(tokens.load()?.refresh_token, "ben 0");
});

test("who comes back in another window goes on in this one, and a window that is opened then is theirs", async () => {
  const { server, tokens, told, window, client } = annas();
  const asked: string[] = [];
  server.before = (_, request) => void asked.push(bearer(request));
  await client.records.read("a");
  tokens.save(kept("ben", "ben 0"));
  await assert.rejects(client.records.read("a"), SignedOut);
  await window().records.read("a");
  tokens.save(kept("anna", "anna 1"));
  await client.records.read("a");
  assert.deepEqual([asked, told], [["anna 0", "ben 0", "anna 1"], ["invalid_token"]]);
  tokens.save(kept("ben", "ben 1"));
  await assert.rejects(client.records.read("a"), SignedOut);
  assert.deepEqual(told, ["invalid_token", "invalid_token"]);
});

test("a window in which somebody else logs in is theirs, also while the store still has the tokens of before", async () => {
  let written = (): void => {};
  const disk = new Promise<void>((resolve) => (written = resolve));
  const store = (inner: MemoryTokens): TokenStore => ({
    load: async () => inner.load(),
    save: async (tokens) => {
      await disk;
      inner.save(tokens);
    },
    clear: async () => inner.clear(),
  });
  const { server, told, client } = annas({ store });
  const asked: string[] = [];
  server.before = (line, request) => {
    if (line === "POST /auth/login") return answer("ben", "ben 0");
    asked.push(bearer(request));
    return undefined;
  };
  await client.records.read("a");
  const login = client.login(BEN, PLAIN);
  await turns();
  const reading = client.records.read("a");
  await turns();
  written();
  await Promise.all([login, reading]);
  assert.deepEqual([asked, told], [["anna 0", "ben 0"], []]);
});

for (const [name, late] of [["new tokens", answer("anna", "anna 1")], ["a refusal", problem(401, "token_reused")]] as const) {
  test(`a refresh that brings ${name} after another window's login leaves that alone`, async () => {
    const { server, tokens, told, client } = annas({ expiresAt: 0 });
    server.before = (line) => {
      if (line === REFRESH) tokens.save(kept("ben", "ben 0"));
      return line === REFRESH ? late : undefined;
    };
    await assert.rejects(client.records.read("a"), SignedOut);
    assert.deepEqual([tokens.load()?.refresh_token, told, server.asked], ["ben 0", ["invalid_token"], [REFRESH]]);
  });
}

test("a refresh that is answered after another window's logout, or its tokens, undoes neither", async () => {
  for (const newer of [undefined, kept("anna", "anna 2")]) {
    const { server, tokens, told, client } = annas({ expiresAt: 0 });
    server.before = (line) => {
      if (line !== REFRESH) return undefined;
      if (newer === undefined) tokens.clear();
      else tokens.save(newer);
      return answer("anna", "anna 1");
    };
    if (newer === undefined) await assert.rejects(client.records.read("a"), SignedOut);
    else await client.records.read("a");
    assert.deepEqual([tokens.load(), told], [newer, []]);
  }
});

test("a refresh that has waited looks first whether another window has refreshed", async () => {
  const { server, tokens, told, client } = annas({ expiresAt: 0 });
  const used: string[] = [];
  server.before = (line, request) => {
    if (line !== REFRESH) return void used.push(bearer(request));
    tokens.save(kept("anna", "anna 1")); // while this one is put off
    return problem(503, "upstream_unavailable", {}, { "Retry-After": "60" });
  };
  await client.records.read("a");
  assert.deepEqual([server.asked.filter((line) => line === REFRESH).length, used, told], [1, ["anna 1"], []]);
  assert.equal(tokens.load()?.refresh_token, "anna 1");
});

test("a refusal that is looked into while somebody logs in signs out nobody", async () => {
  let [looks, goOn] = [(): void => {}, (): void => {}];
  const looking = new Promise<void>((resolve) => (looks = resolve));
  const disk = new Promise<void>((resolve) => (goOn = resolve));
  let isLooking = false;
  const store = (inner: MemoryTokens): TokenStore => ({
    load: async () => {
      const tokens = inner.load();
      if (isLooking) {
        isLooking = false;
        looks();
        await disk;
      }
      return tokens;
    },
    save: async (tokens) => inner.save(tokens),
    clear: async () => inner.clear(),
  });
  const { server, tokens, told, client } = annas({ expiresAt: 0, store });
  server.before = (line) => {
    if (line === "POST /auth/login") return answer("ben", "ben 0");
    isLooking = line === REFRESH;
    return line === REFRESH ? problem(401, "invalid_token") : undefined;
  };
  const reading = assert.rejects(client.records.read("a"), SignedOut);
  await looking;
  const login = client.login(BEN, PLAIN);
  await reading;
  goOn();
  await login;
  await turns();
  assert.deepEqual([tokens.load()?.refresh_token, told], ["ben 0", []]);
});

test("a new password that is confirmed late undoes no logout, and takes nobody's place", async () => {
  for (const next of ["nobody", "ben", "ben in another window"]) {
    const { server, tokens, client } = annas();
    server.before = async (line) => {
      if (line === "GET /auth/me") return Response.json({ email: "anna@example.com" });
      if (line === "POST /auth/login") return answer("ben", "ben 0");
      if (line === "POST /auth/logout") return new Response(null, { status: 204 });
      if (line !== PASSWORD) return undefined;
      if (next === "ben in another window") tokens.save(kept("ben", "ben 0"));
      else await client.logout();
      if (next === "ben") await client.login(BEN, PLAIN);
      return answer("anna", "anna 1");
    };
    await assert.rejects(client.changePassword(NEW_PASSWORD, PLAIN), SignedOut, next);
    assert.equal(tokens.load()?.refresh_token, next === "nobody" ? undefined : "ben 0", next);
  }
});

test("nobody's password is changed for who was there before", async () => {
  const { server, client } = annas();
  server.before = async (line) => {
    if (line === "POST /auth/login") return answer("ben", "ben 0");
    if (line === "POST /auth/logout") return new Response(null, { status: 204 });
    if (line !== "GET /auth/me") return undefined;
    await client.logout();
    await client.login(BEN, PLAIN);
    return Response.json({ email: "anna@example.com" });
  };
  await assert.rejects(client.changePassword(NEW_PASSWORD, PLAIN), SignedOut);
  assert.equal(server.asked.includes(PASSWORD), false);
});

for (const which of ["the one that changes it", "another window"]) {
  test(`a request that is refused while a new password is on its way goes on with its tokens, in ${which}`, async () => {
    const { server, tokens, told, client } = annas();
    let [isChanged, confirm] = [(): void => {}, (): void => {}];
    const changed = new Promise<void>((resolve) => (isChanged = resolve));
    const confirmed = new Promise<void>((resolve) => (confirm = resolve));
    server.before = async (line, request) => {
      if (line === "GET /auth/me") return Response.json({ email: "anna@example.com" });
      if (line === REFRESH) {
        setImmediate(confirm);
        return problem(401, "invalid_token");
      }
      if (line !== PASSWORD) return bearer(request) === "anna 1" ? undefined : problem(401, "invalid_token");
      isChanged();
      await confirmed;
      return answer("anna", "anna 1");
    };
    const changing = client.changePassword(NEW_PASSWORD, PLAIN);
    const clock = { now: () => server.clock.now(), sleep: () => changing };
    const other = server.client({ tokens, clock, onSignedOut: (reason) => void told.push(reason) });
    await changed;
    await Promise.all([(which === "another window" ? other : client).records.read("a"), changing]);
    assert.deepEqual([told, tokens.load()?.refresh_token], [[], "anna 1"]);
  });
}

test("a new password for a session that has ended waits for nothing: it is signed out", async () => {
  const { server, tokens, told, client } = annas();
  server.before = (line) => (line === "GET /auth/me" ? Response.json({ email: "anna@example.com" }) : problem(401, "invalid_token"));
  await assert.rejects(client.changePassword(NEW_PASSWORD, PLAIN), SignedOut);
  assert.deepEqual([told, tokens.load()], [["invalid_token"], undefined]);
});
