import { instantOf, isKnownZone } from "./local_time.js";
import { localTimes, readRule, UnknownSchedule, type Rule } from "./rrules.js";
import type { ScheduleTrigger } from "./spec.js";

const HOUR_MS = 3_600_000;
/** The longest gap there was: Samoa went without the 30th of December 2011. */
const LONGEST_GAP_MS = 24 * HOUR_MS;
/** Before a moment by the local time of any zone (UTC-12 to UTC+14), with room for a gap. */
const MARGIN_MS = 72 * HOUR_MS;

interface Moment {
  instant: number;
  /** A gap of the clock's has moved it. */
  hasMoved: boolean;
}

/**
 * When a schedule is due after `instant`, in order; the server's `next_runs` are the first three. A local time in a gap moves forward
 * by the gap (RFC 5545 § 3.3.5), and is left out where that brings it within an hour of another. Throws `UnknownSchedule`.
 */
export function* dueTimes({ rrule, anchor, timezone }: ScheduleTrigger, after: number): Generator<number, void, undefined> {
  if (!isKnownZone(timezone)) throw new UnknownSchedule(`${timezone} is not a time zone that is known here.`);
  let previous: Moment | undefined;
  let held: Moment | undefined;
  for (const following of withEnd(moments(readRule(rrule, anchor), timezone, after))) {
    if (held !== undefined && held.instant === following?.instant) {
      held = { ...held, hasMoved: held.hasMoved && following.hasMoved };
      continue;
    }
    if (held !== undefined && held.instant > after && !(held.hasMoved && isNear(held, previous, following))) yield held.instant;
    [previous, held] = [held, following];
  }
}

/** The first due time after `instant`; `undefined` where there is none any more. */
export function nextDue(trigger: ScheduleTrigger, instant: number): number | undefined {
  return dueTimes(trigger, instant).next().value ?? undefined;
}

/** The newest due time from `since` to `instant`, both included. */
export function newestDue(trigger: ScheduleTrigger, since: number, instant: number): number | undefined {
  let newest: number | undefined;
  for (const due of dueTimes(trigger, since - 1)) {
    if (due > instant) break;
    newest = due;
  }
  return newest;
}

function isNear(one: Moment, ...others: (Moment | undefined)[]): boolean {
  return others.some((other) => other !== undefined && !other.hasMoved && Math.abs(other.instant - one.instant) < HOUR_MS);
}

/** Rising; some from before `after` come first. */
function* moments(rule: Rule, timezone: string, after: number): Generator<Moment, void, undefined> {
  const waiting: Moment[] = [];
  for (const wall of localTimes(rule, after - MARGIN_MS)) {
    const moment = instantOf(wall, timezone);
    const { until } = rule;
    if (until !== undefined && ("wall" in until ? wall > until.wall : moment.instant > until.instant)) break;
    waiting.push(moment);
    waiting.sort((one, other) => one.instant - other.instant);
    // Later ones may come to lie before one that has moved.
    while ((waiting[0]?.instant ?? moment.instant) < moment.instant - LONGEST_GAP_MS) yield waiting.shift() as Moment;
  }
  yield* waiting;
}

function* withEnd<Value>(values: Iterable<Value>): Generator<Value | undefined, void, undefined> {
  yield* values;
  yield undefined;
}
