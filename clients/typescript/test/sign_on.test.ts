import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import { test } from "node:test";
import { createAdiuvaClient, isProblem, MemoryTokens, SignedOut, SignInError, type ClientOptions, type SignInOptions } from "../src/index.js";
import { signIn } from "../examples/sign_in.js";
import { problem } from "./fake_server.js";

const ACME = { organization: "7f0b5a6e-6c0f-4a53-9a43-0f4f5ad7d6a1" };
const START = "http://fake/api/v1/auth/sso/start";

/** A server whose codes are `code-1`, and so on; what it was sent; and what it answers instead. */
function server({ discovery = { sso: true, enforced: false, start_url: `${START}?organization=acme` } as object, ...options }: Partial<ClientOptions> & { discovery?: object } = {}) {
  const sent: { line: string; body: Record<string, string>; token: string | null }[] = [];
  const instead = new Map<string, () => Response>();
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const text = await request.text();
    const line = `${request.method} ${new URL(request.url).pathname.replace("/api/v1/", "")}`;
    sent.push({ line, body: text === "" ? {} : JSON.parse(text), token: request.headers.get("Authorization") });
    const answer = instead.get(line)?.();
    if (answer !== undefined) return answer;
    switch (line) {
      case "POST auth/sso/discover":
        return Response.json(discovery);
      case "POST auth/sso/token":
        return Response.json({ access_token: "a", refresh_token: "r", token_type: "Bearer", expires_in: 900 });
      case "POST auth/sso/link":
        return new Response(null, { status: 204 });
      case "GET auth/me":
        return Response.json({ id: "anna", email: "anna@acme.example" });
      case "GET keys/envelopes":
        return Response.json({ items: [] });
      default:
        return problem(404, "not_found");
    }
  };
  const tokens = new MemoryTokens();
  const client = createAdiuvaClient({ baseUrl: "http://fake", tokens, fetch, ...options });
  return { client, tokens, sent, instead, of: (line: string) => sent.filter((one) => one.line === line) };
}

interface Started {
  redirectUri: string;
  state: string;
  challenge: string;
  /** Where the server would send the browser. */
  back: (answer: Record<string, string>) => string;
}

function startedBy(url: string): Started {
  const query = new URL(url).searchParams;
  const [redirectUri, state, challenge] = ["redirect_uri", "state", "code_challenge"].map((name) => query.get(name) ?? "") as [string, string, string];
  return { redirectUri, state, challenge, back: (answer) => `${redirectUri}?${new URLSearchParams({ state, ...answer })}` };
}

/** A browser that does what `visit` says, in its own time; `open` is what the client is given. */
function browser(visit: (started: Started) => Promise<unknown>) {
  const opened: string[] = [];
  let visited: Promise<unknown> = Promise.resolve();
  const open: SignInOptions["openBrowser"] = (url) => {
    opened.push(url);
    visited = visit(startedBy(url));
    visited.catch(() => {});
  };
  return { opened, open, visited: () => visited };
}

const comingBack = (answer: Record<string, string> = { code: "code-1" }) => browser(({ back }) => fetch(back(answer)));
const isGone = (url: string): Promise<boolean> => fetch(url).then(() => false, () => true);

test("a sign-in in the browser is a session like any other", async () => {
  const { client, tokens, of } = server();
  const { open, opened } = comingBack();
  assert.deepEqual(await client.signInWith(ACME, { openBrowser: open }), { keys: "none" });
  assert.deepEqual([tokens.load()?.access_token, tokens.load()?.refresh_token], ["a", "r"]);

  const url = new URL(opened[0]!);
  assert.equal(`${url.origin}${url.pathname}`, START);
  assert.equal(url.searchParams.get("organization"), ACME.organization);
  assert.equal(url.searchParams.get("code_challenge_method"), "S256");
  assert.match(url.searchParams.get("redirect_uri")!, /^http:\/\/127\.0\.0\.1:\d+\/[\w-]+$/);
  const [{ body, token }] = of("POST auth/sso/token") as [(typeof of extends (line: string) => (infer One)[] ? One : never)];
  assert.equal(token, null);
  assert.equal(body["code"], "code-1");
  assert.match(body["code_verifier"]!, /^[\w-]{43,128}$/);
  assert.equal(createHash("sha256").update(body["code_verifier"]!).digest("base64url"), url.searchParams.get("code_challenge"));
});

