import { ok } from "../api.js";
import { sha256 } from "../bytes.js";
import { isProblem, OtherAccount } from "../problem.js";
import type { Change, Feed } from "../types.js";
import { BEGINNING, isUnknownCursor, pageOf, resyncReason, type Resync } from "./feed.js";
import { each, Queue } from "./pool.js";
import { stepFor, stepForAbsent, type Step } from "./rules.js";
import { fail, type Run } from "./run.js";
import type { LocalRecord, Pending, ResyncRule, ServerState, SyncState } from "./store.js";

const RESTARTS = 3;

/** What is known of one record; `change` is undefined where the feed, read to its end, has not told of it. */
interface Case {
  id: string;
  here: LocalRecord | undefined;
  change: Change | undefined;
  resync: ResyncRule | undefined;
}

/**
 * Takes over what has changed on the server.
 *
 * A feed that has to be read from its beginning never says again why: 0 is as good a cursor after a restore as after a
 * pruning. So the cursor that could not go on is kept, with the reason, until everything that belongs to it is done; an
 * interrupted resync begins again, at little cost, since what has been downloaded is known by its ETag.
 *
 * A record that cannot be downloaded holds up neither a feed nor a resync: its bytes may be lost for good. What was told of it
 * is kept, and tried again each time, until it is taken over, is gone, or the feed tells something else of it.
 */
export class Pull {
  readonly #questions = new Queue();

  constructor(private readonly run: Run) {}

  async all(): Promise<void> {
    let state = await this.#state();
    for (let restarts = 0; ; restarts += 1) {
      this.run.result.failed = [];
      if (state.resync !== undefined) state = await this.#announce(state, state.resync);
      try {
        await (state.resync === undefined ? this.#follow(state) : this.#resync(state, state.resync));
        return;
      } catch (error) {
        const told = await this.#told(error, state.account);
        if (restarts === RESTARTS) throw error;
        state = await this.#begin(state, told);
      }
    }
  }

  /** What an error says of the cursor; any other error is thrown. */
  async #told(error: unknown, account: string): Promise<Resync> {
    const told = resyncReason(error) ?? (isUnknownCursor(error) ? "restored" : undefined);
    if (told === undefined) throw error;
    await this.#mustBe(account, { cause: error });
    return told;
  }

  /** A cursor is good for one account alone; the beginning, where every resync starts, is one of any account's feed. */
  async #mustBe(account: string, options?: ErrorOptions): Promise<void> {
    if ((await this.#account()) !== account) throw new OtherAccount(options);
  }

  async #account(): Promise<string> {
    const { api, pace, signal } = this.run;
    return (await pace.turn(() => ok(api.GET("/api/v1/auth/me", signal === undefined ? {} : { signal })), signal)).id;
  }

