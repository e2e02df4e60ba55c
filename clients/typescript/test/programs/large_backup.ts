/**
 * A snapshot of ADIUVA_MIB MiB from a file and back into another, and how much more memory that took than one of a part and
 * a half: before its first request Node has not even loaded what it fetches with.
 */
import { createHash, randomFillSync } from "node:crypto";
import { mkdtemp, open, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdiuvaClient, MemoryTokens, PART_BYTES } from "../../src/index.js";

const MIB = 1024 * 1024;
const size = Number(process.env["ADIUVA_MIB"] ?? 128);
const baseUrl = process.env["ADIUVA_URL"] ?? "http://localhost:8000";
const tokens = { access_token: process.env["ADIUVA_TOKEN"] ?? "", refresh_token: "", expires_at: Number.POSITIVE_INFINITY };
const client = createAdiuvaClient({ baseUrl, tokens: new MemoryTokens(tokens) });

async function hashOf(file: FileHandle): Promise<string> {
  const sha256 = createHash("sha256");
  const buffer = Buffer.alloc(MIB);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, MIB, position);
    if (bytesRead === 0) return sha256.digest("hex");
    sha256.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

const folder = await mkdtemp(join(tmpdir(), "large-"));

/** Whether `mib` MiB come back as they went. */
async function thereAndBack(mib: number): Promise<boolean> {
  const [there, back] = [await open(join(folder, "there"), "w+"), await open(join(folder, "back"), "w+")];
  const block = Buffer.alloc(MIB);
  for (let number = 0; number < mib; number += 1) await there.write(randomFillSync(block), 0, MIB, number * MIB);
  const checksum = await hashOf(there);
  const { meta } = await client.backups.stream({ version: "1", body: there });
  const restored = await client.backups.restoreTo(back, { id: meta.id });
  const found = [meta.checksum, restored.checksum, await hashOf(back)];
  await Promise.all([there.close(), back.close()]);
  return found.every((one) => one === checksum);
}

// What waits to be collected is not what a snapshot takes, and on a busy machine it waits longer.
const collecting = setInterval(() => (globalThis as { gc?: () => void }).gc?.(), 50);
const peak = (): number => process.resourceUsage().maxRSS * 1024;
try {
  const small = await thereAndBack((1.5 * PART_BYTES) / MIB);
  const before = peak();
  const large = await thereAndBack(size);
  console.log(JSON.stringify({ same: small && large, peak_bytes: peak(), grown_bytes: peak() - before }));
} finally {
  clearInterval(collecting);
  await rm(folder, { recursive: true });
}
