import assert from "node:assert/strict";
import { test } from "node:test";
import { ChecksumMismatch, checkoutUrlOf, checksOf, createAdiuvaClient, isProblem, MemoryTokens, type PluginManifest, type Problem } from "../src/index.js";
import { FakeClock, hash, problem } from "./fake_server.js";

type Lost = "lost";

/** A client whose requests are answered with `answers`, one after the other, and what was asked. */
function asking(...answers: (Response | Lost)[]) {
  const asked: string[] = [];
  const requests: Request[] = [];
  const tokens = new MemoryTokens({ access_token: "a", refresh_token: "r", expires_at: Number.POSITIVE_INFINITY });
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    requests.push(request.clone());
    const isForm = request.headers.get("Content-Type")?.startsWith("multipart/") === true;
    const body = isForm ? "a form" : await request.text();
    asked.push(`${request.method} ${request.url.replace("http://fake/api/v1/", "")} ${body}`.trim());
    const answer = answers.shift();
    if (answer === undefined || answer === "lost") throw new TypeError("fetch failed");
    return answer;
  };
  const { plugins } = createAdiuvaClient({ baseUrl: "http://fake", tokens, fetch, clock: new FakeClock(), retry: { lostAnswers: 1 } });
  return { plugins, asked, requests };
}

const MANIFEST: PluginManifest = {
  id: "word-count",
  name: "Word Count",
  version: "1.0.0",
  description: "Counts words.",
  category: "Writing",
  price_cents: 0,
  permissions: ["read:notes"],
  entrypoint: "main.js",
};
const page = (): Response => Response.json({ items: [], total: 0, page: 1, limit: 20 });
const failure = (call: Promise<unknown>): Promise<unknown> => call.then(() => assert.fail("it went well"), (error: unknown) => error);

test("lists are asked for as they are wanted, and by the server's own limits", async () => {
  const { plugins, asked } = asking(page(), page(), page(), page(), page());
  await plugins.list();
  await plugins.list({ category: "To do & more", q: "words", sort: "newest", page: 2, limit: 50 });
  await plugins.installed({ page: 3 });
  await plugins.purchases();
  await plugins.mine({ limit: 5 });
  assert.deepEqual(asked, [
    "GET plugins",
    "GET plugins?category=To+do+%26+more&q=words&sort=newest&page=2&limit=50",
    "GET plugins/installed?page=3",
    "GET plugins/purchases",
    "GET plugins/mine?limit=5",
  ]);
});

test("an id stays one part of its path", async () => {
  const { plugins, asked } = asking(Response.json({}), Response.json({}), problem(404, "not_found"));
  await plugins.get("../auth/me?x=1#");
  await plugins.withdraw("word-count", "1.0.0+build/7");
  await failure(plugins.package("../x"));
  assert.deepEqual(asked, [
    "GET plugins/..%2Fauth%2Fme%3Fx%3D1%23",
    "POST plugins/word-count/versions/1.0.0%2Bbuild%2F7/withdraw {}",
    "GET plugins/..%2Fx/package",
  ]);
});

test("an install whose answer was lost is asked for again: nothing is charged twice", async () => {
  const { plugins, asked } = asking("lost", Response.json({ plugin_id: "word-count", amount_cents: 499 }));
  assert.equal((await plugins.install("word-count")).amount_cents, 499);
  assert.equal(asked.length, 2);
});

test("what has to be paid for says where", async () => {
  const { plugins } = asking(
    problem(402, "payment_required", { checkout_url: "https://checkout.stripe.com/c/1" } as Partial<Problem>),
    problem(410, "taken_down", { reason: "It leaks." } as Partial<Problem>),
  );
  const unpaid = await failure(plugins.install("word-count"));
  assert.equal(checkoutUrlOf(unpaid), "https://checkout.stripe.com/c/1");
  const down = await failure(plugins.install("word-count"));
  assert.ok(isProblem(down, "taken_down"));
  assert.equal(checkoutUrlOf(down), undefined);
});

