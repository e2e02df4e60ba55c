import assert from "node:assert/strict";
import { test } from "node:test";
import { createAdiuvaClient, isProblem, MemoryTokens, ok, UnexpectedResponse, type Wait } from "../src/index.js";
import { Pace } from "../src/pace.js";
import { FakeClock, FakeServer, hash, problem, tooMany } from "./fake_server.js";
import { bytes, PLAIN } from "./support.js";

const CONTENT = bytes("sealed bytes");

/** Answers the first requests in the server's place, one after another. */
function answering(server: FakeServer, ...answers: (Response | Error)[]): void {
  server.before = () => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

const unavailable = (seconds: number): Response => problem(503, "upstream_unavailable", {}, { "Retry-After": String(seconds) });
const badGateway = (status = 502): Response => new Response("<h1>Bad Gateway</h1>", { status, headers: { "Content-Type": "text/html" } });
/** Half a second, one, two, … each at most a quarter shorter. */
const isBackoff = (slept: number[], count: number): boolean =>
  slept.length === count && slept.every((seconds, index) => seconds <= 0.5 * 2 ** index && seconds >= 0.375 * 2 ** index);
const noNetwork = (): TypeError => new TypeError("fetch failed");

test("a 429 is waited for as long as it says, whatever the request, and the app is told", async () => {
  const server = new FakeServer();
  const waits: Wait[] = [];
  const client = server.client({ onWait: (wait) => waits.push(wait) });
  const calls: [string, () => Promise<unknown>][] = [
    ["POST", () => client.records.create({ table: "notes", id: "a", body: CONTENT })],
    ["GET", () => client.records.read("a")],
    ["PUT", () => client.records.replace("a", bytes("other bytes"))],
    ["DELETE", () => client.records.remove("a")],
    ["POST, JSON", () => ok(client.api.POST("/api/v1/storage/vectors/upsert", { body: { vectors: [] } }))],
  ];
  for (const [name, call] of calls) {
    answering(server, tooMany(59), tooMany(3), ...(name === "POST, JSON" ? [Response.json({})] : []));
    [waits.length, server.clock.slept.length] = [0, 0];
    await call();
    assert.deepEqual(server.clock.slept, [59, 3], name);
    assert.deepEqual(waits, [59, 3].map((seconds) => ({ reason: "rate_limited", seconds })));
  }
});

test("what would take longer than the app has patience for is thrown at once", async () => {
  const server = new FakeServer();
  answering(server, tooMany(301));
  await assert.rejects(server.client().records.read("a"), (error) => isProblem(error, "rate_limited") && error.retryAfter === 301);
  assert.deepEqual(server.clock.slept, []);

  answering(server, tooMany(40), tooMany(40), tooMany(40));
  await assert.rejects(server.client({ retry: { maxWait: 100 } }).records.read("a"), (error) => isProblem(error, "rate_limited"));
  assert.deepEqual(server.clock.slept, [40, 40]);
});

test("waiting can be ended", async () => {
  const server = new FakeServer();
  const late = new AbortController();
  answering(server, tooMany(59));
  const client = server.client({ onWait: () => late.abort(new RangeError("the window was closed")) });
  await assert.rejects(client.records.read("a", { signal: late.signal }), RangeError);
});

test("waiting for a turn can be ended, too", async () => {
  const clock = new FakeClock();
  const pace = new Pace(clock, () => assert.fail("nothing is put off"));
  const headers = { "RateLimit-Limit": "60", "RateLimit-Remaining": "7", "RateLimit-Reset": "60" };
  pace.observe(new Response("", { headers })); // one is left to the background
  let finish = (): void => {};
  const first = pace.turn(() => new Promise<void>((resolve) => (finish = resolve)));
  const late = new AbortController();
  const second = pace.turn(() => assert.fail("it was given up"), late.signal).catch((error: unknown) => error);
  const third = pace.turn(async () => "done");
  late.abort(new RangeError("the window was closed"));
  const outcome = await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 100, "still waiting"))]);
  finish();
  await first;
  assert.ok(outcome instanceof RangeError, String(outcome));
  assert.equal(await third, "done");
});

test("a route's own limit puts off nothing else", async () => {
  const clock = new FakeClock();
  const waits: Wait[] = [];
  const pace = new Pace(clock, (wait) => waits.push(wait));
  const refused = (remaining: number, wait: number): Response => {
    const headers = { "RateLimit-Limit": "60", "RateLimit-Remaining": String(remaining), "RateLimit-Reset": "50", "Retry-After": String(wait) };
    return new Response("", { status: 429, headers });
  };
  pace.observe(refused(50, 86_400)); // a day's reports are used up
  assert.equal(await pace.turn(async () => "at once"), "at once");
  assert.deepEqual(waits, []);
  pace.observe(refused(0, 3600)); // as above, by the last request of this minute
  assert.equal(await pace.turn(async () => "in a minute"), "in a minute");
  assert.deepEqual(waits, [{ reason: "pace", seconds: 51 }]);
});