test("an address leads to its organisation's provider, or says that there is none", async () => {
  const { client, sent } = server();
  const { open, opened } = comingBack();
  await client.signInWith({ email: "anna@acme.example" }, { openBrowser: open });
  assert.deepEqual(sent[0], { line: "POST auth/sso/discover", body: { email: "anna@acme.example" }, token: null });
  assert.equal(new URL(opened[0]!).searchParams.get("organization"), "acme");

  const without = server({ discovery: { sso: false, enforced: false, start_url: null } });
  await assert.rejects(without.client.signInWith({ email: "anna@home.example" }, { openBrowser: open }), is("no_sign_on"));
  assert.equal(opened.length, 1);
});

test("no two sign-ins have a state or a verifier in common", async () => {
  const { client } = server();
  const urls = await Promise.all(Array.from({ length: 20 }, async () => (await client.beginSignIn(ACME)).url));
  for (const name of ["state", "code_challenge"]) {
    const values = urls.map((url) => new URL(url).searchParams.get(name));
    assert.equal(new Set(values).size, 20);
    assert.ok(values.every((value) => (value?.length ?? 0) >= 22)); // 128 bits
  }
});

test("only the answer to this sign-in counts, whatever else asks", async () => {
  const { client, of } = server();
  const statuses: number[] = [];
  const { open, visited } = browser(async ({ back, redirectUri, state }) => {
    const { origin } = new URL(redirectUri);
    const other = `${state.slice(0, -1)}${state.endsWith("A") ? "B" : "A"}`;
    const tried: [string, RequestInit?][] = [
      [`${origin}/favicon.ico`],
      [`${origin}/`],
      [`${redirectUri}/x?state=${state}&code=stolen`],
      [back({ code: "stolen" }), { method: "POST" }],
      [back({ code: "stolen" }), { method: "HEAD" }],
      [redirectUri],
      [`${redirectUri}?code=stolen`],
      [back({ code: "stolen", state: other })],
      [back({ code: "stolen", state: "" })],
      [`${back({ code: "stolen" })}&state=${state}`],
      [`${back({ code: "stolen" })}&code=another`],
      [back({ code: "stolen", error: "access_denied" })],
      [back({})],
    ];
    for (const [url, init] of tried) statuses.push((await fetch(url, init)).status);
    for (const [target, host] of [
      [back({ code: "stolen" }).slice(origin.length), "adiuva.evil.example"], // DNS rebinding
      [back({ code: "stolen" }).slice(origin.length), "localhost"],
      [back({ code: "stolen" }), new URL(origin).host], // as to a proxy
      [`//evil.example${back({ code: "stolen" }).slice(origin.length)}`, new URL(origin).host],
    ] as const) {
      statuses.push(await raw(origin, target, host));
    }
    return fetch(back({ code: "code-1" }));
  });
  await client.signInWith(ACME, { openBrowser: open });
  assert.equal(((await visited()) as Response).status, 200);
  assert.deepEqual(statuses, [404, 404, 404, 404, 404, ...Array.from({ length: 11 }, () => 400), 404]);
  assert.deepEqual(of("POST auth/sso/token").map(({ body }) => body["code"]), ["code-1"]);
});

test("of two answers at the same time one counts", async () => {
  const { client, of } = server();
  const { open, visited } = browser(({ back }) => Promise.allSettled([fetch(back({ code: "one" })), fetch(back({ code: "two" }))]));
  await client.signInWith(ACME, { openBrowser: open });
  await visited();
  assert.equal(of("POST auth/sso/token").length, 1);
});

test("nobody listens any more, however it has ended", async () => {
  let address = "";
  const noting = (visit: (started: Started) => Promise<unknown>) => browser((started) => ((address = started.redirectUri), visit(started))).open;
  const { client, instead } = server();
  const aborted = new AbortController();
  const ends: [string, SignInOptions, ((error: unknown) => boolean) | undefined][] = [
    ["answered", { openBrowser: noting(({ back }) => fetch(back({ code: "code-1" }))) }, undefined],
    ["refused", { openBrowser: noting(({ back }) => fetch(back({ error: "access_denied" }))) }, is("access_denied")],
    ["late", { openBrowser: noting(async () => {}), timeout: 20 }, is("timeout")],
    ["aborted", { openBrowser: noting(async () => aborted.abort(new Error("enough"))), signal: aborted.signal }, (error) => (error as Error).message === "enough"],
    ["no browser", { openBrowser: (url) => ((address = startedBy(url).redirectUri), Promise.reject(new Error("none is installed"))) }, is("cannot_open")],
  ];
  for (const [how, options, error] of ends) {
    address = "";
    const signing = client.signInWith(ACME, options);
    await (error === undefined ? signing : assert.rejects(signing, error, how));
    assert.notEqual(address, "");
    assert.ok(await isGone(address), how);
  }
  instead.set("POST auth/sso/token", () => problem(403, "not_provisioned"));
  const { open, opened } = comingBack();
  await assert.rejects(client.signInWith(ACME, { openBrowser: open }), (error) => isProblem(error, "not_provisioned"));
  assert.ok(await isGone(startedBy(opened[0]!).redirectUri));
});

