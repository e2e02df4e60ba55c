import { dateOf, DAY_MS, dayOf, firstOfMonth, readLocal, weekdayOf, type Day } from "./local_time.js";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
/** A rule that names nothing in so many days names nothing at all: the calendar repeats itself after them, weekdays included. */
const HORIZON_DAYS = 146_097;

/** `nth` counts within the month, from its end if negative; 0 is each one. */
interface ByDay {
  weekday: number;
  nth: number;
}

/** The part of RFC 5545 § 3.3.10 that a batch may have; what it leaves open is filled in from the anchor. */
export interface Rule {
  /** Local, as `wallTime` has it. */
  anchor: number;
  frequency: "DAILY" | "WEEKLY" | "MONTHLY";
  interval: number;
  byMonth: number[];
  byMonthDay: number[];
  byDay: ByDay[];
  bySetPosition: number[];
  /** Milliseconds since midnight, rising. */
  times: number[];
  weekStart: number;
  count: number;
  /** The last moment: in UTC, or local. */
  until: { instant: number } | { wall: number } | undefined;
}

/** The schedule is not one that this version of the client can read. */
export class UnknownSchedule extends Error {
  override readonly name = "UnknownSchedule";
}

/** Local times that the rule names, rising, from `earliest` on. */
export function* localTimes(rule: Rule, earliest: number): Generator<number, void, undefined> {
  const horizon = dayOf(Math.max(rule.anchor, earliest)) + HORIZON_DAYS;
  let counted = 0;
  for (const [first, length] of periods(rule, earliest)) {
    if (first > horizon) return;
    for (const wall of timesOf(rule, first, length)) {
      if (wall < rule.anchor) continue;
      if ((counted += 1) > rule.count) return;
      if (wall >= earliest) yield wall;
    }
  }
}

function timesOf(rule: Rule, first: Day, length: number): number[] {
  const days = Array.from({ length }, (_, index) => first + index).filter((day) => isNamed(rule, day));
  const all = days.flatMap((day) => rule.times.map((time) => day * DAY_MS + time));
  const { bySetPosition: positions } = rule;
  return positions.length === 0 ? all : all.filter((_, index) => positions.includes(index + 1) || positions.includes(index - all.length));
}

/** [its first day, how many it has] of the periods that count; years gone by cost nothing where nothing has to be counted. */
function* periods({ anchor, frequency, interval, weekStart, count }: Rule, earliest: number): Generator<[Day, number], void, undefined> {
  const start = dayOf(anchor);
  const goneBy = count === Number.POSITIVE_INFINITY ? Math.max(0, dayOf(earliest) - start) : 0;
  if (frequency === "MONTHLY") {
    const { year, month } = dateOf(start);
    const skipped = Math.max(0, Math.floor(goneBy / 31 / interval) - 1) * interval;
    for (let index = month + skipped; ; index += interval) {
      const first = firstOfMonth(year, index);
      yield [first, firstOfMonth(year, index + 1) - first];
    }
  }
  const length = frequency === "DAILY" ? 1 : 7;
  const step = interval * length;
  const skipped = Math.max(0, Math.floor(goneBy / step) - 1) * step;
  const begin = frequency === "DAILY" ? start : start - ((weekdayOf(start) - weekStart + 7) % 7);
  for (let first = begin + skipped; ; first += step) yield [first, length];
}

function isNamed({ byMonth, byMonthDay, byDay }: Rule, day: Day): boolean {
  const { year, month, date } = dateOf(day);
  const days = firstOfMonth(year, month + 1) - firstOfMonth(year, month);
  const [nth, nthFromEnd] = [Math.ceil(date / 7), -Math.ceil((days - date + 1) / 7)];
  return (
    (byMonth.length === 0 || byMonth.includes(month + 1)) &&
    (byMonthDay.length === 0 || byMonthDay.includes(date) || byMonthDay.includes(date - days - 1)) &&
    (byDay.length === 0 || byDay.some((one) => one.weekday === weekdayOf(day) && [0, nth, nthFromEnd].includes(one.nth)))
  );
}

/** Throws `UnknownSchedule`. */
export function readRule(text: string, anchorText: string): Rule {
  const refuse = (what: string): UnknownSchedule => new UnknownSchedule(`${what} is not known here: ${text} from ${anchorText}`);
  const anchor = readLocal(anchorText);
  if (anchor === undefined) throw refuse("such an anchor");
  const parts = new Map(text.split(";").map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]));
  const list = <Value>(name: string, read: (value: string) => Value | undefined): Value[] => {
    const values = parts.get(name)?.split(",").map(read) ?? [];
    parts.delete(name);
    if (values.includes(undefined)) throw refuse(name);
    return values as Value[];
  };
  const numbers = (name: string, low: number, high: number, canBeZero = false): number[] => {
    const isOne = (number: number): boolean => number >= low && number <= high && (number !== 0 || canBeZero);
    return list(name, (value) => (/^[+-]?\d{1,5}$/.test(value) && isOne(Number(value)) ? Number(value) : undefined));
  };
  const [frequency] = list("FREQ", (value) => (["DAILY", "WEEKLY", "MONTHLY"] as const).find((one) => one === value));
  if (frequency === undefined) throw refuse("FREQ");
  const [midnight, date] = [dayOf(anchor) * DAY_MS, dayOf(anchor)];
  const hours = numbers("BYHOUR", 0, 23, true);
  const [minute = Math.floor((anchor % HOUR_MS) / MINUTE_MS)] = numbers("BYMINUTE", 0, 59, true);
  const rule: Rule = {
    anchor,
    frequency,
    interval: numbers("INTERVAL", 1, 1000)[0] ?? 1,
    byMonth: numbers("BYMONTH", 1, 12),
    byMonthDay: numbers("BYMONTHDAY", -31, 31),
    byDay: list("BYDAY", readByDay),
    bySetPosition: numbers("BYSETPOS", -366, 366),
    times: (hours.length > 0 ? hours : [Math.floor((anchor - midnight) / HOUR_MS)])
      .sort((one, other) => one - other)
      .map((hour) => hour * HOUR_MS + minute * MINUTE_MS),
    weekStart: list("WKST", readByDay)[0]?.weekday ?? 0,
    count: numbers("COUNT", 1, 10_000)[0] ?? Number.POSITIVE_INFINITY,
    until: list("UNTIL", readUntil)[0],
  };
  if (parts.size > 0) throw refuse([...parts.keys()].join(", "));
  if (frequency === "WEEKLY" && rule.byDay.length === 0) rule.byDay = [{ weekday: weekdayOf(date), nth: 0 }];
  // A month without that day is left out.
  if (frequency === "MONTHLY" && rule.byDay.length + rule.byMonthDay.length === 0) rule.byMonthDay = [dateOf(date).date];
  return rule;
}

function readByDay(value: string): ByDay | undefined {
  const match = /^([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)$/.exec(value);
  return match === null ? undefined : { weekday: WEEKDAYS.indexOf(match[2] as string), nth: Number(match[1] ?? 0) };
}

/** A date alone counts to the end of that day. */
function readUntil(value: string): Rule["until"] {
  const match = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?$/.exec(value);
  if (match === null) return undefined;
  const [, year, month, date, hour = "23", minute = "59", second = "59", utc] = match;
  const wall = readLocal(`${year}-${month}-${date}T${hour}:${minute}:${second}`);
  if (wall === undefined) return undefined;
  return utc === "Z" ? { instant: wall } : { wall };
}
