import type { Api } from "../api.js";
import type { Records } from "../blobs.js";
import type { Pace } from "../pace.js";
import { ChecksumMismatch, isProblem, UnexpectedResponse } from "../problem.js";
import type { DeviceCopy } from "./copy.js";
import type { Resync } from "./feed.js";
import type { Lock } from "./lock.js";
import type { SequenceNumbers } from "./sequence_numbers.js";
import type { Wire } from "./wire.js";

/** A record was changed here and elsewhere. Sealed bytes, as they are; `undefined` is a deletion. */
export interface Conflict {
  id: string;
  table: string;
  mine: Uint8Array | undefined;
  theirs: Uint8Array | undefined;
  /** `restored`: the service went back to a backup, and which of the two is newer cannot be told. */
  resync: Resync | undefined;
}

/** `body`: new sealed bytes, of both. Whatever it is, the server's state is what it replaces. */
export type Decision = "mine" | "theirs" | { body: Uint8Array };

/** How far a synchronisation has come. `total` is not known while the feed has more pages. */
export interface Progress {
  phase: "download" | "upload";
  done: number;
  total?: number;
}

export interface SyncOptions {
  /**
   * Asked one conflict at a time. It may `put` a copy of either under another id. What it throws ends the
   * synchronisation; nothing is lost, and the next one asks again.
   */
  onConflict: (conflict: Conflict) => Decision | Promise<Decision>;
  /**
   * Called before a resync. After a restore ("restored") an app also uploads its newest backup and its vectors again: they are
   * not in the feed. Once it has returned it is not called again for this resync, though that be interrupted.
   */
  onResync?: (reason: Resync) => void | Promise<void>;
  onProgress?: (progress: Progress) => void;
  /** How many of those records are downloaded at once that are too large to come with others. */
  concurrency?: number;
  /** Changes a page, at most 1,000. */
  pageSize?: number;
  /** How windows or processes that share the store take turns; `navigator.locks` by its `name` where there is such a thing. */
  lock?: Lock;
}

export interface SyncResult {
  /** Records that were downloaded, sent (deletions too), and removed from this device. */
  received: number;
  sent: number;
  removed: number;
  conflicts: number;
  /** The feed had to be read again from its beginning. */
  resync: Resync | undefined;
  /** Records that could not be downloaded or sent; each synchronisation tries them again. */
  failed: { id: string; error: Error }[];
}

/** What the parts of a synchronisation share. */
export interface Run {
  readonly api: Api;
  readonly wire: Wire;
  readonly records: Records;
  readonly pace: Pace;
  readonly copy: DeviceCopy;
  readonly options: Required<Omit<SyncOptions, "lock">>;
  readonly numbers: SequenceNumbers;
  readonly signal: AbortSignal;
  readonly result: SyncResult;
}

/** Whether an error is about one record, which must not keep the others waiting. */
export function isOfOne(error: unknown): error is Error {
  return (
    error instanceof ChecksumMismatch ||
    (error instanceof UnexpectedResponse && error.status === 413) || // a proxy's own bound
    isProblem(error, "checksum_mismatch", "validation_error", "payload_too_large", "quota_exceeded", "internal_error", "upstream_error")
  );
}

/** What is not about one record is thrown. */
export function fail({ result }: Run, id: string, error: unknown): void {
  if (!isOfOne(error)) throw error;
  result.failed.push({ id, error });
}
