import type { ChatSocket } from "../chat.js";
import { abortable, type Clock } from "../clock.js";
import { utf8 } from "../keys/bytes.js";
import { Locked } from "../keys/ring.js";
import type { MapItem } from "../map.js";
import { AdiuvaProblem, isProblem, SignedOut } from "../problem.js";
import { ConnectionLost } from "../socket.js";
import { AdiuvaTimeoutError } from "../timeouts.js";
import type { ChatAction, ChatRequest, ModelChoice } from "../types.js";
import type { ItemCounts } from "./batches.js";
import type { BatchHost, BatchRecord, Ending, RunEvent, RunInfo } from "./host.js";
import type { ItemState, JournalRun } from "./journal.js";
import type { Step, Table } from "./spec.js";
import { select } from "./where.js";

/** One of the spec's limits, or the user's no, has ended it before all was done. */
export class CutShort extends Error {
  override readonly name = "CutShort";

  constructor(readonly code: string) {
    super(`The run was cut short: ${code}.`);
  }
}

export interface WorkOptions {
  info: RunInfo;
  host: BatchHost;
  /** Its own conversation, which the user's does not wait for. */
  chat: ChatSocket;
  clock: Clock;
  /** The server's, for what today is. */
  now: number;
  journal: JournalRun;
  save: () => Promise<void>;
  /** Other runs may go on meanwhile. */
  asideWhile: <Value>(wait: () => Promise<Value>) => Promise<Value>;
  tell: (event: RunEvent) => void;
  /** Of this runner's doing, by record: what it changes is no reason to run batches. */
  applying: (action: ChatAction) => void;
  /** The lease is lost, or the runner is stopped: thrown, and nothing is reported. */
  signal: AbortSignal;
}

/** Records in one map, tier by tier: who may not have so many is told so, and has as many as the next one. */
const MOST_BY_TIER = [200, 50];
/** What the one thing that an agent step does is called in the journal. */
const ALL = "*";
const SAVE_EACH_MS = 2_000;
const CONTEXT: Record<Table, string> = { tasks: "recent_tasks", task_comments: "task_comments", projects: "projects", checkpoints: "checkpoints", notes: "notes" };

/** Carries out the steps of one run. Rejects with the signal's reason, with `SignedOut` and with `Locked`; anything else is how it has ended. */
export class Work {
  readonly #cut = new AbortController();
  readonly #signal: AbortSignal;
  readonly #budget: TimeBudget;
  #chosen: BatchRecord[] = [];
  #savedAt = 0;
  #choice: ModelChoice = {};

  constructor(private readonly options: WorkOptions) {
    this.#signal = AbortSignal.any([options.signal, this.#cut.signal]);
    const minutes = options.info.spec.limits.max_minutes;
    this.#budget = new TimeBudget(options.clock, minutes * 60_000, () => this.#cut.abort(new CutShort("time_limit")));
  }

