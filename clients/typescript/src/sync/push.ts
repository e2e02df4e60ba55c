import { AdiuvaProblem, isProblem } from "../problem.js";
import { isOfOne, fail, type Run, type SyncResult } from "./run.js";
import type { LocalRecord, ServerState } from "./store.js";
import { AdiuvaTimeoutError } from "../timeouts.js";
import { isBroken, MOST_SILENT, unlessAway } from "./transfer.js";
import { MOST_RECORDS, MOST_SENT_BYTES, type Operation, type OperationResult } from "./wire.js";

/** Sends what differs from the server's state, deletions first, which make room, and what is large last. What that state refused is given back. */
export async function push(run: Run): Promise<SyncResult["failed"]> {
  // Where the server's side could not be downloaded, what goes back to another one would be refused.
  const unknown = new Set(run.result.failed.map(({ id }) => id));
  const unsent = (await run.copy.store.unsent()).filter(({ id }) => !unknown.has(id));
  const sending = new Push(run, unsent.length);
  const inOrder = unsent.map((one) => ({ one, rank: isDeletion(one) ? 0 : one.size <= MOST_SENT_BYTES ? 1 : 2 }));
  inOrder.sort((one, other) => one.rank - other.rank);
  for (const batch of batchesOf(inOrder.map(({ one }) => one))) await sending.batch(batch);
  await sending.rest();
  return sending.refused;
}

/** In their order; what is too large for one comes alone. */
function* batchesOf(records: LocalRecord[]): Generator<LocalRecord[]> {
  let batch: LocalRecord[] = [];
  let room = MOST_SENT_BYTES;
  for (const one of records) {
    if (batch.length === MOST_RECORDS || (batch.length > 0 && one.size > room)) {
      yield batch;
      [batch, room] = [[], MOST_SENT_BYTES];
    }
    batch.push(one);
    room -= one.size;
  }
  if (batch.length > 0) yield batch;
}

/** So little every line carries in time: what is late all the same is not late for its size. */
const LEAST_SENT_BYTES = 256 * 1024;

class Push {
  readonly refused: SyncResult["failed"] = [];
  #isFull = false;
  /** What the line carries in time, as far as is known. */
  #room = MOST_SENT_BYTES;
  /** Of a large record that was late though it came alone; those that are as large come last. */
  #tooMuch = Number.POSITIVE_INFINITY;
  #lateness: Error | undefined;
  #large: string[] = [];
  /** So many small records that came alone were not answered, one after another. */
  #silent = 0;
  #done = 0;

  constructor(
    private readonly run: Run,
    private readonly total: number,
  ) {}

