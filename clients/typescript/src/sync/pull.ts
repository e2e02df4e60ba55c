import { ok } from "../api.js";
import { abortable } from "../clock.js";
import { isProblem, OtherAccount, type CauseOptions } from "../problem.js";
import type { Change } from "../types.js";
import { BEGINNING, isUnknownCursor, resyncReason, type Resync } from "./feed.js";
import type { Run } from "./run.js";
import type { Pending, ResyncRule, SyncState } from "./store.js";
import { Takeover, type Case } from "./takeover.js";
import { BrokenAnswer, type FeedPage } from "./wire.js";

const RESTARTS = 3;

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
  readonly #takeover: Takeover;
  /** Changes that were read, for who shows how far it has come. */
  #read = 0;

  constructor(private readonly run: Run) {
    this.#takeover = new Takeover(run);
  }

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
  async #mustBe(account: string, options?: CauseOptions): Promise<void> {
    if ((await this.#account()) !== account) throw new OtherAccount(options);
  }

  async #account(): Promise<string> {
    const { api, pace, signal } = this.run;
    return (await pace.turn(() => ok(api.GET("/api/v1/auth/me", { signal })), signal)).id;
  }

  /** Once something may have been lost, nothing less is said until it has been sent again. */
  async #begin({ resync, ...rest }: SyncState, told: Resync): Promise<SyncState> {
    const { store } = this.run.copy;
    const known = resync?.known ?? (await store.all()).reduce((highest, { base }) => Math.max(highest, base?.revision ?? 0), 0);
    const reason = resync?.reason === "restored" ? "restored" : told;
    // A pruning on the way is nothing new to the app; a restore is, though it be the second one.
    const isAnnounced = resync?.isAnnounced === true && told === "pruned";
    const state: SyncState = { ...rest, resync: { reason, known, isAnnounced } };
    await store.applyAll({ state });
    return state;
  }

  async #announce(state: SyncState, resync: NonNullable<SyncState["resync"]>): Promise<SyncState> {
    const { copy, options, result, signal } = this.run;
    result.resync = resync.reason;
    if (resync.isAnnounced === true) return state;
    await abortable(Promise.resolve(options.onResync(resync.reason)), signal);
    const announced = { ...state, resync: { ...resync, isAnnounced: true } };
    await copy.store.applyAll({ state: announced });
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
    await store.applyAll({ state });
    return state;
  }

  async #follow({ account, cursor, pending = [] }: SyncState): Promise<void> {
    const isFirst = cursor === BEGINNING && (await this.run.copy.store.all()).length === 0;
    let earlier = pending;
    let failed: Pending[] = [];
    for (let hasMore = true; hasMore; ) {
      const page = await this.#page(cursor, isFirst || !this.run.numbers.hasEchoes);
      const isUntold = untoldIn(page.changes);
      earlier = earlier.filter(isUntold);
      failed = failed.filter(isUntold);
      cursor = page.next;
      const state = (more: Pending[]): SyncState => stateWith(account, cursor, [...earlier, ...failed, ...more]);
      failed = [...failed, ...(await this.#takeover.all(casesOf(page), state))];
      this.#tell(page);
      hasMore = page.hasMore;
    }
    if (earlier.length === 0) return;
    await this.#takeover.all(earlier.map(caseOf), (again) => stateWith(account, cursor, [...again, ...failed]));
  }

  /** The device has most of it, so that the bytes of the rest are asked for once it is known which they are. */
  async #resync({ account, cursor, pending = [] }: SyncState, { reason, known }: ResyncRule): Promise<void> {
    const { store } = this.run.copy;
    const resync = { reason, known };
    const told = new Set<string>();
    let earlier = pending;
    let failed: Pending[] = [];
    let since = BEGINNING;
    for (let hasMore = true; hasMore; ) {
      const page = await this.#page(since, false);
      for (const { id } of page.changes) told.add(id);
      const isUntold = untoldIn(page.changes);
      earlier = earlier.filter(isUntold);
      failed = [...failed.filter(isUntold), ...(await this.#takeover.all(casesOf(page, resync)))];
      this.#tell(page);
      since = page.next;
      hasMore = page.hasMore;
    }
    if (reason === "pruned" && !(await this.#isStillPruned(cursor))) {
      const state = stateWith(account, cursor, [...earlier, ...failed]);
      await store.applyAll({ state });
      return this.#follow(state);
    }
    const absent = (await store.all()).filter(({ id }) => !told.has(id));
    await this.#takeover.all(absent.map(({ id }) => ({ id, change: undefined, resync })), () => stateWith(account, since, failed));
  }

  /** Asked before anything is dropped: meanwhile the service may have been restored, which only the old cursor tells. */
  async #isStillPruned(cursor: string): Promise<boolean> {
    try {
      await this.run.wire.changes(cursor, this.run.options.pageSize, false, this.run.signal);
      return false;
    } catch (error) {
      if (resyncReason(error) === "pruned") return true;
      throw error;
    }
  }

  async #page(since: string, withBytes: boolean): Promise<FeedPage> {
    const { numbers, options, signal, wire } = this.run;
    const ask = (bytes: boolean): Promise<FeedPage> => wire.changes(since, options.pageSize, bytes, signal);
    // Bytes that are lost for good must not keep the feed from being read.
    const isLost = (error: unknown): boolean => error instanceof BrokenAnswer || isProblem(error, "upstream_error", "internal_error");
    const page = await ask(withBytes).catch((error: unknown) => (withBytes && isLost(error) ? ask(false) : Promise.reject(error)));
    numbers.read(page.changes, page.hasMore);
    return page;
  }

  #tell({ changes, hasMore }: FeedPage): void {
    this.#read += changes.length;
    if (changes.length > 0) this.run.options.onProgress({ phase: "download", done: this.#read, ...(hasMore ? {} : { total: this.#read }) });
  }
}

function casesOf({ changes, blobs }: FeedPage, resync?: ResyncRule): Case[] {
  return changes.map((change) => ({ id: change.id, change, resync, blob: blobs.get(change.id) }));
}

function caseOf({ change, resync }: Pending): Case {
  return { id: change.id, change, resync };
}

function stateWith(account: string, cursor: string, pending: Pending[]): SyncState {
  return pending.length === 0 ? { account, cursor } : { account, cursor, pending };
}

/** Whether these, which are later, leave an earlier one as it was. */
function untoldIn(changes: Change[]): (earlier: Pending) => boolean {
  const told = new Set(changes.map(({ id }) => id));
  return ({ change }) => !told.has(change.id);
}
