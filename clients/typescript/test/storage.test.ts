import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { before, test } from "node:test";
import {
  ChecksumMismatch,
  conflictingEtag,
  fromBase64,
  isProblem,
  MemoryStore,
  ok,
  PART_BYTES,
  sha256,
  toBase64,
  UploadExpired,
  type AdiuvaClient,
  type LocalRecord,
  type Sealed,
  type SyncEngine,
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

test("two devices have the same, page by page, and merge what both have changed", async () => {
  const [here, there] = [await demo("power"), await demo("power")];
  const [mine, theirs] = [new MemoryStore(), new MemoryStore()];
  const merged = bytes("a task, by both");
  const onConflict = () => ({ body: merged });
  const [laptop, phone] = [here, there].map((one, at) => one.syncEngine([mine, theirs][at]!, { onConflict, pageSize: 2 })) as [SyncEngine, SyncEngine];
  const ids = Array.from({ length: 5 }, () => crypto.randomUUID()) as [string, ...string[]];
  for (const id of ids) await laptop.put({ id, table: "tasks", body: bytes(`task ${id}`) });
  await laptop.sync();
  await phone.sync();
  assert.deepEqual(ids.map((id) => theirs.get(id)), ids.map((id) => mine.get(id)));

  await laptop.put({ id: ids[0], table: "tasks", body: bytes("a task") });
  await phone.put({ id: ids[0], table: "tasks", body: bytes("the same task") });
  await laptop.remove(ids[1] as string);
  assert.deepEqual(await laptop.sync(), { received: 0, sent: 2, removed: 0, conflicts: 0, resync: undefined, failed: [] });
  assert.deepEqual(await phone.sync(), { received: 0, sent: 1, removed: 1, conflicts: 1, resync: undefined, failed: [] });
  await laptop.sync();
  assert.deepEqual(mine.read(ids[0]), merged);
  assert.deepEqual(mine.all().sort(byId), theirs.all().sort(byId));
});

const byId = (one: LocalRecord, other: LocalRecord): number => one.id.localeCompare(other.id);

test("what is sent again after a lost answer is stored once", async () => {
  const table = `lossy_${crypto.randomUUID().slice(0, 8)}`;
  let losing = "";
  const lossy = await demo("power", {
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const response = await fetch(request);
      if (request.method !== losing) return response;
      losing = "";
      throw new TypeError("fetch failed");
    },
  });
  const count = async () => (await ok(lossy.api.GET("/api/v1/storage/records", { params: { query: { table } } }))).total;
  const lose = <Value>(method: string, work: () => Promise<Value>): Promise<Value> => ((losing = method), work());

  const { meta } = await lose("POST", () => lossy.records.create({ table, body: CONTENT }));
  const id = crypto.randomUUID();
  const chosen = await lose("POST", () => lossy.records.create({ table, id, body: CONTENT }));
  assert.deepEqual([await count(), chosen.meta.revision], [2, meta.revision]);

  const put = await lose("PUT", () => lossy.records.replace(id, bytes("other bytes"), { ifMatch: chosen.etag }));
  assert.deepEqual([put.meta.checksum, put.etag], [await sha256(bytes("other bytes")), put.meta.etag]);
  await lose("DELETE", () => lossy.records.remove(id, { ifMatch: put.etag }));
  assert.equal(await count(), 1);
});

test("a snapshot comes back with what it was labelled with", async () => {
  const timestamp = new Date("2026-11-22T18:20:05.000Z");
  const { meta } = await client.backups.upload({ version: "3", body: CONTENT, timestamp, chunkCount: 1 });
  const back = await client.backups.restore(meta.id);
  assert.deepEqual([back.bytes, back.version, back.timestamp], [CONTENT, "3", timestamp]);
  assert.deepEqual((await client.backups.restore()).bytes, CONTENT);
});

test("a snapshot of several parts goes up over a connection that breaks, and comes back", async () => {
  const large = randomFillSync(new Uint8Array(2 * PART_BYTES + 1));
  let patches = 0;
  const lossy = await demo("team", {
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const response = await fetch(request);
      if (request.method === "PATCH" && (patches += 1) % 2 === 0) throw new TypeError("fetch failed");
      return response;
    },
  });
  const { meta, etag } = await lossy.backups.stream({ version: "3", body: new Blob([large]) });
  assert.deepEqual([meta.size_bytes, etag, patches], [large.length, `"${await sha256(large)}"`, 3]);

  const pieces: Uint8Array[] = [];
  const sink = new WritableStream<Uint8Array>({ write: (piece) => void pieces.push(piece) });
  const restored = await client.backups.restoreTo(sink);
  assert.deepEqual([restored.version, restored.checksum], ["3", meta.checksum]);
  assert.ok(Buffer.concat(pieces).equals(large));
});

test("records go up in parts too, and what is given up is gone", async () => {
  const id = crypto.randomUUID();
  const fields = { target: "record", table_name: "files", id, checksum: await sha256(CONTENT) };
  const upload = await client.uploads.create(CONTENT.length, fields);
  const { location } = await client.uploads.send(upload, new Blob([CONTENT]));
  assert.equal(location, `/api/v1/storage/records/${id}`);
  assert.deepEqual((await client.records.read(id)).bytes, CONTENT);

  const other = await client.uploads.create(10, { ...fields, id: crypto.randomUUID() });
  assert.equal((await client.uploads.state(other)).offset, 0);
  await client.uploads.abort(other);
  await client.uploads.abort(other);
  await assert.rejects(client.uploads.state(other), UploadExpired);
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
