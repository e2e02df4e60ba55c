import type { Clock } from "../clock.js";
import type { Connectivity } from "../connectivity.js";
import type { WebSocketClass } from "../socket.js";
import { DeviceCopy, type Written } from "./copy.js";
import { Hints } from "./hints.js";
import { Live, type LiveOptions } from "./live.js";
import { lockOf, type Lock } from "./lock.js";
import { Pull } from "./pull.js";
import { push } from "./push.js";
import type { Run, SyncOptions, SyncResult } from "./run.js";
import { SequenceNumbers } from "./sequence_numbers.js";
import type { DeviceStore } from "./store.js";

const ROUNDS = 4;

/** What an engine needs of the client. */
export interface EngineClient extends Pick<Run, "api" | "wire" | "records" | "pace"> {
  readonly clock: Clock;
  /** Aborted with `SignedOut` when somebody logs out or in. */
  session(): AbortSignal;
  /** Unless `start` is given another one. */
  readonly WebSocket?: WebSocketClass;
  /** The URL of `WS /sync`, with a ticket, which works once. */
  hintAddress(signal: AbortSignal): Promise<string>;
  readonly connectivity: Connectivity;
  /** Milliseconds that its socket may be silent. */
  readonly silenceMs: number;
}

/**
 * Keeps a device's copy and the server's the same. It may be interrupted at any point, by an error or by the power: what
 * was downloaded or sent stays so, and the next `sync` goes on from there.
 */
export class SyncEngine {
  readonly #client: EngineClient;
  readonly #copy: DeviceCopy;
  #live: Live | undefined;
  readonly #lock: Lock;
  readonly #numbers = new SequenceNumbers();
  readonly #options: Run["options"];

  constructor(client: EngineClient, store: DeviceStore, { lock = lockOf(store), ...options }: SyncOptions) {
    this.#client = client;
    this.#lock = lock;
    this.#copy = new DeviceCopy(store, lock);
    this.#options = { concurrency: 6, pageSize: 1000, onResync: () => {}, onProgress: () => {}, ...options };
  }

  /** A new record, or new bytes of one; kept on this device, over restarts too, until they are sent. */
  put(record: Written): Promise<void> {
    return this.putAll([record]);
  }

  /** Many, as one transaction of the store. */
  async putAll(records: Written[]): Promise<void> {
    await this.#copy.put(records);
    this.#live?.edited();
  }

  async remove(id: string): Promise<void> {
    await this.#copy.remove(id);
    this.#live?.edited();
  }

  /**
   * Synchronises from now on: after edits, when the server hints at changes (`WS /sync`), and every five minutes. Without a network it
   * goes on when there is one. A second call changes nothing while it runs.
   */
  start(options: LiveOptions = {}): void {
    if (this.#live?.isOver === false) return;
    const { clock, connectivity } = this.#client;
    const { WebSocket = this.#client.WebSocket, silenceMs = this.#client.silenceMs } = options;
    const socket = { ...(WebSocket === undefined ? {} : { WebSocket }), silenceMs };
    const hints = new Hints((signal) => this.#client.hintAddress(signal), clock, socket, connectivity);
    const syncing = { sync: (signal: AbortSignal) => this.sync({ signal }), known: () => this.#numbers.known };
    this.#live = new Live(syncing, hints, this.#lock, clock, options);
  }

  /** Ends what `start` has begun, a synchronisation under way included, at a point from which the next one goes on. */
  async stop(): Promise<void> {
    await this.#live?.stop();
  }

  /**
   * Takes over what has changed elsewhere, then sends what has changed here. Throws what the transport throws (no network,
   * `SignedOut`, a 429 beyond its patience), `OtherAccount`, the signal's reason, and what the store throws. Calls run one after
   * another, those of other windows on the same store included.
   */
  sync({ signal }: { signal?: AbortSignal } = {}): Promise<SyncResult> {
    return this.#lock("sync", () => this.#sync(signal), signal);
  }

  async #sync(asked: AbortSignal | undefined): Promise<SyncResult> {
    const session = this.#client.session();
    const signal = asked === undefined ? session : AbortSignal.any([asked, session]);
    signal.throwIfAborted();
    const result: SyncResult = { received: 0, sent: 0, removed: 0, conflicts: 0, resync: undefined, failed: [] };
    const { api, wire, records, pace } = this.#client;
    const run: Run = { api, wire, records, pace, copy: this.#copy, options: this.#options, numbers: this.#numbers, signal, result };
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
