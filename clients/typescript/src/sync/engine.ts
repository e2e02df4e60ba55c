import { DeviceCopy } from "./copy.js";
import { Queue } from "./pool.js";
import { Pull } from "./pull.js";
import { push } from "./push.js";
import type { Run, SyncOptions, SyncResult } from "./run.js";
import type { DeviceStore } from "./store.js";

const ROUNDS = 4;

/**
 * Keeps a device's copy and the server's the same. It may be interrupted at any point, by an error or by the power: what
 * was downloaded or sent stays so, and the next `sync` goes on from there.
 */
export class SyncEngine {
  readonly #copy: DeviceCopy;
  readonly #options: Required<SyncOptions>;
  readonly #runs = new Queue();

  constructor(
    private readonly client: Pick<Run, "api" | "records" | "pace">,
    store: DeviceStore,
    options: SyncOptions,
  ) {
    this.#copy = new DeviceCopy(store);
    this.#options = { concurrency: 6, pageSize: 200, onResync: () => {}, ...options };
  }

  /** A new record, or new bytes of one; kept on this device until `sync` sends them. */
  put(record: { id: string; table: string; body: Uint8Array }): Promise<void> {
    return this.#copy.put(record);
  }

  remove(id: string): Promise<void> {
    return this.#copy.remove(id);
  }

  /**
   * Takes over what has changed elsewhere, then sends what has changed here. Throws what the transport throws (no network,
   * `SignedOut`, a 429 beyond its patience), `OtherAccount`, the signal's reason, and what the store throws. Calls run one after another.
   */
  sync({ signal }: { signal?: AbortSignal } = {}): Promise<SyncResult> {
    return this.#runs.run(async () => {
      const result: SyncResult = { received: 0, sent: 0, removed: 0, conflicts: 0, resync: undefined, failed: [] };
      const run: Run = { ...this.client, copy: this.#copy, options: this.#options, signal, result };
      for (let round = 1; ; round += 1) {
        await new Pull(run).all();
        // Where the server's side cannot be downloaded, another round changes nothing.
        const refused = (await push(run)).filter(({ id }) => !result.failed.some((one) => one.id === id));
        if (refused.length === 0) return result;
        // Somebody was quicker: the feed tells how, and then it is a conflict.
        if (round === ROUNDS) result.failed.push(...refused);
        if (round === ROUNDS) return result;
      }
    });
  }
}
