import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { createAdiuvaClient, ExportChanged, HandOffFailed, MemoryTokens, type ExportOptions } from "../src/index.js";

const ARCHIVE = new Uint8Array(100_000).map((_, index) => index % 251);

/** A server whose every answer breaks off after `piece` bytes, and what was asked of it. */
function exporter(piece: number, etags: string[] = ['"one"']) {
  const asked: (string | null)[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const { headers } = new Request(input, init);
    const etag = etags[Math.min(asked.length, etags.length - 1)]!;
    asked.push(headers.get("Range"));
    const goesOn = headers.get("If-Range") === etag;
    const start = goesOn ? Number(/\d+/.exec(headers.get("Range") ?? "0")) : 0;
    let at = start;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at >= ARCHIVE.length) return controller.close();
        if (at - start >= piece) return controller.error(new TypeError("terminated"));
        controller.enqueue(ARCHIVE.slice(at, (at += 10_000)));
      },
    });
    return new Response(body, { status: goesOn ? 206 : 200, headers: { ETag: etag, "Content-Type": "application/zip" } });
  };
  const tokens = new MemoryTokens({ access_token: "a", refresh_token: "r", expires_at: Number.POSITIVE_INFINITY });
  const client = createAdiuvaClient({ baseUrl: "http://fake", tokens, fetch });
  const pieces: Uint8Array[] = [];
  let ended: unknown = "open";
  const sink = new WritableStream<Uint8Array>({
    write: (one) => void pieces.push(one),
    close: () => void (ended = "closed"),
    abort: (reason) => void (ended = reason),
  });
  const run = (options?: ExportOptions): Promise<number> => client.account.export(sink, options);
  return { asked, run, bytes: () => Buffer.concat(pieces), ended: () => ended };
}

test("an export that breaks off goes on where it was", async () => {
  const { asked, run, bytes, ended } = exporter(40_000);
  const progress: number[] = [];
  assert.equal(await run({ onProgress: (written) => progress.push(written) }), ARCHIVE.length);
  assert.ok(bytes().equals(ARCHIVE));
  assert.deepEqual(asked, [null, "bytes=40000-", "bytes=80000-"]);
  assert.deepEqual([progress.length, progress.at(-1), ended()], [10, ARCHIVE.length, "closed"]);
});

test("an export that cannot go on as the same ends, and so does its sink", async () => {
  const changed = exporter(40_000, ['"one"', '"two"']);
  await assert.rejects(changed.run(), ExportChanged);
  assert.ok(changed.ended() instanceof ExportChanged);

  const weak = exporter(40_000, ['W/"one"']);
  await assert.rejects(weak.run(), TypeError);
  const hopeless = exporter(10_000);
  await assert.rejects(hopeless.run({ attempts: 2 }), TypeError);
  assert.equal(hopeless.asked.length, 2);
});

test("a login in the browser comes back by its own state, and its verifier is the challenge's", async () => {
  const sent: unknown[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    if (request.method === "GET") return Response.json(request.url.endsWith("/me") ? { email: "anna@example.com" } : { items: [] });
    sent.push(await request.json());
    return Response.json({ access_token: "a", refresh_token: "r", token_type: "bearer", expires_in: 900 });
  };
  const client = createAdiuvaClient({ baseUrl: "http://fake/", fetch });
  const handOff = await client.passkeyHandOff("http://127.0.0.1:4711/back");
  const url = new URL(handOff.url);
  const query = Object.fromEntries(url.searchParams);
  assert.deepEqual([url.origin, url.pathname], ["http://fake", "/account/passkey"]);
  assert.deepEqual([query["redirect_uri"], query["code_challenge_method"]], ["http://127.0.0.1:4711/back", "S256"]);
  assert.equal(query["code_challenge"], createHash("sha256").update(handOff.verifier).digest("base64url"));

  const back = (parameters: Record<string, string>): string => `http://127.0.0.1:4711/back?${new URLSearchParams(parameters)}`;
  await assert.rejects(client.exchangeCode(back({ code: "c", state: "another" }), handOff), HandOffFailed);
  await assert.rejects(client.exchangeCode(back({ error: "access_denied", state: handOff.state }), handOff), /access_denied/);
  assert.deepEqual(sent, []);
  assert.deepEqual(await client.exchangeCode(back({ code: "c", state: handOff.state }), handOff), { keys: "none" });
  assert.deepEqual(sent, [{ code: "c", code_verifier: handOff.verifier }]);
});