test("what the provider says is told apart, and what it should not say is its fault", async () => {
  const { client, sent } = server();
  for (const [said, code] of [
    ["access_denied", "access_denied"],
    ["server_error", "server_error"],
    ["temporarily_unavailable", "temporarily_unavailable"],
    ["<script>", "server_error"],
  ] as const) {
    await assert.rejects(client.signInWith(ACME, { openBrowser: comingBack({ error: said }).open }), is(code));
  }
  assert.deepEqual(sent, []);
});

test("a server that names something else than a web page opens nothing", async () => {
  for (const start_url of ["file:///etc/passwd", "javascript:alert(1)", "adiuva://sso", "ms-settings:", "nonsense"]) {
    const { client } = server({ discovery: { sso: true, enforced: false, start_url } });
    const { open, opened } = comingBack();
    await assert.rejects(client.signInWith({ email: "anna@acme.example" }, { openBrowser: open }), is("cannot_open"));
    await assert.rejects(client.beginSignIn({ email: "anna@acme.example" }), is("cannot_open"));
    assert.deepEqual(opened, []);
  }
  const { client } = server({ baseUrl: "https://fake", discovery: { sso: true, enforced: false, start_url: START } });
  await assert.rejects(client.beginSignIn({ email: "anna@acme.example" }), is("cannot_open")); // from TLS to none
});

