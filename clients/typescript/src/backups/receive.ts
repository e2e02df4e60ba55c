import { createSHA256 } from "hash-wasm";
import type { Endurance } from "../endurance.js";
import { ChecksumMismatch } from "../problem.js";
import { writerOf, type Sink } from "./sink.js";

type Get = (headers: Record<string, string>) => Promise<Response>;

/**
 * Writes what `get` answers to `sink`, piece by piece; goes on by range (RFC 9110 § 14) where the connection is lost. Returns
 * the headers of the first answer. Throws `ChecksumMismatch` when the whole is not what `X-Checksum` names, what the sink
 * throws, or the problem; the sink is aborted then.
 */
export async function receive(get: Get, sink: Sink, endurance: Endurance, onProgress: (bytes: number, size: number) => void): Promise<Headers> {
  const writer = writerOf(sink);
  try {
    const { headers, checksum } = await write(get, (bytes) => writer.write(bytes), endurance, onProgress);
    const expected = headers.get("X-Checksum") ?? "none";
    if (checksum !== expected) throw new ChecksumMismatch(expected, checksum);
    await writer.close();
    return headers;
  } catch (error) {
    await writer.abort(error).catch(() => {}); // the first error says more
    throw error;
  }
}

async function write(
  get: Get,
  take: (bytes: Uint8Array) => Promise<void>,
  endurance: Endurance,
  onProgress: (bytes: number, size: number) => void,
): Promise<{ headers: Headers; checksum: string }> {
  const sha256 = await createSHA256();
  let first: Headers | undefined;
  let size = Number.NaN;
  let written = 0;
  for (;;) {
    const range: Record<string, string> = written === 0 ? {} : { Range: `bytes=${written}-`, "If-Range": first?.get("ETag") ?? "" };
    const response = await endurance.attempt(() => get(range));
    if (response === undefined) continue;
    first ??= response.headers;
    if (written === 0) size = Number(response.headers.get("Content-Length") ?? Number.NaN);
    let position = response.status === 206 ? written : 0; // a proxy that knows no ranges sends all of it again
    const reader = response.body?.getReader();
    try {
      for (;;) {
        const step = await endurance.attempt(async () => {
          const read = await reader?.read();
          if (read?.value === undefined && written < size) throw new TypeError("The answer has ended early.");
          return read ?? { done: true, value: undefined };
        });
        if (step === undefined) break; // interrupted
        if (step.value === undefined) return { headers: first, checksum: sha256.digest() };
        const fresh = step.value.subarray(Math.max(0, written - position));
        position += step.value.length;
        if (fresh.length === 0) continue;
        sha256.update(fresh);
        await take(fresh);
        endurance.progress();
        onProgress((written += fresh.length), size);
      }
    } finally {
      await reader?.cancel().catch(() => {}); // it has ended, or nobody reads it any more
    }
  }
}