  /** Once something may have been lost, nothing less is said until it has been sent again. */
  async #begin({ resync, ...rest }: SyncState, told: Resync): Promise<SyncState> {
    const { store } = this.run.copy;
    const known = resync?.known ?? (await store.all()).reduce((highest, { base }) => Math.max(highest, base?.revision ?? 0), 0);
    const reason = resync?.reason === "restored" ? "restored" : told;
    // A pruning on the way is nothing new to the app; a restore is, though it be the second one.
    const isAnnounced = resync?.isAnnounced === true && told === "pruned";
    const state: SyncState = { ...rest, resync: { reason, known, isAnnounced } };
    await store.saveState(state);
    return state;
  }

  async #announce(state: SyncState, resync: NonNullable<SyncState["resync"]>): Promise<SyncState> {
    const { copy, options, result } = this.run;
    result.resync = resync.reason;
    if (resync.isAnnounced === true) return state;
    await options.onResync(resync.reason);
    const announced = { ...state, resync: { ...resync, isAnnounced: true } };
    await copy.store.saveState(announced);
    return announced;
  }

  /** A copy without a cursor may be one whose cursor was lost: then nothing may be dropped. */
  async #state(): Promise<SyncState> {
    const { store } = this.run.copy;
    const kept = await store.loadState();
    if (kept !== undefined) {
      if (kept.resync !== undefined || kept.cursor === BEGINNING) await this.#mustBe(kept.account);
      return kept;
    }
    const isNew = (await store.all()).every(({ base }) => base === null);
    const state: SyncState = { account: await this.#account(), cursor: BEGINNING };
    if (!isNew) return this.#begin(state, "restored");
    await store.saveState(state);
    return state;
  }

  async #follow({ account, cursor, pending = [] }: SyncState): Promise<void> {
    const { store } = this.run.copy;
    let earlier = pending;
    let failed: Pending[] = [];
    for (let hasMore = true; hasMore; ) {
      const page = await this.#page(cursor);
      const isUntold = untoldIn(page.changes);
      earlier = earlier.filter(isUntold);
      failed = [...failed.filter(isUntold), ...(await this.#apply(page.changes.map((change) => ({ change }))))];
      cursor = page.next;
      await store.saveState(stateWith(account, cursor, [...earlier, ...failed]));
      hasMore = page.has_more;
    }
    if (earlier.length === 0) return;
    await store.saveState(stateWith(account, cursor, [...(await this.#apply(earlier)), ...failed]));
  }

  async #resync({ account, cursor, pending = [] }: SyncState, { reason, known }: ResyncRule): Promise<void> {
    const { store } = this.run.copy;
    const resync = { reason, known };
    const told = new Set<string>();
    let earlier = pending;
    let failed: Pending[] = [];
    let since = BEGINNING;
    for (let hasMore = true; hasMore; ) {
      const page = await this.#page(since);
      for (const { id } of page.changes) told.add(id);
      const isUntold = untoldIn(page.changes);
      earlier = earlier.filter(isUntold);
      failed = [...failed.filter(isUntold), ...(await this.#apply(page.changes.map((change) => ({ change, resync }))))];
      since = page.next;
      hasMore = page.has_more;
    }
    if (reason === "pruned" && !(await this.#isStillPruned(cursor))) {
      const state = stateWith(account, cursor, [...earlier, ...failed]);
      await store.saveState(state);
      return this.#follow(state);
    }
    const absent = (await store.all()).filter(({ id }) => !told.has(id));
    await each(absent, 1, ({ id }) => this.#settle(id, undefined, resync, (here) => (here === undefined ? "nothing" : stepForAbsent(here, reason))));
    await store.saveState(stateWith(account, since, failed));
  }

  /** Asked before anything is dropped: meanwhile the service may have been restored, which only the old cursor tells. */
  async #isStillPruned(cursor: string): Promise<boolean> {
    try {
      await this.#page(cursor);
      return false;
    } catch (error) {
      if (resyncReason(error) === "pruned") return true;
      throw error;
    }
  }

  #page(since: string): Promise<Feed> {
    const { api, options, pace, signal } = this.run;
    return pace.turn(() => pageOf(api, since, options.pageSize, signal), signal);
  }

  /** What of it could not be downloaded is given back. */
  async #apply(changes: Pending[]): Promise<Pending[]> {
    const failed: Pending[] = [];
    await each(changes, this.run.options.concurrency, async (one) => {
      const { change, resync } = one;
      try {
        await this.#settle(change.id, change, resync, (here) => stepFor(here, change, resync));
      } catch (error) {
        fail(this.run, change.id, error);
        failed.push(one);
      }
    });
    return failed;
  }

  /** Does what `rule` says of the record as it is here, and again if the user has edited it meanwhile. */
  async #settle(id: string, change: Change | undefined, resync: ResyncRule | undefined, rule: (here: LocalRecord | undefined) => Step): Promise<void> {
    const { store } = this.run.copy;
    for (let isDone = false; !isDone; ) {
      const here = await store.get(id);
      isDone = await this.#step(rule(here), { id, here, change, resync });
    }
  }

  /** False where the user was quicker. */
  async #step(step: Step, one: Case): Promise<boolean> {
    const { id, here, change } = one;
    const { copy, result } = this.run;
    switch (step) {
      case "nothing":
        return true;
      case "rebase":
        return here === undefined || copy.settle(id, here, { ...here, table: change?.table_name ?? here.table, base: stateOf(change) });
      case "forget": {
        const isDone = await copy.settle(id, here, undefined);
        if (isDone) result.removed += 1;
        return isDone;
      }
      case "take": {
        const theirs = await this.#theirs(one);
        if (theirs === "moved") return true;
        const isDone = await copy.settle(id, here, theirs?.record, theirs?.bytes);
        if (isDone) result.received += 1;
        return isDone;
      }
      case "ask":
        return this.#ask(one);
    }
  }

  async #ask(one: Case): Promise<boolean> {
    const { id, change, resync } = one;
    const { copy, options, result, signal } = this.run;
    const theirs = await this.#theirs(one);
    if (theirs === "moved") return true;
    const { here, body: mine } = await copy.read(id);
    if (here === undefined) return false;
    const table = change?.table_name ?? here.table;
    const decision = await this.#questions.run(() => {
      signal?.throwIfAborted();
      return options.onConflict({ id, table, mine, theirs: theirs?.bytes, resync: resync?.reason });
    });
    const mineAfterTheirs = { ...here, table, base: stateOf(change) };
    const isDone = await (decision === "theirs"
      ? copy.settle(id, here, theirs?.record, theirs?.bytes)
      : decision === "mine"
        ? copy.settle(id, here, mineAfterTheirs)
        : copy.settle(id, here, { ...mineAfterTheirs, checksum: await sha256(decision.body) }, decision.body));
    if (isDone) result.conflicts += 1;
    return isDone;
  }

  /** The server's side; undefined where it has none. `moved`: it has changed since, which the feed will tell further on. */
  async #theirs({ id, change }: Case): Promise<{ record: LocalRecord; bytes: Uint8Array } | undefined | "moved"> {
    const base = stateOf(change);
    if (change === undefined || base === null) return undefined;
    const { records, pace, signal } = this.run;
    try {
      const { bytes, checksum } = await pace.turn(() => records.read(id, { signal }), signal);
      const record = { id, table: change.table_name, checksum, base };
      return checksum === base.checksum ? { record, bytes } : "moved";
    } catch (error) {
      if (isProblem(error, "not_found")) return "moved";
      throw error;
    }
  }
}

function stateWith(account: string, cursor: string, pending: Pending[]): SyncState {
  return pending.length === 0 ? { account, cursor } : { account, cursor, pending };
}

/** Whether these, which are later, leave an earlier one as it was. */
function untoldIn(changes: Change[]): (earlier: Pending) => boolean {
  const told = new Set(changes.map(({ id }) => id));
  return ({ change }) => !told.has(change.id);
}

function stateOf(change: Change | undefined): ServerState | null {
  if (change === undefined || change.op === "delete") return null;
  const { revision, checksum, etag } = change;
  return { revision, checksum, etag };
}
