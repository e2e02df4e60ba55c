import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  ChecksumMismatch,
  conflictingEtag,
  fromBase64,
  isProblem,
  ok,
  sha256,
  toBase64,
  type AdiuvaClient,
  type FeedEvent,
  type Sealed,
} from "../src/index.js";
import { bytes, demo, watched } from "./support.js";

let client: AdiuvaClient;
before(async () => {
  client = await demo("team");
});

const CONTENT = bytes("sealed bytes");
const forms: Record<string, () => Promise<Sealed>> = {
  Uint8Array: async () => CONTENT,
  ArrayBuffer: async () => CONTENT.buffer,
  Blob: async () => new Blob([CONTENT]),
  stream: async () => ({ open: () => new Blob([CONTENT]).stream(), checksum: await sha256(CONTENT) }),
};

for (const [name, make] of Object.entries(forms)) {
  test(`a record goes up as ${name} and comes back the same`, async () => {
    const { meta, etag } = await client.records.create({ table: "notes", body: await make() });
    assert.deepEqual([meta.table_name, meta.size_bytes, meta.checksum], ["notes", CONTENT.length, await sha256(CONTENT)]);

    const back = await client.records.read(meta.id);
    assert.deepEqual([back.bytes, back.etag], [CONTENT, etag]);
    await client.records.remove(meta.id);
    await assert.rejects(client.records.read(meta.id), (error) => isProblem(error, "not_found"));
  });
}

test("a stream is opened anew when it has to be sent again", async () => {
  let opened = 0;
  const open = () => {
    opened += 1;
    return new Blob([CONTENT]).stream();
  };
  const { fetch } = watched((request, count) =>
    request.url.includes("/storage/records") && count === 1 ? new Response(null, { status: 401 }) : undefined,
  );
  const other = await demo("team", { fetch });
  const { meta } = await other.records.create({ table: "notes", body: { open, checksum: await sha256(CONTENT) } });
  assert.deepEqual([opened, meta.size_bytes], [2, CONTENT.length]);
});

test("a transfer can be ended", async () => {
  const open = () => new ReadableStream<Uint8Array>({ start: (stream) => stream.enqueue(CONTENT) }); // never closes
  const body = { open, checksum: await sha256(CONTENT) };
  const signal = AbortSignal.timeout(200);
  await assert.rejects(client.records.create({ table: "notes", body, signal }), { name: "TimeoutError" });
});

test("a wrong checksum is refused", async () => {
  const body = { open: () => new Blob([CONTENT]).stream(), checksum: "0".repeat(64) };
  await assert.rejects(client.records.create({ table: "notes", body }), (error) => isProblem(error, "checksum_mismatch"));
});

test("bytes that changed on their way are refused", async () => {
  const { meta } = await client.records.create({ table: "notes", body: CONTENT });
  const tampered = watched((request) =>
    request.url.endsWith(meta.id) ? new Response("other bytes!", { headers: { "X-Checksum": meta.checksum } }) : undefined,
  );
  const other = await demo("team", { fetch: tampered.fetch });
  await assert.rejects(other.records.read(meta.id), ChecksumMismatch);
});

test("a part of a record can be had", async () => {
  const { meta } = await client.records.create({ table: "notes", body: CONTENT });
  const part = await client.records.stream(meta.id, { range: "bytes=7-" });
  assert.deepEqual([part.status, await part.text()], [206, "bytes"]);
});

test("of two writers the second one hears of the first", async () => {
  const { meta, etag } = await client.records.create({ table: "notes", body: CONTENT });
  const first = await client.records.replace(meta.id, bytes("first"), { ifMatch: etag });
  const lost = await client.records.replace(meta.id, bytes("second"), { ifMatch: etag }).catch((error: unknown) => error);

  assert.equal(conflictingEtag(lost), first.etag);
  const second = await client.records.replace(meta.id, bytes("second"), { ifMatch: first.etag });
  assert.equal(second.meta.revision, 3);
});

test("the feed tells every change in pages", async () => {
  const other = await demo("power");
  const wanted: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    const { meta } = await other.records.create({ table: "tasks", body: bytes(`task ${index}`) });
    wanted.push(meta.id);
  }
  const events: FeedEvent[] = [];
  for await (const event of other.changes({ limit: 2 })) events.push(event);

  const seen = events.flatMap((event) => (event.type === "page" ? event.changes.map(({ id }) => id) : []));
  assert.deepEqual(seen.slice(-5), wanted);
  const last = events.at(-1);
  assert.ok(last?.type === "page");
  const more: FeedEvent[] = [];
  for await (const event of other.changes({ since: last.next })) more.push(event);
  assert.deepEqual(more, []);
});

test("a cursor that is too old starts again from nothing, and says so", async () => {
  const gone = {
    type: "urn:adiuva:problem:resync_required",
    title: "",
    status: 410,
    detail: "",
    code: "resync_required",
    request_id: "r",
  };
  const cursors: (string | null)[] = [];
  const { fetch } = watched((request) => {
    const since = new URL(request.url).searchParams.get("since");
    if (since !== null) cursors.push(since);
    return since === "7"
      ? Response.json(gone, { status: 410, headers: { "Content-Type": "application/problem+json" } })
      : undefined;
  });
  const other = await demo("team", { fetch });
  await other.records.create({ table: "notes", body: CONTENT });
  const events: string[] = [];
  for await (const event of other.changes({ since: 7 })) events.push(event.type);
  assert.equal(events[0], "resync");
  assert.deepEqual(cursors.slice(0, 2), ["7", "0"]);
  assert.ok(events.length > 1 && events.slice(1).every((type) => type === "page"));
});

test("a snapshot comes back with what it was labelled with", async () => {
  const timestamp = new Date("2026-11-22T18:20:05.000Z");
  const { meta } = await client.backups.upload({ version: "3", body: CONTENT, timestamp, chunkCount: 1 });
  const back = await client.backups.restore(meta.id);
  assert.deepEqual([back.bytes, back.version, back.timestamp], [CONTENT, "3", timestamp]);
  assert.deepEqual((await client.backups.restore()).bytes, CONTENT);
});

test("vectors are found again, nearest first", async () => {
  const near = { id: crypto.randomUUID(), blob: toBase64(bytes("near")), vector: [1, 0, 0.1] };
  const far = { id: crypto.randomUUID(), blob: toBase64(bytes("far")), vector: [0, 1, 0] };
  const vectors = await Promise.all([near, far].map(async (one) => ({ ...one, checksum: await sha256(fromBase64(one.blob)) })));
  assert.deepEqual(await ok(client.api.POST("/api/v1/storage/vectors/upsert", { body: { vectors } })), { upserted: 2 });

  const { results } = await ok(client.api.POST("/api/v1/storage/vectors/search", { body: { vector: [1, 0, 0] } }));
  assert.deepEqual(results.map(({ id }) => id), [near.id, far.id]);
  assert.deepEqual(fromBase64(results[0]!.blob), bytes("near"));
  const deleted = await ok(client.api.DELETE("/api/v1/storage/vectors", { body: { ids: [near.id, far.id] } }));
  assert.deepEqual(deleted, { deleted: 2 });
});
