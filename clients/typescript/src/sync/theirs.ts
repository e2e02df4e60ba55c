import { sha256 } from "../bytes.js";
import { ChecksumMismatch, isProblem } from "../problem.js";
import { AdiuvaTimeoutError } from "../timeouts.js";
import type { Change } from "../types.js";
import { each } from "./pool.js";
import { isOfOne, type Run } from "./run.js";
import { MOST_SILENT, unlessAway } from "./transfer.js";
import { BrokenAnswer, MOST_FETCHED_BYTES, MOST_RECORDS } from "./wire.js";

/** `moved`: the record has changed since, which the feed will tell further on. */
export type Theirs = Uint8Array | "moved" | Error;

/** So many of these, in their order, as one request gives. */
export function portionsOf<Item extends { change: Change | undefined }>(items: Item[]): Item[][] {
  const portions: Item[][] = [];
  let room = 0;
  for (const item of items) {
    const size = item.change?.size_bytes ?? 0;
    if (portions.at(-1) === undefined || size > room || (portions.at(-1)?.length ?? 0) >= MOST_RECORDS) {
      portions.push([]);
      room = MOST_FETCHED_BYTES;
    }
    portions.at(-1)?.push(item);
    room -= size;
  }
  return portions;
}

/**
 * The bytes that these changes tell of, verified, by id. What is about one record is in its place; anything else is thrown.
 */
export async function download(run: Run, changes: Change[]): Promise<Map<string, Theirs>> {
  const theirs = new Map<string, Theirs>();
  const wanted = new Map(changes.map((change) => [change.id, change]));
  const alone = changes.filter(({ size_bytes: size }) => size > MOST_FETCHED_BYTES).map(({ id }) => id);
  for (let ids = [...wanted.keys()].filter((id) => !alone.includes(id)); ids.length > 0; ) {
    try {
      const { records, missing, more, tooLarge } = await run.wire.fetch(ids.slice(0, MOST_RECORDS), run.signal);
      for (const { meta, blob } of records) {
        const change = wanted.get(meta.id);
        if (change === undefined) continue;
        if (blob === null) alone.push(meta.id);
        else theirs.set(meta.id, await verdict(blob, meta.checksum, change));
      }
      for (const id of missing) theirs.set(id, "moved");
      alone.push(...tooLarge);
      const isEmpty = records.length + missing.length + tooLarge.length === 0;
      if (isEmpty) throw new BrokenAnswer("The answer has none of the records.");
      ids = [...more, ...ids.slice(MOST_RECORDS)];
    } catch (error) {
      // One record must not be all the others' end.
      if (!(isOfOne(error) || error instanceof BrokenAnswer)) throw error;
      alone.push(...ids.filter((id) => !theirs.has(id)));
      ids = [];
    }
  }
  let silent = 0;
  await each(alone, run.options.concurrency, async (id) => {
    const whole = await one(run, wanted.get(id) as Change);
    silent = whole instanceof AdiuvaTimeoutError && whole.what === "answer" ? silent + 1 : 0;
    if (silent === MOST_SILENT) throw whole; // each of the others would be waited for as long
    theirs.set(id, whole);
  });
  return theirs;
}

/** Bytes that came with the change that tells of them; `undefined` where they are not what it tells. */
export async function unlessDamaged(blob: Uint8Array | undefined, { checksum }: Change): Promise<Uint8Array | undefined> {
  return blob !== undefined && (await sha256(blob)) === checksum ? blob : undefined;
}

async function one(run: Run, { id, checksum: expected }: Change): Promise<Theirs> {
  const { records, pace, signal } = run;
  try {
    const { bytes, checksum } = await pace.turn(() => records.read(id, { signal }), signal);
    return checksum === expected ? bytes : "moved";
  } catch (error) {
    if (isProblem(error, "not_found")) return "moved";
    return isOfOne(error) ? error : unlessAway(run, error);
  }
}

async function verdict(blob: Uint8Array, named: string, { checksum }: Change): Promise<Theirs> {
  const actual = await sha256(blob);
  if (actual !== named) return new ChecksumMismatch(named, actual);
  return named === checksum ? blob : "moved";
}