  async carryOut(): Promise<Ending> {
    const { info, host, signal } = this.options;
    let code: string | undefined;
    this.#budget.start();
    try {
      this.#choice = (await host.model?.(info)) ?? {};
      code = await this.#select();
      for (const step of this.#chosen.length === 0 ? [] : info.spec.steps) {
        signal.throwIfAborted();
        this.#cut.signal.throwIfAborted();
        code = (step.type === "map" ? await this.#map(step) : await this.#ask(step)) ?? code;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SignedOut || error instanceof Locked) throw error; // it goes on where, and when, there is a key
      code = codeOf(this.#cut.signal.aborted ? this.#cut.signal.reason : error);
    } finally {
      this.#budget.stop();
    }
    const items = this.#counts();
    return { outcome: outcomeOf(items, code), items, ...(code === undefined ? {} : { code }) };
  }

  /** Which day is today is the same for what is selected and for what the model makes of it. */
  get #timezone(): string {
    const { trigger } = this.options.info.spec;
    return trigger.kind === "schedule" ? trigger.timezone : Intl.DateTimeFormat().resolvedOptions().timeZone;
  }

  /** Those of an earlier attempt stay: what was changed since may not meet the conditions any more. */
  async #select(): Promise<string | undefined> {
    const { info, host, journal, now } = this.options;
    const { selection, limits } = info.spec;
    const known = new Set(Object.values(journal.items).flatMap((items) => Object.keys(items)));
    const { chosen, hasMore } = await select(selection, host.records(selection.table), { now, timezone: this.#timezone }, limits.max_items, known);
    this.#chosen = chosen;
    return hasMore ? "item_limit" : undefined;
  }

  async #map(step: Step): Promise<string | undefined> {
    const items = (this.options.journal.items[step.id] ??= {});
    let keys = this.#chosen.map(({ id }) => id).filter((id) => items[id] === undefined);
    const held: MapItem[] = [];
    let code: string | undefined;
    let failure: unknown;
    for (let isTried = false; !isTried; ) {
      isTried = true;
      try {
        code = (await this.#mapOver(step, keys, held)) ?? code;
      } catch (error) {
        failure = error;
        const fewer = MOST_BY_TIER.find((most) => most < keys.length);
        if (fewer === undefined || !isProblem(error, "validation_error") || error.problem.errors?.["total"] === undefined) break;
        [keys, code, failure, isTried] = [keys.slice(0, fewer), "item_limit", undefined, false];
      }
    }
    this.options.signal.throwIfAborted();
    code = (await this.#approve(step, held)) ?? code; // what there is, however the rest has ended
    this.#cut.signal.throwIfAborted();
    if (failure !== undefined) throw failure;
    return code;
  }

  /** What waits for a yes is put with what is `held`. */
  async #mapOver(step: Step, keys: string[], held: MapItem[]): Promise<string | undefined> {
    const { info, host, chat, journal } = this.options;
    const { selection } = info.spec;
    const before = journal.tokens;
    const run = chat.map({
      ...this.#choice,
      runId: await nameUuid(info.run.run_id, step.id), // two steps over a record would give their actions the same ids
      instruction: step.instruction,
      tools: step.tools,
      timezone: this.#timezone,
      keys,
      record: (id) => host.record(selection.table, id),
      signal: this.#signal,
    });
    let code: string | undefined;
    for await (const item of run) {
      this.#spend(before + run.usage.input_tokens + run.usage.output_tokens);
      if (item.status !== "done") await this.#note(step, item.key, item.status);
      else if (item.actions.some((action) => this.#waits(action))) held.push(item);
      else code = (await this.#applyAll(step, item.key, item.actions)) ?? code;
    }
    const { error, usage } = await run.result;
    this.#spend(before + usage.input_tokens + usage.output_tokens);
    if (error !== undefined) throw new CutShort(error.code);
    return code;
  }

  /** Once, for all records together. What has changed something and was interrupted is not done again: nobody knows how far it came. */
  async #ask(step: Step): Promise<string | undefined> {
    const { info, host, chat, journal, tell } = this.options;
    const items = (journal.items[step.id] ??= {});
    if (items[ALL] === "begun") items[ALL] = "failed";
    if (items[ALL] !== undefined) return items[ALL] === "failed" ? "interrupted" : undefined;
    const { table } = info.spec.selection;
    const records: BatchRecord[] = [];
    for (const { id } of this.#chosen) {
      const record = await host.record(table, id);
      if (record !== undefined) records.push(record);
    }
    const given = (await host.context?.(info)) as ChatRequest["context"];
    const user_profile = { ...given?.user_profile, timezone: given?.user_profile?.["timezone"] ?? this.#timezone };
    const context = { ...given, user_profile, [CONTEXT[table]]: records } as NonNullable<ChatRequest["context"]>;
    const turn = chat.send({ message: step.instruction, context, ...this.#choice }, { signal: this.#signal });
    const held: ChatAction[] = [];
    let code: string | undefined;
    for await (const frame of turn) {
      this.#signal.throwIfAborted();
      if (frame.type !== "action" || frame.action.type === "query_records") continue;
      if (this.#waits(frame.action)) {
        held.push(frame.action);
        continue;
      }
      await this.#note(step, ALL, "begun");
      code = (await this.#apply(step, [frame.action])) ?? code;
    }
    const { usage, response } = await turn.result;
    this.#spend(journal.tokens + usage.input_tokens + usage.output_tokens);
    this.#signal.throwIfAborted();
    tell({ type: "answer", ...info, step, text: response });
    if (held.length > 0) {
      const approved = await this.#approved(step, held);
      if (approved.length > 0) await this.#note(step, ALL, "begun");
      code = (await this.#apply(step, approved)) ?? (approved.length < held.length ? "not_approved" : code);
    }
    await this.#note(step, ALL, code === undefined ? "done" : code === "not_approved" ? "skipped" : "failed");
    return code;
  }

  #waits({ destructive, type }: ChatAction): boolean {
    const { approval } = this.options.info.spec;
    return type !== "query_records" && (approval === "always" || (approval === "destructive" && destructive));
  }

  /** Of one step: asked once, however many records they are of. */
  async #approve(step: Step, held: MapItem[]): Promise<string | undefined> {
    if (held.length === 0) return undefined;
    const waiting = held.flatMap(({ actions }) => actions.filter((action) => this.#waits(action)));
    const approved = new Set((await this.#approved(step, waiting)).map(({ id }) => id));
    let code: string | undefined;
    for (const { key, actions } of held) {
      const allowed = actions.filter((action) => !this.#waits(action) || approved.has(action.id));
      const isRefused = allowed.length < actions.length;
      code = (await this.#applyAll(step, key, allowed, isRefused ? "skipped" : "done")) ?? (isRefused ? "not_approved" : code);
    }
    return code;
  }

  async #approved(step: Step, actions: ChatAction[]): Promise<ChatAction[]> {
    const { info, host, asideWhile, signal } = this.options;
    this.#budget.stop(); // a person is not what the limit is about
    try {
      const ask = async (): Promise<boolean | readonly string[]> => (await host.approve?.({ ...info, step, actions, signal })) ?? false;
      const answer = await asideWhile(() => abortable(ask(), signal));
      return typeof answer === "boolean" ? (answer ? actions : []) : actions.filter(({ id }) => answer.includes(id));
    } finally {
      this.#budget.start();
    }
  }

  async #applyAll(step: Step, key: string, actions: ChatAction[], state: ItemState = "done"): Promise<string | undefined> {
    const code = await this.#apply(step, actions);
    await this.#note(step, key, code === undefined ? state : "failed");
    return code;
  }

  /** In their order; why not all were applied. A tool that the step does not name was not agreed to. */
  async #apply(step: Step, actions: ChatAction[]): Promise<string | undefined> {
    const { info, host, applying, signal } = this.options;
    for (const action of actions) {
      if (action.type === "query_records") continue;
      if (!step.tools.includes(action.name)) return "tool_not_allowed";
      signal.throwIfAborted();
      applying(action);
      try {
        await host.apply(action, info);
      } catch (error) {
        if (error instanceof Locked) throw error;
        return "apply_failed";
      }
    }
    return undefined;
  }

  #spend(tokens: number): void {
    const { journal, info } = this.options;
    journal.tokens = tokens;
    if (tokens > info.spec.limits.max_tokens) this.#cut.abort(new CutShort("token_limit"));
  }

  async #note(step: Step, key: string, state: ItemState): Promise<void> {
    const { info, journal, save, tell, clock } = this.options;
    (journal.items[step.id] ??= {})[key] = state;
    tell({ type: "progress", ...info, items: this.#counts() });
    if (clock.now() - this.#savedAt < SAVE_EACH_MS && state !== "begun") return; // what is done again has the same ids
    this.#savedAt = clock.now();
    await save();
  }

  #counts(): ItemCounts {
    const { info, journal } = this.options;
    const counts = { total: 0, done: 0, failed: 0, skipped: 0 };
    if (this.#chosen.length === 0) return counts;
    for (const { id, type } of info.spec.steps) {
      const items = journal.items[id] ?? {};
      for (const key of type === "map" ? this.#chosen.map((record) => record.id) : [ALL]) {
        counts.total += 1;
        const state = items[key];
        if (state !== undefined) counts[state === "begun" ? "failed" : state] += 1;
      }
    }
    return counts;
  }
}

/** Time that is spent, without that of waiting for a person. */
class TimeBudget {
  #running: AbortController | undefined;
  #since = 0;

  constructor(
    private readonly clock: Clock,
    private left: number,
    private readonly onSpent: () => void,
  ) {}

  start(): void {
    if (this.#running !== undefined) return;
    const running = (this.#running = new AbortController());
    this.#since = this.clock.now();
    this.clock.sleep(this.left, running.signal).then(this.onSpent, () => {});
  }

  stop(): void {
    if (this.#running === undefined) return;
    this.left = Math.max(0, this.left - (this.clock.now() - this.#since));
    this.#running.abort();
    this.#running = undefined;
  }
}

function outcomeOf({ total, done, failed }: ItemCounts, code: string | undefined): Ending["outcome"] {
  const isWhole = failed === 0 && (code === undefined || code === "not_approved");
  if (isWhole) return done > 0 ? "succeeded" : total > 0 || code === undefined ? "skipped" : "failed";
  return done > 0 ? "partial" : "failed";
}

/** As the registry has them: `^[a-z_]{1,40}$`. */
function codeOf(error: unknown): string {
  if (error instanceof CutShort) return error.code;
  if (error instanceof AdiuvaProblem) return error.code;
  return error instanceof ConnectionLost || error instanceof AdiuvaTimeoutError ? "connection_lost" : "device_error";
}

/** RFC 9562 § 5.5: a UUID of a name, within a namespace. */
export async function nameUuid(namespace: string, name: string): Promise<string> {
  const space = Uint8Array.from(namespace.replaceAll("-", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-1", Uint8Array.of(...space, ...utf8(name)))).slice(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
