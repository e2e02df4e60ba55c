import type { Clock } from "../clock.js";
import type { Pace } from "../pace.js";
import type { Transport } from "../transport.js";
import type { Change, ProblemCode, RecordMeta } from "../types.js";
import { CBOR_SEQUENCE, decodeSequence, encodeSequence, type Item } from "./sequence.js";

/** What one request for many records may hold (docs/api.md § 7), sizes in sealed bytes. */
export const MOST_RECORDS = 500;
export const MOST_FETCHED_BYTES = 16 * 1024 * 1024;
/** Half of what a batch may hold: what breaks off is sent again as a whole. */
export const MOST_SENT_BYTES = 8 * 1024 * 1024;

const ATTEMPTS = 3;
const PAUSE_MS = 500;

/** `blobs`: the sealed bytes that came with the changes, by id, not verified. */
export interface FeedPage {
  changes: Change[];
  blobs: Map<string, Uint8Array>;
  next: string;
  hasMore: boolean;
}

/**
 * `more` were not sent for their size and are to be asked for again, those too large alone by a GET. A record without its
 * bytes is one whose bytes are lost: a GET says why.
 */
export interface Fetched {
  records: { meta: Pick<RecordMeta, "id" | "checksum" | "etag">; blob: Uint8Array | null }[];
  missing: string[];
  more: string[];
  tooLarge: string[];
}

export type Operation =
  | { op: "put"; id: string; table_name: string; checksum: string; blob: Uint8Array; if_match?: string; if_none_match?: "*" }
  | { op: "delete"; id: string; if_match?: string };

export interface OperationResult {
  id: string;
  status: number;
  revision?: number;
  etag?: string;
  seq?: number;
  code?: ProblemCode;
}

/** An answer that ended before its end, however often it was asked for. */
export class BrokenAnswer extends Error {
  override readonly name = "BrokenAnswer";
}

/** The routes for many records at once, as CBOR sequences: three quarters of the bytes of JSON with base64, a third of the work. */
export class Wire {
  constructor(
    private readonly url: string,
    private readonly transport: Transport,
    private readonly pace: Pace,
    private readonly clock: Clock,
  ) {}

  /** One page of what has changed; the problem `resync_required` where the feed cannot go on from `since`. */
  async changes(since: string, limit: number, withBytes: boolean, signal?: AbortSignal): Promise<FeedPage> {
    const query = new URLSearchParams({ since, limit: String(limit) });
    if (withBytes) query.set("include", "blob");
    const items = await this.#ask("GET", `changes?${query}`, undefined, signal);
    const end = items.pop() as { next: string; has_more: boolean } | undefined;
    if (end?.next === undefined) throw new BrokenAnswer("The feed's page has no end.");
    const blobs = new Map<string, Uint8Array>();
    const changes = items.map(({ blob, ...change }) => {
      if (blob instanceof Uint8Array) blobs.set(change["id"] as string, blob);
      return change as unknown as Change;
    });
    return { changes, blobs, next: end.next, hasMore: end.has_more };
  }

  async fetch(ids: string[], signal?: AbortSignal): Promise<Fetched> {
    const items = await this.#ask("POST", "records/fetch", [{ ids }], signal);
    const end = items.pop() as { missing: string[]; more: string[]; too_large: string[] } | undefined;
    if (end?.missing === undefined) throw new BrokenAnswer("The records' answer has no end.");
    const records = items.map(({ blob, ...meta }) => ({ meta: meta as unknown as RecordMeta, blob: blob instanceof Uint8Array ? blob : null }));
    return { records, missing: end.missing, more: end.more, tooLarge: end.too_large };
  }

  /** What became of each, in their order. */
  async batch(operations: Operation[], signal?: AbortSignal): Promise<OperationResult[]> {
    const results = await this.#ask("POST", "records/batch", [{ atomic: false }, ...(operations as unknown as Item[])], signal);
    if (results.length !== operations.length) throw new BrokenAnswer("The batch's answer has another number of results.");
    return results as unknown as OperationResult[];
  }

  /** Repeatable, each of them: a batch that is sent again changes nothing. */
  async #ask(method: string, path: string, items: Item[] | undefined, signal?: AbortSignal): Promise<Item[]> {
    const body = items === undefined ? {} : { body: encodeSequence(items) };
    const headers = { Accept: CBOR_SEQUENCE, ...(items === undefined ? {} : { "Content-Type": CBOR_SEQUENCE }) };
    const make = (): Request => new Request(`${this.url}/api/v1/storage/${path}`, { method, headers, signal: signal ?? null, ...body });
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.pace.turn(async () => {
        const response = await this.transport.send(make, { repeatable: true });
        return itemsOf(response).catch((cause: unknown) => new BrokenAnswer("The answer broke off.", { cause }));
      }, signal);
      if (!(answer instanceof BrokenAnswer)) return answer;
      signal?.throwIfAborted();
      if (attempt === ATTEMPTS) throw answer;
      await this.clock.sleep(PAUSE_MS * attempt, signal);
    }
  }
}

async function itemsOf({ body }: Response): Promise<Item[]> {
  const items: Item[] = [];
  if (body !== null) for await (const item of decodeSequence(body)) items.push(item);
  return items;
}
