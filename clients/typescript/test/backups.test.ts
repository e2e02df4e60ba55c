import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AdiuvaTimeoutError, ChecksumMismatch, isProblem, PART_BYTES, SourceChanged, type Source, type StreamOptions, type Wait } from "../src/index.js";
import { FakeBackups } from "./fake_backups.js";
import { hash } from "./fake_server.js";

/** Two parts and a half. */
const CONTENT = randomFillSync(new Uint8Array(2 * PART_BYTES + PART_BYTES / 2 + 3));
const CHECKSUM = hash(CONTENT);

let server: FakeBackups;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sources-"));
  await writeFile(join(folder, "snapshot"), CONTENT);
});
after(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  server = new FakeBackups();
  await server.start();
});
afterEach(() => server.stop());

/** In pieces of odd sizes. */
async function* pieces(start = 0): AsyncGenerator<Uint8Array> {
  for (; start < CONTENT.length; start += 777_777) yield CONTENT.subarray(start, start + 777_777);
}
const anew = (): Source => ({ size: CONTENT.length, open: (from) => pieces(from) });
const once = (): Source => ({ size: CONTENT.length, checksum: CHECKSUM, stream: new Blob([CONTENT]).stream() as ReadableStream<Uint8Array> });

/** Requests of that method to an upload. */
const count = (method: string): number => server.asked.filter((line) => line.startsWith(`${method} /storage/uploads`)).length;

/** Answers to the first of these are lost, or their bodies cut: what a mobile connection does to an upload. */
function onABadConnection(): void {
  const troubles: Record<string, ("answer lost" | { cutAfter: number })[]> = {
    POST: ["answer lost"],
    PATCH: [{ cutAfter: 1_000_000 }, "answer lost", { cutAfter: PART_BYTES - 1 }],
    HEAD: ["answer lost"],
  };
  server.trouble = (line) => (line.includes("/storage/uploads") ? troubles[line.split(" ")[0] ?? ""]?.shift() : undefined);
}

const sources: Record<string, () => Promise<Source>> = {
  "a Blob": async () => new Blob([CONTENT]),
  "a file": () => open(join(folder, "snapshot")),
  "what can be opened anew": async () => anew(),
  "a stream that can be read once": async () => once(),
};

for (const [name, make] of Object.entries(sources)) {
  test(`a snapshot goes up from ${name} over a connection that breaks, once and whole`, async () => {
    onABadConnection();
    const body = await make();
    const seen: string[] = [];
    const onProgress: StreamOptions["onProgress"] = (phase, bytes, size) => seen.push(`${phase} ${bytes === size}`);
    const timestamp = new Date("2026-11-22T18:20:05.000Z");
    const { meta, etag } = await server.client().backups.stream({ version: "3", body, timestamp, onProgress });
    if ("close" in body) await (body as { close(): Promise<void> }).close();

    assert.deepEqual(server.snapshots.map((one) => one.meta), [meta]);
    assert.deepEqual([meta.version, meta.timestamp, meta.checksum, etag], ["3", timestamp.toISOString(), CHECKSUM, `"${CHECKSUM}"`]);
    assert.ok(Buffer.from(server.read(meta)).equals(CONTENT));
    assert.equal(server.uploads.size, 1);
    assert.deepEqual([seen.includes("hashing true"), seen.at(-1)], [!name.includes("once"), "sending true"]);
  });
}

test("the answer to the last part may be lost", async () => {
  server.trouble = (line, count) => (line.startsWith("PATCH") && count === 3 ? "answer lost" : undefined);
  const { meta } = await server.client().backups.stream({ version: "1", body: new Blob([CONTENT]) });
  assert.deepEqual([server.snapshots.length, meta.checksum, count("PATCH")], [1, CHECKSUM, 3]);
});

test("a line that stands still for a while ends no upload", async () => {
  const type = { "Content-Type": "application/problem+json" };
  const body = JSON.stringify({ type: "urn:adiuva:problem:request_timeout", title: "", status: 408, detail: "", code: "request_timeout", request_id: "r" });
  const troubles = [undefined, { status: 408, headers: type, body }, undefined, { status: 408 }]; // the server, and a proxy
  server.trouble = (line) => (line.startsWith("PATCH") ? troubles.shift() : undefined);
  const { meta } = await server.client().backups.stream({ version: "1", body: new Blob([CONTENT]) });
  assert.deepEqual([meta.checksum, count("POST"), count("PATCH"), count("DELETE")], [CHECKSUM, 1, 5, 0]);
});

/** A line that carries so many bytes in the time that a part has, and how many were sent each time, in KiB. */
function slow(carries: number) {
  const sizes: number[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    if (request.method !== "PATCH") return globalThis.fetch(request);
    const { byteLength } = await request.clone().arrayBuffer();
    sizes.push(byteLength / 1024);
    if (byteLength > carries) throw new AdiuvaTimeoutError("answer", "PATCH /api/v1/storage/uploads", 300_000);
    return globalThis.fetch(request);
  };
  return { sizes, fetch };
}

