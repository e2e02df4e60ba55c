import { isProblem } from "../problem.js";
import { each } from "./pool.js";
import { isUnsent } from "./rules.js";
import { fail, type Run, type SyncResult } from "./run.js";
import type { LocalRecord } from "./store.js";

/** Sends what differs from the server's state, deletions first: they make room. What that state refused is given back. */
export async function push(run: Run): Promise<SyncResult["failed"]> {
  const unsent = (await run.copy.store.all()).filter(isUnsent);
  const refused: SyncResult["failed"] = [];
  let isFull = false;
  const byKind = [...unsent.filter(isDeletion), ...unsent.filter((one) => !isDeletion(one))];
  await each(byKind, 1, async (one) => {
    if (isFull && !isDeletion(one)) return;
    try {
      await send(run, one.id);
    } catch (error) {
      if (isProblem(error, "conflict", "precondition_failed", "not_found")) refused.push({ id: one.id, error });
      else fail(run, one.id, error);
      isFull ||= isProblem(error, "quota_exceeded");
    }
  });
  return refused;
}

async function send({ copy, records, pace, result, signal }: Run, id: string): Promise<void> {
  const { here, body } = await copy.read(id);
  if (here === undefined || !isUnsent(here)) return;
  const { table, base } = here;
  const abort = signal === undefined ? {} : { signal };
  if (body !== undefined) {
    const { meta } = await pace.turn(
      () => (base === null ? records.create({ table, id, body, ...abort }) : records.replace(id, body, { ifMatch: base.etag, ...abort })),
      signal,
    );
    await copy.sent(id, { revision: meta.revision, checksum: meta.checksum, etag: meta.etag });
    result.sent += 1;
  } else {
    if (base !== null) {
      await pace.turn(() => records.remove(id, { ifMatch: base.etag, ...abort }), signal);
      result.sent += 1;
    }
    await copy.sent(id, null);
  }
}

function isDeletion(one: LocalRecord): boolean {
  return one.checksum === null;
}
