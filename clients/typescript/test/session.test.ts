import assert from "node:assert/strict";
import { test } from "node:test";
import { AdiuvaProblem, createAdiuvaClient, isProblem, ok, SignedOut } from "../src/index.js";
import { aStranger, baseUrl, demo, MemoryTokens, PLAIN, spoilAccess, watched } from "./support.js";

const REFRESH = "POST /api/v1/auth/refresh";

test("a stranger registers, is known, and leaves", async () => {
  const tokens = new MemoryTokens();
  const client = createAdiuvaClient({ baseUrl, tokens });
  const { email, password } = aStranger();
  await client.register({ email, password }, PLAIN);

  const me = await ok(client.api.GET("/api/v1/auth/me"));
  assert.deepEqual([me.email, me.tier], [email, "free"]);

  await client.logout();
  assert.equal(tokens.load(), undefined);
  await assert.rejects(ok(client.api.GET("/api/v1/auth/me")), SignedOut);
});

test("an error of the server is a problem with its code and its fields", async () => {
  const client = createAdiuvaClient({ baseUrl });
  await assert.rejects(client.login({ email: "nobody@example.com", password: "wrong password" }, PLAIN), (error) => {
    assert.ok(error instanceof AdiuvaProblem);
    assert.deepEqual([error.status, error.code], [401, "invalid_credentials"]);
    assert.ok(error.requestId);
    return true;
  });
  await assert.rejects(client.register({ email: "no address", password: "short" }, PLAIN), (error) => {
    assert.ok(isProblem(error, "validation_error"));
    assert.ok(error.problem.errors?.["email"]);
    return true;
  });
});

test("requests that find the token stale at once refresh it once", async () => {
  const { asked, fetch } = watched();
  const tokens = new MemoryTokens();
  const client = await demo("team", { tokens, fetch });
  const before = tokens.load();

  for (const round of [1, 2]) {
    await spoilAccess(tokens);
    const answers = await Promise.all(Array.from({ length: 10 }, () => ok(client.api.GET("/api/v1/auth/me"))));
    assert.ok(answers.every(({ email }) => email === "demo-team@example.com"));
    assert.equal(asked.filter((one) => one === REFRESH).length, round);
  }
  assert.notEqual(tokens.load()?.refresh_token, before?.refresh_token);
});

test("a token that is about to end is replaced before it is used", async () => {
  const { asked, fetch } = watched();
  const tokens = new MemoryTokens();
  const client = await demo("team", { tokens, fetch });
  await tokens.save({ ...tokens.load()!, expires_at: Date.now() + 5_000 });

  await client.records.create({ table: "notes", body: crypto.getRandomValues(new Uint8Array(10)) });

  assert.deepEqual(asked.slice(1), [REFRESH, "POST /api/v1/storage/records"]);
});

test("what another window has refreshed is taken over", async () => {
  const tokens = new MemoryTokens();
  const { asked, fetch } = watched();
  const here = await demo("team", { tokens, fetch });
  const there = createAdiuvaClient({ baseUrl, tokens });
  const stale = { ...tokens.load()!, expires_at: 0 };
  await tokens.save(stale);
  await ok(there.api.GET("/api/v1/auth/me"));

  const fresh = tokens.load()!;
  let loads = 0;
  const late = createAdiuvaClient({
    baseUrl,
    fetch,
    tokens: { load: () => (loads++ === 0 ? stale : fresh), save: () => {}, clear: () => {} },
  });
  await ok(late.api.GET("/api/v1/auth/me"));

  assert.equal(asked.includes(REFRESH), false);
  await ok(here.api.GET("/api/v1/auth/me"));
});

test("a lost answer to a refresh ends no session", async () => {
  let lose = true;
  const tokens = new MemoryTokens();
  const client = await demo("team", {
    tokens,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const response = await fetch(request);
      if (request.url.endsWith("/auth/refresh") && lose) {
        lose = false;
        throw new TypeError("fetch failed");
      }
      return response;
    },
  });
  await spoilAccess(tokens);

  assert.equal((await ok(client.api.GET("/api/v1/auth/me"))).email, "demo-team@example.com");
});

test("a session that was ended elsewhere signs out, once", async () => {
  let signedOut = 0;
  const tokens = new MemoryTokens();
  const client = createAdiuvaClient({ baseUrl, tokens, onSignedOut: () => (signedOut += 1) });
  const who = aStranger();
  await client.register(who, PLAIN);
  const elsewhere = createAdiuvaClient({ baseUrl });
  await elsewhere.login(who, PLAIN);
  await elsewhere.changePassword({ current_password: who.password, new_password: "another long sentence" }, PLAIN);

  const answers = await Promise.allSettled([1, 2, 3].map(() => ok(client.api.GET("/api/v1/auth/me"))));

  assert.ok(answers.every((one) => one.status === "rejected" && one.reason instanceof SignedOut));
  assert.equal(signedOut, 1);
  assert.equal(tokens.load(), undefined);
  assert.equal((await ok(elsewhere.api.GET("/api/v1/auth/me"))).email, who.email);
});