for (const [name, make] of [["what can be opened anew", anew], ["a stream that can be read once", once]] as const) {
  test(`over a slow line the parts become smaller, of ${name}`, async () => {
    const { sizes, fetch } = slow(1024 * 1024);
    const { meta } = await server.client({ fetch }).backups.stream({ version: "1", body: make() });
    assert.ok(Buffer.from(server.read(meta)).equals(CONTENT));
    assert.deepEqual(sizes.slice(0, 4), [8192, 4096, 2048, 1024]);
    assert.ok(sizes.slice(4).filter((kib) => kib > 1024).length === 1 && sizes.length === 3 + 21 + 1, String(sizes)); // it is tried once
  });
}

for (const [name, make] of [["what can be opened anew", anew], ["a stream that can be read once", once]] as const) {
  test(`after a slow place the parts become larger again, of ${name}`, async () => {
    const sizes: number[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const request = new Request(input, init);
      if (request.method !== "PATCH") return globalThis.fetch(request);
      sizes.push((await request.clone().arrayBuffer()).byteLength / 1024);
      if (sizes.length <= 5) throw new AdiuvaTimeoutError("answer", "PATCH /api/v1/storage/uploads", 300_000);
      return globalThis.fetch(request);
    };
    const { meta } = await server.client({ fetch }).backups.stream({ version: "1", body: make() });
    assert.ok(Buffer.from(server.read(meta)).equals(CONTENT));
    assert.equal(sizes[5], 256);
    assert.ok(sizes.includes(2048) && sizes.length < 45, String(sizes));
  });
}

test("parts become no smaller than a slow line can be", async () => {
  const { sizes, fetch } = slow(0);
  const { backups } = server.client({ fetch });
  await assert.rejects(backups.stream({ version: "1", body: new Blob([CONTENT]) }), AdiuvaTimeoutError);
  assert.deepEqual([...new Set(sizes)], [8192, 4096, 2048, 1024, 512, 256]);
});

test("what is small is sent at once", async () => {
  const { meta } = await server.client().backups.stream({ version: "1", body: new Blob([CONTENT.subarray(0, 1000)]) });
  assert.deepEqual(server.asked, ["PUT /backup"]);
  assert.deepEqual([meta.size_bytes, meta.checksum], [1000, hash(CONTENT.subarray(0, 1000))]);
});

test("after a restart of the app an upload goes on, as long as the server has it", async () => {
  const timestamp = new Date();
  const options = { version: "1", timestamp, body: new Blob([CONTENT]) };
  const closing = new AbortController();
  let id = "";
  const first = server.client().backups.stream({
    ...options,
    signal: closing.signal,
    onCreated: (created) => void (id = created),
    onProgress: (phase) => phase === "sending" && closing.abort(),
  });
  await assert.rejects(first, { name: "AbortError" });
  assert.deepEqual([count("PATCH"), count("DELETE"), server.uploads.size], [1, 0, 1]);

  const { meta } = await server.client().backups.stream({ ...options, resume: id });
  assert.deepEqual([count("POST"), count("PATCH"), meta.checksum], [1, 3, CHECKSUM]);

  server.uploads.clear(); // they have expired
  const again = await server.client().backups.stream({ ...options, resume: id });
  assert.deepEqual([count("POST"), count("PATCH"), again.meta.checksum], [2, 6, CHECKSUM]);
});

test("an upload that nobody can go on with gives its room back", async () => {
  server.trouble = (line, count) => (line.startsWith("PATCH") && count === 2 ? { status: 413 } : undefined);
  await assert.rejects(server.client().backups.stream({ version: "1", body: new Blob([CONTENT]) }), { status: 413 });
  assert.equal(server.uploads.size, 0);
});

test("a source that has other bytes than it said stores nothing", async () => {
  const { backups } = server.client();
  const short: Source = { size: CONTENT.length + 1, open: (start) => pieces(start) };
  await assert.rejects(backups.stream({ version: "1", body: short }), SourceChanged);
  const other: Source = { size: CONTENT.length, checksum: "0".repeat(64), open: (start) => pieces(start) };
  await assert.rejects(backups.stream({ version: "1", body: other }), (error) => isProblem(error, "checksum_mismatch"));
  server.trouble = (line, count) => {
    if (line.startsWith("PATCH") && count === 2) server.forget(0);
    return undefined;
  };
  await assert.rejects(backups.stream({ version: "1", body: once() }), SourceChanged);
  assert.deepEqual([server.snapshots.length, server.uploads.size], [0, 0]);
});

