import type { Clock } from "../clock.js";
import { isProblem } from "../problem.js";
import { LEASE_MS, type Batches, type Run } from "./batches.js";

const RENEWAL_MS = 40_000;
const RETRY_MS = 5_000;
const ANSWER_MS = 20_000;

/** The run is not this device's any more, or may be another's by now: nothing is reported of it. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";

  /** `isTaken`: another device has it, or it has ended; else the server could not be reached for too long. */
  constructor(readonly isTaken: boolean) {
    super(isTaken ? "Another device has taken the run over." : "The lease has ended before it could be renewed.");
  }
}

/** Renews a run's lease until it is closed. `signal` is aborted with `LeaseLost` as soon as it is known to be lost. */
export class Lease {
  readonly #lost = new AbortController();
  readonly #closed = new AbortController();
  #alarm = new AbortController();

  /** `askedAt`: by the clock, when the lease was asked for. */
  constructor(
    private readonly batches: Batches,
    readonly run: Run,
    private readonly clock: Clock,
    askedAt: number,
  ) {
    void this.#keep(askedAt + LEASE_MS);
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** The machine has slept: it is renewed now, for it may be lost. */
  check(): void {
    this.#alarm.abort();
  }

  close(): void {
    this.#closed.abort();
    this.#alarm.abort();
  }

  async #keep(validUntil: number): Promise<void> {
    const { clock } = this;
    for (let pause = RENEWAL_MS; ; ) {
      this.#alarm = new AbortController();
      await clock.sleep(Math.max(0, Math.min(pause, validUntil - clock.now())), this.#alarm.signal).catch(() => {});
      if (this.#closed.signal.aborted) return;
      const askedAt = clock.now();
      try {
        await this.#renew();
        [validUntil, pause] = [askedAt + LEASE_MS, RENEWAL_MS];
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        const isTaken = isProblem(error, "lease_lost", "conflict", "not_found");
        if (isTaken || clock.now() >= validUntil) return this.#lost.abort(new LeaseLost(isTaken));
        pause = RETRY_MS;
      }
    }
  }

  /** Without an answer after a while it has failed, however patient other requests are. */
  async #renew(): Promise<void> {
    const late = new AbortController();
    const done = new AbortController();
    const signal = AbortSignal.any([late.signal, this.#closed.signal]);
    this.clock.sleep(ANSWER_MS, done.signal).then(() => late.abort(), () => {});
    try {
      await this.batches.renew(this.run, signal);
    } finally {
      done.abort();
    }
  }
}