test("what goes on in the background is not put off for longer than a quarter of an hour", async () => {
  for (const headers of [
    { "RateLimit-Limit": "60", "RateLimit-Remaining": "0", "RateLimit-Reset": "86400" },
    { "Retry-After": "86400" },
  ]) {
    const waits: Wait[] = [];
    const pace = new Pace(new FakeClock(), (wait) => waits.push(wait));
    pace.observe(new Response("", { status: 429, headers }));
    await pace.turn(async () => {});
    assert.ok(waits.length === 1 && waits[0]!.seconds <= 901, JSON.stringify(waits));
  }
});

test("a proxy may name a date, or nothing at all", async () => {
  const server = new FakeServer();
  server.write("a", "1");
  const busy = (header?: string): Response => new Response("", { status: 429, headers: header ? { "Retry-After": header } : {} });
  answering(server, busy(new Date(Date.now() + 20_000).toUTCString()));
  await server.client().records.read("a");
  assert.ok(server.clock.slept[0]! >= 18 && server.clock.slept[0]! <= 20);
  answering(server, busy());
  await assert.rejects(server.client().records.read("a"), UnexpectedResponse);
});

test("after a 503 only what may be done twice is sent again", async () => {
  const server = new FakeServer();
  const client = server.client();
  for (const call of [
    () => client.records.create({ table: "notes", body: CONTENT }),
    () => client.records.create({ table: "notes", id: "a", body: CONTENT }),
    () => client.records.replace("a", CONTENT),
    () => client.records.read("a"),
  ]) {
    answering(server, unavailable(2));
    await call();
  }
  answering(server, unavailable(2));
  const message = ok(client.api.POST("/api/v1/chat", { body: { message: "hello" } }));
  await assert.rejects(message, (error) => isProblem(error, "upstream_unavailable") && error.retryAfter === 2);
});

test("a connection that is lost is made again, a few times; what may not be done twice is not", async () => {
  const server = new FakeServer();
  server.write("a", "1");
  const client = server.client();
  answering(server, noNetwork(), noNetwork());
  await client.records.read("a");
  assert.ok(isBackoff(server.clock.slept, 2), String(server.clock.slept));
  answering(server, noNetwork(), noNetwork(), noNetwork());
  await assert.rejects(client.records.read("a"), TypeError);
  answering(server, noNetwork());
  await assert.rejects(ok(client.api.POST("/api/v1/chat", { body: { message: "hello" } })), TypeError);
});

test("a body that the line had stopped is sent again, where it may be", async () => {
  const server = new FakeServer();
  const client = server.client();
  const stopped = (): Response => problem(408, "request_timeout");
  answering(server, stopped(), stopped());
  await client.records.create({ table: "notes", id: "a", body: CONTENT });
  assert.ok(isBackoff(server.clock.slept, 2), String(server.clock.slept));
  answering(server, stopped(), stopped(), stopped());
  await assert.rejects(client.records.replace("a", CONTENT), (error) => isProblem(error, "request_timeout"));

  server.asked.length = 0;
  answering(server, stopped());
  await assert.rejects(ok(client.api.POST("/api/v1/chat", { body: { message: "hello" } })), (error) => isProblem(error, "request_timeout"));
  assert.deepEqual(server.asked, ["POST /chat"]);
});

