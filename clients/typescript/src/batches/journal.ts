import type { RunResult } from "./batches.js";

/** What became of one thing that was to be done: `begun` of an agent step that has changed something, and was not heard of again. */
export type ItemState = "done" | "failed" | "skipped" | "begun";

/** A run of this device's that the server does not know the end of. It holds ids and numbers, and nothing of what was sealed. */
export interface JournalRun {
  batchId: string;
  slot: string;
  revision: number;
  /** Milliseconds since 1970. */
  begunAt: number;
  runId?: string;
  /** By step and record. */
  items: Record<string, Record<string, ItemState>>;
  tokens: number;
  /** How it has ended: told until the server has it. */
  report?: RunResult;
}

export interface Journal {
  version: 1;
  runs: JournalRun[];
}

/** Where a runner keeps what must survive a restart: one small JSON document for each account. */
export interface BatchStore {
  /** Runners with the same name take turns (`navigator.locks`). */
  readonly name?: string;
  read(): Journal | undefined | Promise<Journal | undefined>;
  write(journal: Journal): void | Promise<void>;
}

/** Forgets with the process: a run that was cut short is done again. */
export class MemoryBatchStore implements BatchStore {
  #journal: Journal | undefined;

  read(): Journal | undefined {
    return this.#journal;
  }

  write(journal: Journal): void {
    this.#journal = structuredClone(journal);
  }
}

const KEPT_MS = 7 * 86_400_000;

/** The journal of a running runner: changes are written one after another. */
export class Journaling {
  #runs: JournalRun[] = [];
  #writing: Promise<void> = Promise.resolve();
  #isDirty = false;

  constructor(private readonly store: BatchStore) {}

  async load(now: number): Promise<void> {
    const journal = await this.store.read();
    this.#runs = journal?.version === 1 ? journal.runs.filter(({ begunAt }) => begunAt > now - KEPT_MS) : [];
  }

  get runs(): readonly JournalRun[] {
    return this.#runs;
  }

  /** The one of a slot; what another revision of the spec has done does not count. */
  begin(batchId: string, slot: string, revision: number, now: number): JournalRun {
    const known = this.find(batchId, slot);
    if (known !== undefined && known.revision === revision) return known;
    const run: JournalRun = { batchId, slot, revision, begunAt: known?.begunAt ?? now, items: {}, tokens: 0 };
    this.#runs = [...this.#runs.filter((one) => one !== known), run];
    return run;
  }

  find(batchId: string, slot: string): JournalRun | undefined {
    return this.#runs.find((one) => one.batchId === batchId && one.slot === slot);
  }

  async forget(run: JournalRun): Promise<void> {
    this.#runs = this.#runs.filter((one) => one !== run);
    await this.save();
  }

  /** Resolves when all that had changed is kept; several changes at a time are written once. */
  save(): Promise<void> {
    this.#isDirty = true;
    return (this.#writing = this.#writing
      .catch(() => {})
      .then(async () => {
        if (!this.#isDirty) return;
        this.#isDirty = false;
        await this.store.write({ version: 1, runs: this.#runs });
      }));
  }
}

