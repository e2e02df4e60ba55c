import { dayOf, wallTime, type Day } from "./local_time.js";
import type { Condition, Selection } from "./spec.js";

/** A decrypted record, by its fields. */
export type RecordFields = Readonly<Record<string, unknown>>;

/** When a selection is made: `within_days` and `older_than_days` count days as they are in that time zone. */
export interface Moment {
  now: number;
  /** An IANA name. */
  timezone: string;
}

/** Days on which something has happened: `within_days` looks back from today, and not ahead. */
const PAST = new Set(["created_at", "updated_at"]);

/**
 * Records that meet every condition, in their order, no more than the selection's limit and `most`. Those that are `known` were chosen
 * before, whatever they meet now.
 */
export async function select<Fields extends RecordFields>(
  selection: Selection,
  records: Iterable<Fields> | AsyncIterable<Fields>,
  moment: Moment,
  most = Number.POSITIVE_INFINITY,
  known: ReadonlySet<unknown> = new Set(),
): Promise<{ chosen: Fields[]; hasMore: boolean }> {
  const limit = Math.min(selection.limit, most);
  const chosen: Fields[] = [];
  for await (const record of records) {
    if (!known.has(record["id"]) && !meets(record, selection.where, moment)) continue;
    if (chosen.length >= limit) return { chosen, hasMore: selection.limit > limit };
    chosen.push(record);
  }
  return { chosen, hasMore: false };
}

/** Whether a record meets every condition. What cannot be compared (a number with a text, a date with none) meets only `ne`. */
export function meets(record: RecordFields, where: readonly Condition[], moment: Moment): boolean {
  return where.every((condition) => meetsOne(record[condition.field], condition, moment));
}

function meetsOne(actual: unknown, { field, op, value }: Condition, moment: Moment): boolean {
  switch (op) {
    case "eq":
      return isEqual(actual, value, moment);
    case "ne":
      return !isEqual(actual, value, moment);
    case "in":
      return Array.isArray(value) && value.some((one) => isEqual(actual, one, moment));
    case "contains":
      return contains(actual, value);
    case "is_empty":
      return isEmpty(actual) === (value ?? true);
    case "lt":
      return compares(actual, value, moment, (sign) => sign < 0);
    case "lte":
      return compares(actual, value, moment, (sign) => sign <= 0);
    case "gt":
      return compares(actual, value, moment, (sign) => sign > 0);
    case "gte":
      return compares(actual, value, moment, (sign) => sign >= 0);
    case "within_days":
    case "older_than_days": {
      const day = dayIn(actual, moment.timezone);
      if (day === undefined || typeof value !== "number") return false;
      const age = dayOf(wallTime(moment.now, moment.timezone)) - day;
      if (op === "older_than_days") return age > value;
      const distance = PAST.has(field) ? age : -age;
      return distance >= 0 && distance <= value;
    }
    default:
      return false; // of a later version: rather nothing than everything
  }
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && value.trim() === "") || (Array.isArray(value) && value.length === 0);
}

/** A flag that was never set is false; a time is on the day that it falls on. */
function isEqual(actual: unknown, value: unknown, { timezone }: Moment): boolean {
  if (typeof value === "boolean") return (actual ?? false) === value;
  if (isEmpty(actual) || isEmpty(value)) return isEmpty(actual) && isEmpty(value);
  if (typeof actual !== "string" || typeof value !== "string") return actual === value;
  const day = isDate(value) ? dayIn(actual, timezone) : undefined;
  return day === undefined ? actual.normalize("NFC") === value.normalize("NFC") : day === dayIn(value, timezone);
}

function contains(actual: unknown, value: unknown): boolean {
  if (Array.isArray(actual)) return actual.some((one) => contains(one, value));
  return typeof actual === "string" && typeof value === "string" && value !== "" && folded(actual).includes(folded(value));
}

/** As people compare texts: without regard to case, or to how an accent is written. */
function folded(text: string): string {
  return text.normalize("NFC").toLowerCase();
}

function compares(actual: unknown, value: unknown, { timezone }: Moment, holds: (sign: number) => boolean): boolean {
  if (typeof actual === "number" && typeof value === "number") return holds(actual - value);
  if (typeof actual !== "string" || typeof value !== "string") return false;
  const [one, other] = isDate(value) ? [dayIn(actual, timezone), dayIn(value, timezone)] : [timeIn(actual), timeIn(value)];
  return one !== undefined && other !== undefined && holds(one - other);
}

function isDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text);
}

/** The day of a date, or that of a time as it is in the time zone. */
function dayIn(value: unknown, timezone: string): Day | undefined {
  if (typeof value !== "string") return undefined;
  const time = timeIn(value);
  if (time === undefined) return undefined;
  return dayOf(/(?:Z|[+-]\d\d:?\d\d)$/i.test(value) && value.includes("T") ? wallTime(time, timezone) : time);
}

/** A date or time without an offset stands for itself. */
function timeIn(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d(?:$|[T ]\d\d:\d\d)/.test(text)) return undefined;
  const hasOffset = isDate(text) || /(?:Z|[+-]\d\d:?\d\d)$/i.test(text);
  const time = Date.parse(hasOffset ? text : `${text}Z`);
  return Number.isNaN(time) ? undefined : time;
}
