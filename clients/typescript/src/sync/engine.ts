import { DeviceCopy, type Written } from "./copy.js";
import { lockOf, type Lock } from "./lock.js";
import { Pull } from "./pull.js";
import { push } from "./push.js";
import type { Run, SyncOptions, SyncResult } from "./run.js";
import { SequenceNumbers } from "./sequence_numbers.js";
import type { DeviceStore } from "./store.js";

const ROUNDS = 4;

/**
 * Keeps a device's copy and the server's the same. It may be interrupted at any point, by an error or by the power: what
 * was downloaded or sent stays so, and the next `sync` goes on from there.
 */
export class SyncEngine {
  readonly #copy: DeviceCopy;
  readonly #lock: Lock;
  readonly #numbers = new SequenceNumbers();
  readonly #options: Run["options"];

  constructor(
    private readonly client: Pick<Run, "api" | "wire" | "records" | "pace">,
    store: DeviceStore,
    { lock = lockOf(store), ...options }: SyncOptions,
  ) {
    this.#lock = lock;
    this.#copy = new DeviceCopy(store, lock);
    this.#options = { concurrency: 6, pageSize: 1000, onResync: () => {}, onProgress: () => {}, ...options };
  }

  /** A new record, or new bytes of one; kept on this device until `sync` sends them. */
  put(record: Written): Promise<void> {
    return this.putAll([record]);
  }

  /** Many, as one transaction of the store. */
  putAll(records: Written[]): Promise<void> {
    return this.#copy.put(records);
  }

  remove(id: string): Promise<void> {
    return this.#copy.remove(id);
  }

  /**
   * Takes over what has changed elsewhere, then sends what has changed here. Throws what the transport throws (no network,
   * `SignedOut`, a 429 beyond its patience), `OtherAccount`, the signal's reason, and what the store throws. Calls run one after
   * another, those of other windows on the same store included.
   */
  sync({ signal }: { signal?: AbortSignal } = {}): Promise<SyncResult> {
    return this.#lock("sync", () => this.#sync(signal), signal);
  }

  async #sync(signal: AbortSignal | undefined): Promise<SyncResult> {
    const result: SyncResult = { received: 0, sent: 0, removed: 0, conflicts: 0, resync: undefined, failed: [] };
    const run: Run = { ...this.client, copy: this.#copy, options: this.#options, numbers: this.#numbers, signal, result };
    for (let round = 1; ; round += 1) {
      await new Pull(run).all();
      const refused = await push(run);
      if (refused.length === 0) return result;
      // Somebody was quicker: the feed tells how, and then it is a conflict.
      if (round === ROUNDS) result.failed.push(...refused);
      if (round === ROUNDS) return result;
    }
  }
}