test("the page in the browser speaks the user's language, and runs nothing", async () => {
  const { client } = server();
  const read = async (answer: Record<string, string>, options: Partial<SignInOptions>): Promise<{ text: string; headers: Headers }> => {
    const { open, visited } = comingBack(answer);
    await client.signInWith(ACME, { openBrowser: open, ...options }).catch(() => {});
    const page = (await visited()) as Response;
    return { text: await page.text(), headers: page.headers };
  };
  const { text, headers } = await read({ code: "code-1" }, { locale: "de" });
  assert.match(text, /<html lang="de">.*Sie können dieses Fenster schließen/s);
  assert.ok(!text.includes("code-1"));
  assert.match(headers.get("Content-Security-Policy")!, /^default-src 'none'/);
  assert.equal(headers.get("Cache-Control"), "no-store");
  assert.match((await read({ error: "access_denied" }, { locale: "it" })).text, /non è riuscito/);
  const own = { title: "<b>Acme</b>", done: "Fatto & finito", failed: "No" };
  assert.match((await read({ code: "code-1" }, { page: own })).text, /&#60;b&#62;Acme.*Fatto &#38; finito/s);
});

test("what the server refuses is its problem", async () => {
  for (const code of ["email_not_verified", "not_provisioned", "link_required"] as const) {
    const { client, tokens, instead } = server();
    instead.set("POST auth/sso/token", () => problem(403, code));
    await assert.rejects(client.signInWith(ACME, { openBrowser: comingBack().open }), (error) => isProblem(error, code));
    assert.equal(tokens.load(), undefined);
  }
});

test("an account is linked by its own session, and a code is sent once", async () => {
  const { client, tokens, instead, of } = server();
  tokens.save({ access_token: "annas", refresh_token: "r", expires_at: Number.POSITIVE_INFINITY });
  await client.linkWith(ACME, { openBrowser: comingBack().open });
  assert.deepEqual(of("POST auth/sso/link").map(({ token, body }) => [token, body["code"]]), [["Bearer annas", "code-1"]]);
  assert.equal(of("POST auth/sso/token").length, 0);

  instead.set("POST auth/sso/link", () => problem(403, "reauthentication_required"));
  await assert.rejects(client.linkWith(ACME, { openBrowser: comingBack().open }), (error) => isProblem(error, "reauthentication_required"));
  instead.set("POST auth/sso/link", () => problem(401, "invalid_grant"));
  await assert.rejects(client.linkWith(ACME, { openBrowser: comingBack().open }), (error) => isProblem(error, "invalid_grant"));
  assert.equal(of("POST auth/sso/link").length, 3);
});

test("nothing is linked to whoever has logged in meanwhile", async () => {
  const { client, tokens, of } = server();
  tokens.save({ access_token: "annas", refresh_token: "r", expires_at: Number.POSITIVE_INFINITY });
  const { open } = browser(async ({ back }) => {
    await client.signInWith(ACME, { openBrowser: comingBack().open });
    return fetch(back({ code: "code-2" }));
  });
  await assert.rejects(client.linkWith(ACME, { openBrowser: open }), SignedOut);
  assert.equal(of("POST auth/sso/link").length, 0);
});

test("an app that is called by its scheme takes one answer, and no page's", async () => {
  const { client, of } = server();
  const { url, finish } = await client.beginSignIn(ACME);
  const { back, redirectUri, state } = startedBy(url);
  assert.equal(redirectUri, "adiuva://sso");
  const other = `${state.startsWith("x") ? "y" : "x"}${state.slice(1)}`;
  const strange = ["nonsense", "adiuva://sso?code=stolen", `adiuva://sso?code=stolen&state=${other}`, `adiuva://other?code=stolen&state=${state}`, `https://sso?code=stolen&state=${state}`];
  for (const one of strange) await assert.rejects(finish(one), is("wrong_answer"), one);
  assert.deepEqual(await finish(back({ code: "code-1" }).replace("sso?", "sso/?")), { keys: "none" });
  await assert.rejects(finish(back({ code: "code-2" })), is("wrong_answer"));
  assert.deepEqual(of("POST auth/sso/token").map(({ body }) => body["code"]), ["code-1"]);

  const refused = await client.beginSignIn(ACME, "adiuva://elsewhere/x");
  const { back: backOf } = startedBy(refused.url);
  await assert.rejects(refused.finish(backOf({ error: "access_denied" })), is("access_denied"));
  await assert.rejects(refused.finish(backOf({ code: "code-3" })), is("wrong_answer"));
});

test("a session that is older than the organisation allows says so, and leaves the rest alone", async () => {
  const reasons: string[] = [];
  for (const code of ["sso_required", "token_reused", "invalid_token"] as const) {
    const { client, tokens, instead } = server({ onSignedOut: (reason) => reasons.push(reason) });
    tokens.save({ access_token: "old", refresh_token: "r", expires_at: 0 });
    instead.set("POST auth/refresh", () => problem(401, code));
    await assert.rejects(client.account.me(), (error) => error instanceof SignedOut && error.reason === code);
    assert.equal(tokens.load(), undefined);
    assert.deepEqual(await client.signInWith(ACME, { openBrowser: comingBack().open }), { keys: "none" });
  }
  assert.deepEqual(reasons, ["sso_required", "token_reused", "invalid_token"]);
});

test("a window whose session is over leaves alone what another one has begun meanwhile", async () => {
  const reasons: string[] = [];
  const { client, tokens, instead, of } = server({ onSignedOut: (reason) => reasons.push(reason) });
  tokens.save({ access_token: "old", refresh_token: "r", expires_at: 0 });
  instead.set("POST auth/refresh", () => {
    tokens.save({ access_token: "of another window", refresh_token: "r2", expires_at: Number.POSITIVE_INFINITY });
    return problem(401, "sso_required");
  });
  await client.account.me();
  assert.deepEqual([of("GET auth/me")[0]?.token, tokens.load()?.refresh_token, reasons], ["Bearer of another window", "r2", []]);
});

test("a member whose address has another domain is led to the organisation that the refusal names", async () => {
  const { client, instead } = server({ discovery: { sso: false, enforced: false, start_url: null } });
  const kdf = { algorithm: "argon2id", salt: "AAAAAAAAAAAAAAAAAAAAAA==", memory_kib: 19456, iterations: 2, parallelism: 1 };
  instead.set("POST auth/prelogin", () => Response.json({ kdf }));
  instead.set("POST auth/login", () => problem(403, "sso_required", ACME));
  const { open, opened } = comingBack();
  const shown: string[] = [];
  const screens = { show: (screen: string) => void shown.push(screen), ask: () => Promise.resolve("a long sentence is best") };
  assert.deepEqual(await signIn(client, "anna@elsewhere.example", screens, async (url) => void open(url)), { keys: "none" });
  assert.equal(new URL(opened[0]!).searchParams.get("organization"), ACME.organization);
  assert.deepEqual(shown, ["sso_required", "first_key"]);
});

function is(code: SignInError["code"]): (error: unknown) => boolean {
  return (error) => error instanceof SignInError && error.code === code;
}

/** As no browser would, but a program may. */
function raw(origin: string, path: string, host: string): Promise<number> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    httpRequest({ hostname, port, path, headers: { Host: host } }, (response) => resolve(response.resume().statusCode ?? 0))
      .on("error", reject)
      .end();
  });
}
