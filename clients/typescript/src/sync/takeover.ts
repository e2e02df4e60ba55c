import { sha256 } from "../bytes.js";
import { abortable } from "../clock.js";
import type { Change } from "../types.js";
import type { Settlement } from "./copy.js";
import { stepFor, stepForAbsent, type Step } from "./rules.js";
import type { Run } from "./run.js";
import type { LocalRecord, Pending, ResyncRule, ServerState, SyncState } from "./store.js";
import { download, portionsOf, unlessDamaged, type Theirs } from "./theirs.js";

/** What is known of one record; `change` is undefined where the feed, read to its end, has not told of it. */
export interface Case {
  id: string;
  change: Change | undefined;
  resync?: ResyncRule | undefined;
  /** The bytes that came with the change. */
  blob?: Uint8Array | undefined;
}

interface Judged extends Case {
  here: LocalRecord | undefined;
  step: Step;
}

/** Brings what the server has told into the device's copy, by the rules, as one transaction for what one request gave. */
export class Takeover {
  constructor(private readonly run: Run) {}

  /**
   * What of it could not be downloaded is given back. `state`, of which those are a part, is saved when all of it is done: in the
   * last transaction, where the app was not asked anything since.
   */
  async all(cases: Case[], state?: (failed: Pending[]) => SyncState): Promise<Pending[]> {
    const failed: Pending[] = [];
    const judged = await this.#judge(cases);
    const [without, ready] = [judged.filter(isWithout), judged.filter((one) => !isWithout(one))];
    const portions: Case[][] = [ready, ...portionsOf(without)];
    for (const portion of portions) {
      const isLast = portion === portions.at(-1);
      await this.#portion(portion, failed, isLast ? state : undefined);
    }
    return failed;
  }

  async #portion(cases: Case[], failed: Pending[], state?: (failed: Pending[]) => SyncState): Promise<void> {
    const { copy, result, signal } = this.run;
    let isSaved = false;
    // Again for those that the user has edited meanwhile.
    for (let open = cases; open.length > 0; ) {
      signal.throwIfAborted();
      const judged = await this.#judge(open);
      const theirs = await this.#theirs(judged);
      const settlements: Settlement[] = [];
      const questions: Judged[] = [];
      for (const one of judged) {
        const blob = theirs.get(one.id);
        if (blob === "moved") continue;
        if (blob instanceof Error) {
          result.failed.push({ id: one.id, error: blob });
          if (one.change !== undefined) failed.push(pending(one.change, one.resync));
        } else if (one.step === "ask") questions.push(one);
        else if (one.step !== "nothing") settlements.push(settlement(one, blob));
      }
      const last = questions.length === 0 ? state?.(failed) : undefined;
      const edited = await copy.settle(settlements, last);
      isSaved = last !== undefined && edited.size === 0;
      const done = new Set(settlements.filter(({ id }) => !edited.has(id)).map(({ id }) => id));
      for (const { id, step } of judged) {
        if (done.has(id) && step === "forget") result.removed += 1;
        if (done.has(id) && step === "take") result.received += 1;
      }
      for (const one of questions) {
        if (!(await this.#ask(one, theirs.get(one.id) as Uint8Array | undefined))) edited.add(one.id);
      }
      open = open.filter(({ id }) => edited.has(id)).map((one) => kept(one, theirs.get(one.id)));
    }
    if (state !== undefined && !isSaved) await copy.settle([], state(failed));
  }

  async #judge(cases: Case[]): Promise<Judged[]> {
    const records = cases.length === 0 ? [] : await this.run.copy.store.getMany(cases.map(({ id }) => id));
    const known = new Map(records.map((one) => [one.id, one]));
    return cases.map((one) => {
      const here = known.get(one.id);
      return { ...one, here, step: stepOf(here, one) };
    });
  }

  /** By id, of those whose rule asks for bytes. A deletion has none. */
  async #theirs(judged: Judged[]): Promise<Map<string, Theirs>> {
    const theirs = new Map<string, Theirs>();
    const missing: Change[] = [];
    await Promise.all(
      judged.filter(needsBytes).map(async ({ id, change, blob }) => {
        const whole = await unlessDamaged(blob, change as Change);
        if (whole === undefined) missing.push(change as Change);
        else theirs.set(id, whole);
      }),
    );
    for (const [id, blob] of missing.length === 0 ? [] : await download(this.run, missing)) theirs.set(id, blob);
    return theirs;
  }

  /** False where the user was quicker. */
  async #ask(one: Judged, blob: Uint8Array | undefined): Promise<boolean> {
    const { id, change, resync } = one;
    const { copy, options, result, signal } = this.run;
    const { here, body: mine } = await copy.read(id);
    if (here === undefined) return false;
    const table = change?.table_name ?? here.table;
    signal.throwIfAborted();
    const decision = await abortable(Promise.resolve(options.onConflict({ id, table, mine, theirs: blob, resync: resync?.reason })), signal);
    const mineAfterTheirs = { ...here, table, base: stateOf(change) };
    const settled: Settlement =
      decision === "theirs"
        ? settlement({ ...one, here, step: "take" }, blob)
        : decision === "mine"
          ? { id, seen: here, next: mineAfterTheirs }
          : { id, seen: here, next: { ...mineAfterTheirs, checksum: await sha256(decision.body), size: decision.body.length }, bytes: decision.body };
    const isDone = (await copy.settle([settled])).size === 0;
    if (isDone) result.conflicts += 1;
    return isDone;
  }
}

function stepOf(here: LocalRecord | undefined, { change, resync }: Case): Step {
  if (change !== undefined) return stepFor(here, change, resync);
  return here === undefined || resync === undefined ? "nothing" : stepForAbsent(here, resync.reason);
}

function needsBytes({ step, change }: Judged): boolean {
  return (step === "take" || step === "ask") && change?.op === "put";
}

function isWithout(one: Judged): boolean {
  return needsBytes(one) && one.blob === undefined;
}

function settlement({ id, here, change, step }: Judged, blob: Uint8Array | undefined): Settlement {
  const base = stateOf(change);
  if (step === "rebase" && here !== undefined) return { id, seen: here, next: { ...here, table: change?.table_name ?? here.table, base } };
  if (step === "forget" || base === null || change === undefined || blob === undefined) return { id, seen: here, next: undefined };
  const next = { id, table: change.table_name, checksum: base.checksum, size: blob.length, base };
  return { id, seen: here, next, bytes: blob };
}

function kept(one: Case, blob: Theirs | undefined): Case {
  return blob instanceof Uint8Array ? { ...one, blob } : one;
}

function pending(change: Change, resync: ResyncRule | undefined): Pending {
  return resync === undefined ? { change } : { change, resync };
}

function stateOf(change: Change | undefined): ServerState | null {
  if (change === undefined || change.op === "delete") return null;
  const { revision, checksum, etag } = change;
  return { revision, checksum, etag };
}