test("a record without an id has one idempotency key for all attempts, and another for the next", async () => {
  const server = new FakeServer();
  const keys: (string | null)[] = [];
  const answers = [noNetwork(), tooMany(5), problem(401, "invalid_token"), undefined, undefined];
  server.before = (line, request) => {
    if (line === "POST /auth/refresh") return Response.json({ access_token: "b", refresh_token: "s", expires_in: 900 });
    keys.push(request.headers.get("Idempotency-Key"));
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const client = server.client();
  await client.records.create({ table: "notes", body: CONTENT });
  await client.records.create({ table: "notes", body: CONTENT });
  assert.equal(keys.length, 5);
  assert.deepEqual([new Set(keys.slice(0, 4)).size, new Set(keys).size, keys.includes(null)], [1, 2, false]);
});

test("a replacement whose answer was lost is no conflict, another one's is", async () => {
  const server = new FakeServer();
  server.write("a", "1");
  const client = server.client();
  const { etag } = await client.records.read("a");
  let isLost = true;
  server.after = (line) => {
    if (line.startsWith("PUT") && isLost) {
      isLost = false;
      throw noNetwork();
    }
  };
  const { meta } = await client.records.replace("a", CONTENT, { ifMatch: etag });
  assert.equal(meta.checksum, hash(CONTENT));
  await assert.rejects(client.records.replace("a", bytes("2"), { ifMatch: etag }), (error) => isProblem(error, "precondition_failed"));
  assert.equal(server.contents["a"], "sealed bytes");
});

test("a refresh waits, too, and whoever gives up leaves it to the others", async () => {
  const server = new FakeServer();
  server.write("a", "1");
  const answers = [tooMany(59), noNetwork()];
  server.before = (line) => {
    if (line !== "POST /auth/refresh") return undefined;
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer ?? Response.json({ access_token: "b", refresh_token: "s", expires_in: 900 });
  };
  const tokens = new MemoryTokens({ access_token: "a", refresh_token: "r", expires_at: 0 });
  const hurry = new AbortController();
  const client = server.client({ tokens, onWait: () => hurry.abort(new RangeError("not that long")) });
  const [hasty, patient] = await Promise.allSettled([client.records.read("a", { signal: hurry.signal }), client.records.read("a")]);
  assert.ok(hasty.status === "rejected" && hasty.reason instanceof RangeError);
  assert.equal(patient.status, "fulfilled");
  assert.equal(server.clock.slept[0], 59);
  assert.ok(isBackoff(server.clock.slept.slice(1), 1), String(server.clock.slept));
  assert.equal(tokens.load()?.access_token, "b");
});

test("a login that has to wait does", async () => {
  const server = new FakeServer();
  answering(server, tooMany(12), Response.json({ access_token: "a", refresh_token: "r", expires_in: 900 }));
  const client = createAdiuvaClient({ baseUrl: "http://fake", fetch: server.fetch, clock: server.clock });
  await client.login({ email: "a@example.com", password: "a long sentence is best" }, PLAIN);
  assert.deepEqual(server.clock.slept, [12]);
});

test("a Retry-After is by the server's clock, is never nothing, and is told of a proxy too", async () => {
  const server = new FakeServer();
  const by = (later: number): Response => {
    const [now, then] = [0, later].map((seconds) => new Date(Date.UTC(2001, 1, 3) + seconds * 1000).toUTCString()) as [string, string];
    return new Response("Soon.", { status: 503, headers: { Date: now, "Retry-After": then } });
  };
  answering(server, by(30), unavailable(0), by(-5));
  server.write("a", "1");
  await server.client().records.read("a");
  assert.deepEqual(server.clock.slept, [30, 1, 1]);

  answering(server, by(900));
  await assert.rejects(server.client().records.read("a"), (error) => error instanceof UnexpectedResponse && error.retryAfter === 900);
});

test("a gateway without a server behind it is asked again, a few times, for what may be done twice", async () => {
  const server = new FakeServer();
  server.write("a", "1");
  const waits: Wait[] = [];
  const client = server.client({ onWait: (wait) => waits.push(wait) });
  answering(server, badGateway(502), badGateway(503), badGateway(504), problem(504, "upstream_timeout"));
  assert.equal(new TextDecoder().decode((await client.records.read("a")).bytes), "1");
  assert.ok(isBackoff(server.clock.slept, 4), String(server.clock.slept));
  assert.deepEqual(new Set(waits.map(({ reason }) => reason)), new Set(["unavailable"]));

  server.clock.slept.length = 0;
  answering(server, ...Array.from({ length: 9 }, () => badGateway()));
  await assert.rejects(client.records.read("a"), (error) => error instanceof UnexpectedResponse && error.status === 502);
  assert.ok(isBackoff(server.clock.slept, 4), String(server.clock.slept));
});

test("a gateway's problem that breaks off is a lost answer", async () => {
  const server = new FakeServer();
  server.write("a", "1");
  const body = new ReadableStream({ pull: (stream) => stream.error(new TypeError("terminated")) });
  answering(server, new Response(body, { status: 503, headers: { "Content-Type": "application/problem+json", "Retry-After": "9" } }));
  const waits: string[] = [];
  await server.client({ onWait: ({ reason }) => waits.push(reason) }).records.read("a");
  assert.deepEqual(waits, ["connection"]);
});

test("a POST is sent again after a 502 with an idempotency key, and never without", async () => {
  const server = new FakeServer();
  const client = server.client();
  answering(server, badGateway());
  await client.records.create({ table: "notes", body: CONTENT });
  assert.equal(server.asked.length, 2);

  answering(server, badGateway());
  server.asked.length = 0;
  await assert.rejects(ok(client.api.POST("/api/v1/chat", { body: { message: "hello" } })), UnexpectedResponse);
  assert.deepEqual(server.asked, ["POST /chat"]);
});

test("what another attempt would meet again is not tried again", async () => {
  const server = new FakeServer();
  for (const [status, code] of [[502, "upstream_error"], [503, "not_configured"]] as const) {
    answering(server, problem(status, code));
    server.asked.length = 0;
    await assert.rejects(server.client().records.read("a"), (error) => isProblem(error, code));
    assert.deepEqual(server.asked, ["GET /storage/records/a"]);
  }
});

test("trying again can be bounded, switched off, and ended", async () => {
  const server = new FakeServer();
  answering(server, badGateway(), badGateway(), badGateway());
  await assert.rejects(server.client({ retry: { maxWait: 1 } }).records.read("a"), UnexpectedResponse);
  assert.ok(isBackoff(server.clock.slept, 1), String(server.clock.slept)); // another second would be too much

  for (const answer of [badGateway(), noNetwork(), tooMany(1)]) {
    answering(server, answer);
    server.asked.length = 0;
    await assert.rejects(server.client({ retry: false }).records.read("a"));
    assert.equal(server.asked.length, 1);
  }

  const late = new AbortController();
  answering(server, badGateway());
  const client = server.client({ onWait: () => late.abort(new RangeError("the window was closed")) });
  await assert.rejects(client.records.read("a", { signal: late.signal }), RangeError);
});