test("uninstalling what is gone already is no error, and any other refusal is", async () => {
  const { plugins, asked } = asking(new Response(null, { status: 204 }), problem(404, "not_found"), problem(409, "conflict"));
  await plugins.uninstall("word-count");
  await plugins.uninstall("word-count");
  assert.ok(isProblem(await failure(plugins.uninstall("word-count")), "conflict"));
  assert.equal(asked[0], "DELETE plugins/word-count/install");
});

test("a package is its bytes, or an error where they are others", async () => {
  const bytes = new TextEncoder().encode("a zip");
  const answer = (checksum: string): Response => new Response(bytes, { headers: { "X-Checksum": checksum, ETag: `"${checksum}"` } });
  const { plugins, asked } = asking(answer(hash(bytes)), answer(hash(bytes)), answer("0".repeat(64)));
  const got = await plugins.package("word-count");
  assert.deepEqual([new TextDecoder().decode(got.bytes), got.checksum], ["a zip", hash(bytes)]);
  await plugins.package("word-count", { version: "1.0.0+b" });
  assert.equal(asked[1], "GET plugins/word-count/package?version=1.0.0%2Bb");
  assert.ok((await failure(plugins.package("word-count"))) instanceof ChecksumMismatch);
});

test("a submission is a form of the manifest and the zip", async () => {
  for (const zip of [new Uint8Array([80, 75]), new Uint8Array([80, 75]).buffer, new Blob([new Uint8Array([80, 75])])]) {
    const { plugins, requests } = asking(Response.json({ id: "word-count", version: "1.0.0", status: "pending_review", checks: [] }, { status: 201 }));
    assert.equal((await plugins.submit(MANIFEST, { package: zip })).status, "pending_review");
    const form = await requests[0]!.formData();
    assert.deepEqual(JSON.parse(form.get("manifest") as string), MANIFEST);
    assert.deepEqual(new Uint8Array(await (form.get("package") as File).arrayBuffer()), new Uint8Array([80, 75]));
  }
});

test("a submission that fails its checks says which, and one whose answer was lost is not sent again", async () => {
  const check = { code: "manifest.id", passed: false, message: "This id is reserved.", evidence: [], mode: "enforced" };
  const { plugins, asked } = asking(problem(422, "checks_failed", { checks: [check] } as Partial<Problem>), "lost");
  const refused = await failure(plugins.submit(MANIFEST, { package: new Uint8Array() }));
  assert.deepEqual(checksOf(refused), [check]);
  assert.equal(checksOf(new Error()), undefined);
  await failure(plugins.submit(MANIFEST, { package: new Uint8Array() }));
  assert.equal(asked.length, 2);
});

test("reports, stars and answers are sent as they are", async () => {
  const { plugins, asked } = asking(Response.json({}, { status: 202 }), Response.json({}), Response.json({}, { status: 201 }));
  assert.equal(await plugins.report("word-count", { reason: "privacy", text: "It sends notes." }), undefined);
  await plugins.rate("word-count", 4);
  await plugins.answer("word-count", "1.0.0", "It counts words.");
  assert.deepEqual(asked, [
    'POST plugins/word-count/reports {"reason":"privacy","text":"It sends notes."}',
    'PUT plugins/word-count/rating {"stars":4}',
    'POST plugins/word-count/versions/1.0.0/messages {"text":"It counts words."}',
  ]);
});

test("what an author earns, and where they say how to be paid", async () => {
  const { plugins, asked } = asking(
    Response.json({ sales: 0 }),
    Response.json({ sales: 1 }),
    Response.json({ state: "pending", requirements: ["individual.dob.day"], disabled_reason: null }),
    "lost",
    Response.json({ onboarding_url: "https://connect.stripe.com/setup/1" }),
  );
  await plugins.earnings();
  assert.equal((await plugins.earnings({ period: "2026-11" })).sales, 1);
  assert.deepEqual((await plugins.onboarding()).requirements, ["individual.dob.day"]);
  assert.equal(await plugins.beginOnboarding(), "https://connect.stripe.com/setup/1");
  assert.deepEqual(asked, [
    "GET plugins/earnings",
    "GET plugins/earnings?period=2026-11",
    "GET plugins/onboarding",
    "POST plugins/onboarding {}",
    "POST plugins/onboarding {}",
  ]);
});