  async batch(records: LocalRecord[]): Promise<void> {
    await this.#those(records.map(({ id }) => id));
    this.#done += records.length;
    this.run.options.onProgress({ phase: "upload", done: this.#done, total: this.total });
  }

  /** Until another one is late: then it is the line, and the next synchronisation tries them again. */
  async rest(): Promise<void> {
    const large = this.#large.splice(0);
    this.#tooMuch = Number.POSITIVE_INFINITY;
    for (const id of large) await this.#those([id]);
    const error = this.#lateness;
    if (error !== undefined) this.run.result.failed.push(...this.#large.map((id) => ({ id, error })));
  }

  async #those(ids: string[]): Promise<void> {
    const { copy, result, signal } = this.run;
    signal.throwIfAborted();
    const current = new Map((await copy.unsent(ids)).map((one) => [one.here.id, one]));
    const now = ids.flatMap((id) => current.get(id) ?? []).filter(({ here }) => !(this.#isFull && !isDeletion(here)));
    // Never sent, and gone again: nobody needs to hear of it.
    const unheard = now.filter(({ here }) => isDeletion(here) && here.base === null);
    if (unheard.length > 0) await copy.sent(new Map(unheard.map(({ here }) => [here.id, null])));
    // No deletion either: nobody has asked for one.
    const lost = now.filter(({ here, body }) => !isDeletion(here) && body === undefined);
    for (const { here } of lost) result.failed.push({ id: here.id, error: new Error("The store has lost the record's bytes.") });
    const operations = now.filter((one) => !unheard.includes(one) && !lost.includes(one)).map(({ here, body }) => operationOf(here, body));
    await copy.offer(new Map(operations.map((one) => [one.id, one.op === "put" ? one.checksum : null])));
    const [single] = operations;
    if (single?.op === "put" && operations.length === 1 && single.blob.length > MOST_SENT_BYTES) await this.#alone(single);
    else if (operations.length > 0) await this.#send(operations);
  }

  async #send(operations: Operation[]): Promise<void> {
    const { copy, numbers, result, signal, wire } = this.run;
    if (operations.length > 1 && bytesOf(operations) > this.#room) return this.#halves(operations);
    if (bytesOf(operations) >= this.#tooMuch) return void this.#large.push(...operations.map(({ id }) => id));
    let results: OperationResult[];
    try {
      results = await wire.batch(operations, signal);
    } catch (error) {
      if (!isOfOne(error)) return this.#brokenOff(operations, error);
      // All are refused for one of them: halves tell which.
      if (operations.length > 1) return this.#halves(operations);
      return this.#refuse((operations[0] as Operation).id, error);
    }
    this.#silent = 0;
    const sent = new Map<string, ServerState | null>();
    for (const [index, operation] of operations.entries()) {
      const told = results[index] as OperationResult;
      if (told.status >= 300) this.#refuse(operation.id, problemOf(told));
      else sent.set(operation.id, stateAfter(operation, told));
    }
    numbers.sent(results.filter(({ id }) => sent.has(id)));
    await copy.sent(sent);
    result.sent += sent.size;
  }

  async #halves(operations: Operation[]): Promise<void> {
    const half = Math.ceil(operations.length / 2);
    for (const part of [operations.slice(0, half), operations.slice(half)]) {
      const open = part.filter(({ op }) => op === "delete" || !this.#isFull);
      if (open.length > 0) await this.#send(open);
    }
  }

  /** Of a slow line: less at a time gets through, and what was carried out is not carried out twice. */
  async #brokenOff(operations: Operation[], cause: unknown): Promise<void> {
    const bytes = bytesOf(operations);
    const isLarge = bytes > LEAST_SENT_BYTES;
    // Each of the others would be waited for as long; what is refused at once, by a proxy for instance, may be some.
    if (!isLarge && this.#silent >= (cause instanceof AdiuvaTimeoutError ? 1 : MOST_SILENT)) throw cause;
    const error = await unlessAway(this.run, cause);
    this.#room = Math.max(LEAST_SENT_BYTES, Math.min(this.#room, bytes / 2));
    if (operations.length > 1) return this.#halves(operations);
    if (isLarge) [this.#tooMuch, this.#lateness] = [bytes, error];
    else this.#silent += 1;
    this.run.result.failed.push({ id: (operations[0] as Operation).id, error });
  }

  async #alone({ id, table_name: table, blob, if_match: ifMatch }: Operation & { op: "put" }): Promise<void> {
    const { copy, numbers, pace, records, result, signal } = this.run;
    try {
      const { meta } = await pace.turn(
        () => (ifMatch === undefined ? records.create({ table, id, body: blob, signal }) : records.replace(id, blob, { ifMatch, signal })),
        signal,
      );
      numbers.sent([{ id }]);
      await copy.sent(new Map([[id, { revision: meta.revision, checksum: meta.checksum, etag: meta.etag }]]));
      result.sent += 1;
    } catch (error) {
      // So much, on so slow a line: the others must not wait for it.
      if (isBroken(error) && !isOfOne(error)) result.failed.push({ id, error: await unlessAway(this.run, error) });
      else this.#refuse(id, error);
    }
  }

  #refuse(id: string, error: unknown): void {
    if (isProblem(error, "conflict", "precondition_failed", "not_found")) this.refused.push({ id, error });
    else fail(this.run, id, error);
    this.#isFull ||= isProblem(error, "quota_exceeded");
  }
}

function bytesOf(operations: Operation[]): number {
  return operations.reduce((sum, one) => sum + (one.op === "put" ? one.blob.length : 0), 0);
}

function operationOf({ id, table, checksum, base }: LocalRecord, body: Uint8Array | undefined): Operation {
  if (checksum === null || body === undefined) return { op: "delete", id, ...(base === null ? {} : { if_match: base.etag }) };
  const condition = base === null ? { if_none_match: "*" as const } : { if_match: base.etag };
  return { op: "put", id, table_name: table, checksum, blob: body, ...condition };
}

function stateAfter(operation: Operation, { revision, etag }: OperationResult): ServerState | null {
  if (operation.op === "delete" || revision === undefined || etag === undefined) return null;
  return { revision, etag, checksum: operation.checksum };
}

/** A single refusal within a batch, as the same one by itself would be thrown. */
function problemOf({ id, status, code = "internal_error" }: OperationResult): AdiuvaProblem {
  const detail = `The operation on ${id} was refused.`;
  return new AdiuvaProblem({ type: `urn:adiuva:problem:${code}`, title: "", status, detail, code, request_id: "" });
}

function isDeletion(one: LocalRecord): boolean {
  return one.checksum === null;
}