test("what the server has lost is sent again", async () => {
  server.trouble = (line, count) => {
    if (line.startsWith("PATCH") && count === 3) server.forget(PART_BYTES / 2);
    return undefined;
  };
  const { meta } = await server.client().backups.stream({ version: "1", body: anew() });
  assert.ok(Buffer.from(server.read(meta)).equals(CONTENT));
});

test("a server that stays away is not waited for without end", async () => {
  const waits: Wait[] = [];
  server.trouble = (line) => (line.startsWith("PATCH") ? { cutAfter: 0 } : undefined);
  const client = server.client({ onWait: (wait) => waits.push(wait), retry: { maxWait: 100 } });
  await assert.rejects(client.backups.stream({ version: "1", body: new Blob([CONTENT]), onCreated: () => {} }), TypeError);
  const waited = waits.reduce((sum, { seconds }) => sum + seconds, 0);
  assert.ok(waited > 60 && waited <= 100, `${waited} s`);
});

// --- back again ---

/** A stream that keeps what it gets. */
function collector() {
  const got: Uint8Array[] = [];
  const ended: string[] = [];
  const sink = new WritableStream<Uint8Array>({
    write: (piece) => void got.push(piece),
    close: () => void ended.push("closed"),
    abort: () => void ended.push("aborted"),
  });
  return { sink, ended, bytes: () => Buffer.concat(got) };
}

for (const knowsRanges of [true, false]) {
  test(`a snapshot comes back over a connection that breaks, ${knowsRanges ? "from where it was" : "past a proxy without ranges"}`, async () => {
    server.knowsRanges = knowsRanges;
    const meta = server.add(CONTENT);
    const cuts = [{ cutAfter: 3_000_000 }, { cutAfter: 0 }, { cutAfter: 5_000_001 }];
    server.trouble = (line) => {
      const cut = line === `GET /backup/${meta.id}` ? cuts.shift() : undefined;
      if (cut !== undefined) server.add(new Uint8Array([1])); // a newer one does not take the place of the rest
      return cut;
    };
    const { sink, ended, bytes } = collector();
    const restored = await server.client().backups.restoreTo(sink);
    assert.deepEqual([restored.checksum, restored.timestamp.toISOString()], [CHECKSUM, meta.timestamp]);
    assert.ok(bytes().equals(CONTENT));
    assert.deepEqual([ended, cuts], [["closed"], []]);
  });
}

test("a snapshot comes back into a file, which has nothing else then", async () => {
  const small = CONTENT.subarray(0, 100_000);
  const path = join(folder, "restored");
  await writeFile(path, CONTENT);
  const file = await open(path, "r+");
  await server.client().backups.restoreTo(file, { id: server.add(small).id });
  assert.ok((await file.readFile()).equals(small));
  await file.close();
});

test("bytes that are not those of the checksum leave nothing", async () => {
  const { id } = server.add(CONTENT, "0".repeat(64));
  const { sink, ended } = collector();
  await assert.rejects(server.client().backups.restoreTo(sink), ChecksumMismatch);
  assert.deepEqual(ended, ["aborted"]);
  const file = await open(join(folder, "damaged"), "w+");
  await assert.rejects(server.client().backups.restoreTo(file, { id }), ChecksumMismatch);
  assert.equal((await file.stat()).size, 0);
  await file.close();
});

test("a sink that cannot take it is not tried again, and without a snapshot there is none", async () => {
  const full = new WritableStream<Uint8Array>({ write: () => Promise.reject(new Error("ENOSPC")) });
  await assert.rejects(server.client().backups.restoreTo(full), (error) => isProblem(error, "not_found"));
  server.add(CONTENT);
  const disk = new WritableStream<Uint8Array>({ write: () => Promise.reject(new Error("ENOSPC")) });
  await assert.rejects(server.client().backups.restoreTo(disk), /ENOSPC/);
  assert.equal(server.asked.filter((line) => line.startsWith("GET /backup/") && !line.includes("history")).length, 1);
});

// --- without holding it ---

test("a snapshot passes both ways through memory that does not grow with it", async () => {
  let cuts = 0;
  server.trouble = (line) => (/^(PATCH|GET \/backup\/[0-9a-f])/.test(line) && (cuts += 1) % 5 === 0 ? { cutAfter: 2_000_000 } : undefined);
  const program = fileURLToPath(new URL("programs/large_backup.js", import.meta.url));
  const env = { ...process.env, ADIUVA_URL: server.url, ADIUVA_TOKEN: "a", ADIUVA_MIB: "128" };
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", program], { env });
  const said = JSON.parse(stdout) as { same: boolean; grown_bytes: number };
  assert.ok(said.same);
  assert.ok(cuts > 5);
  assert.ok(said.grown_bytes < 48 * 1024 * 1024, `${said.grown_bytes / 1024 / 1024} MiB`);
});
