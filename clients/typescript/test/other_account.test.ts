import assert from "node:assert/strict";
import { test } from "node:test";
import { createAdiuvaClient, ok, PART_BYTES, SignedOut, type AdiuvaClient, type Clock, type TokenStore } from "../src/index.js";
import { abortable } from "../src/clock.js";
import { problem, tooMany } from "./fake_server.js";
import { bytes, MemoryTokens, PLAIN } from "./support.js";

type Answer = Response | Error | undefined;

/** A machine that Anna leaves to Ben while something of hers waits. */
class Handover {
  /** With whose token: `anna POST /storage/records`. */
  readonly asked: string[] = [];
  readonly client: AdiuvaClient;
  readonly tokens = new MemoryTokens();
  before: (line: string) => Answer | Promise<Answer> = () => undefined;
  /** What happens when something begins to wait, which is over when this is. */
  meanwhile: () => Promise<void> = () => this.handOver();
  #passed: Promise<void> = Promise.resolve();

  constructor(tokens?: TokenStore) {
    const clock: Clock = { now: () => 0, sleep: (_, signal = new AbortController().signal) => abortable(this.#passed, signal) };
    const onWait = (): void => void (this.#passed = this.meanwhile());
    this.client = createAdiuvaClient({ baseUrl: "http://fake", tokens: tokens ?? this.tokens, fetch: this.#fetch, clock, onWait });
  }

  static async ofAnna(tokens?: TokenStore): Promise<Handover> {
    const one = new Handover(tokens);
    await one.logIn("anna");
    one.asked.length = 0;
    return one;
  }

  logIn(name: string): Promise<unknown> {
    return this.client.login({ email: `${name}@example.com`, password: name }, PLAIN);
  }

  async handOver(): Promise<void> {
    await this.client.logout();
    await this.logIn("ben");
  }

  /** Requests for something else than a session. */
  by(name: string): string[] {
    return this.asked.filter((line) => line.startsWith(`${name} `) && !line.includes("/auth/log"));
  }

  readonly #fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const line = `${request.method} ${new URL(request.url).pathname.replace("/api/v1", "")}`;
    const who = request.headers.get("Authorization")?.replace(/^Bearer |'s.*$/g, "") ?? "nobody";
    this.asked.push(`${who} ${line}`);
    const answer = await this.before(line);
    if (answer instanceof Error) throw answer;
    if (answer !== undefined) return answer;
    if (line === "GET /auth/me") return Response.json({ id: who, email: `${who}@example.com` });
    const name = line === "POST /auth/login" ? ((await request.json()) as { password: string }).password : who;
    if (line === "POST /auth/login" || line === "POST /auth/password") {
      return Response.json({ access_token: `${name}'s ${this.asked.length}`, refresh_token: name, token_type: "bearer", expires_in: 900 });
    }
    return line.startsWith("POST /storage/uploads") ? new Response(null, { status: 201, headers: { Location: "/u" } }) : Response.json({});
  };
}

/** Answers once to `line`, and then no more. */
function once(line: string, answer: Answer): (asked: string) => Answer {
  let left = [answer];
  return (asked) => (asked === line ? left.splice(0)[0] : undefined);
}

const unavailable = (): Response => problem(503, "upstream_unavailable", {}, { "Retry-After": "5" });
const troubles: [string, () => Answer][] = [
  ["a 503", unavailable],
  ["a 429", () => tooMany(5)],
  ["a lost answer", () => new TypeError("fetch failed")],
];
const RECORD = { table: "notes", body: bytes("Anna's") };

for (const [name, trouble] of troubles) {
  test(`what waits after ${name} does not go on as another account`, async () => {
    const it = await Handover.ofAnna();
    it.before = once("POST /storage/records", trouble());
    await assert.rejects(it.client.records.create(RECORD), SignedOut);
    it.before = once("POST /plugins/p/install", trouble());
    await it.logIn("anna");
    await assert.rejects(it.client.plugins.install("p"), SignedOut);
    assert.deepEqual([it.by("anna"), it.by("ben")], [["anna POST /storage/records", "anna POST /plugins/p/install"], []]);
  });
}

test("the wait of who has logged out ends at once", { timeout: 5_000 }, async () => {
  const it = await Handover.ofAnna();
  it.before = once("GET /storage/records/a", unavailable());
  it.meanwhile = () => it.client.logout().then(() => new Promise<void>(() => {}));
  await assert.rejects(it.client.records.read("a"), SignedOut);
});

test("a token that is loaded while somebody else logs in is not used", async () => {
  const inner = new MemoryTokens();
  let isSlow = false;
  const load = async () => {
    if (isSlow) {
      isSlow = false;
      await it.handOver();
    }
    return inner.load();
  };
  const it = await Handover.ofAnna({ load, save: (tokens) => inner.save(tokens), clear: () => inner.clear() });
  isSlow = true;
  await assert.rejects(it.client.records.create(RECORD), SignedOut);
  assert.deepEqual(it.by("ben"), []);
});

test("a token that was refused is not replaced by somebody else's", async () => {
  const it = await Handover.ofAnna();
  const refuse = once("GET /storage/records/a", problem(401, "invalid_token"));
  it.before = async (line) => {
    const answer = refuse(line);
    if (answer !== undefined) await it.handOver();
    return answer;
  };
  await assert.rejects(it.client.records.read("a"), SignedOut);
  assert.deepEqual(it.by("ben"), []);
});

test("an account is not deleted for another one", async () => {
  const it = new Handover(); // after a start of the app, her address has to be asked for
  it.tokens.save({ access_token: "anna's", refresh_token: "r", expires_at: Number.POSITIVE_INFINITY });
  const slow = once("GET /auth/me", Response.json({ email: "anna@example.com" }));
  it.before = async (line) => {
    const answer = slow(line);
    if (answer !== undefined) await it.handOver();
    return answer;
  };
  await assert.rejects(it.client.account.delete(), SignedOut);
  assert.deepEqual([it.by("anna"), it.by("ben")], [["anna GET /auth/me"], []]);
});

test("a snapshot that was begun before goes up for nobody else", async () => {
  const size = PART_BYTES + 1;
  const it = await Handover.ofAnna();
  const open = async (): Promise<AsyncIterable<Uint8Array>> => {
    await it.handOver();
    return (async function* () {
      yield new Uint8Array(size);
    })();
  };
  await assert.rejects(it.client.backups.stream({ version: "1", body: { size, open } }), SignedOut);
  assert.deepEqual([it.by("anna"), it.by("ben")], [[], []]);

  await it.logIn("anna");
  it.before = (line) => {
    if (line.startsWith("HEAD")) return new Response(null, { headers: { "Upload-Offset": "0", "Upload-Length": String(size) } });
    return line.startsWith("PATCH") ? problem(503, "upstream_unavailable") : undefined;
  };
  await assert.rejects(it.client.backups.stream({ version: "1", body: new Blob([new Uint8Array(size)]) }), SignedOut);
  const [create, head, patch] = ["POST /storage/uploads", "HEAD /storage/uploads/u", "PATCH /storage/uploads/u"];
  assert.deepEqual([it.by("anna"), it.by("ben")], [[create, head, patch].map((line) => `anna ${line}`), []]);
});

test("a new password puts an end to nothing, and a login that waits goes on after a logout", async () => {
  const it = await Handover.ofAnna();
  it.before = once("POST /storage/records", unavailable());
  it.meanwhile = () => it.client.changePassword({ current_password: "anna", new_password: "anna, too" }, PLAIN);
  await it.client.records.create(RECORD);
  assert.equal(it.by("anna").filter((line) => line.endsWith("/storage/records")).length, 2);

  it.before = once("POST /auth/login", tooMany(5));
  it.meanwhile = () => it.client.logout();
  await it.logIn("ben");
  assert.equal((await ok(it.client.api.GET("/api/v1/auth/me"))).email, "ben@example.com");
});
