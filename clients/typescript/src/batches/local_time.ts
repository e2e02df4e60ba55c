export const DAY_MS = 86_400_000;

/** A day as a number: days since 1970-01-01. */
export type Day = number;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Throws a `RangeError` for a time zone that the platform does not know. */
function formatOf(timezone: string): Intl.DateTimeFormat {
  let format = formats.get(timezone);
  if (format === undefined) {
    const digits = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" } as const;
    format = new Intl.DateTimeFormat("en-US", { timeZone: timezone, calendar: "gregory", numberingSystem: "latn", hourCycle: "h23", ...digits });
    formats.set(timezone, format);
  }
  return format;
}

/** What a clock on the wall shows at `instant`, as milliseconds of a UTC that shows the same. */
export function wallTime(instant: number, timezone: string): number {
  const parts = new Map(formatOf(timezone).formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = (["year", "month", "day", "hour", "minute", "second"] as const).map((type) => parts.get(type));
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/**
 * When a clock on the wall shows `wall`. A time that it leaves out moves forward by what it leaves out, and of one that it shows twice it
 * is the first: both are the time by the offset of before.
 */
export function instantOf(wall: number, timezone: string): { instant: number; hasMoved: boolean } {
  const offsetAt = (instant: number): number => wallTime(instant, timezone) - instant;
  const before = wall - offsetAt(wall - DAY_MS);
  if (wallTime(before, timezone) === wall) return { instant: before, hasMoved: false };
  const after = wall - offsetAt(wall + DAY_MS);
  const hasMoved = wallTime(after, timezone) !== wall;
  return { instant: hasMoved ? before : after, hasMoved };
}

export function isKnownZone(timezone: string): boolean {
  try {
    return formatOf(timezone) !== undefined;
  } catch {
    return false;
  }
}

export function dayOf(wall: number): Day {
  return Math.floor(wall / DAY_MS);
}

/** 0 is Monday. */
export function weekdayOf(day: Day): number {
  return (((day + 3) % 7) + 7) % 7;
}

/** `month`: 0 is January. */
export function dateOf(day: Day): { year: number; month: number; date: number } {
  const shown = new Date(day * DAY_MS);
  return { year: shown.getUTCFullYear(), month: shown.getUTCMonth(), date: shown.getUTCDate() };
}

/** `month` may go over the year's end. */
export function firstOfMonth(year: number, month: number): Day {
  return Date.UTC(year, month, 1) / DAY_MS;
}

/** Milliseconds, as `wallTime` has them, of a local date and time such as `2026-11-30T09:00`; `undefined` for anything else. */
export function readLocal(text: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?$/.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map((digits) => Number(digits ?? 0));
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  const shown = new Date(wall);
  return shown.getUTCMonth() === month - 1 && shown.getUTCDate() === day && hour < 24 ? wall : undefined;
}
