import assert from "node:assert/strict";
import { test } from "node:test";
import { dueTimes, newestDue, nextDue, UnknownSchedule, type ScheduleTrigger } from "../src/index.js";
import { VECTORS } from "./schedule_vectors.js";

const schedule = (rrule: string, anchor: string, timezone = "Europe/Rome"): ScheduleTrigger => ({ kind: "schedule", rrule, anchor, timezone, catch_up: "latest" });

function next(trigger: ScheduleTrigger, after: string, count = 3): string[] {
  const found: string[] = [];
  for (const due of dueTimes(trigger, Date.parse(after))) {
    found.push(new Date(due).toISOString().replace(".000", ""));
    if (found.length === count) break;
  }
  return found;
}

test("due times are those of the server", () => {
  for (const [rrule, anchor, timezone, after, expected] of VECTORS) {
    assert.deepEqual(next(schedule(rrule, anchor, timezone), after), expected, `${rrule} from ${anchor} in ${timezone} after ${after}`);
  }
});

test("a time of day stays what it is when the clocks change, and what they leave out moves forward", () => {
  const nine = schedule("FREQ=DAILY", "2026-03-01T09:00:00");
  assert.deepEqual(next(nine, "2026-03-28T00:00:00Z", 2), ["2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"]);
  const night = schedule("FREQ=DAILY", "2026-03-01T02:30:00");
  assert.deepEqual(next(night, "2026-03-28T12:00:00Z", 2), ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]); // 03:30, and 02:30 again
  assert.deepEqual(next(night, "2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]); // the first of two
});

test("a month without the 31st is left out, and so is a year without the 29th of February", () => {
  assert.deepEqual(next(schedule("FREQ=MONTHLY", "2026-01-31T09:00:00", "UTC"), "2026-01-31T09:00:00Z"), ["2026-03-31T09:00:00Z", "2026-05-31T09:00:00Z", "2026-07-31T09:00:00Z"]);
  assert.deepEqual(next(schedule("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=29", "2024-02-29T09:00:00", "UTC"), "2024-03-01T00:00:00Z", 1), ["2028-02-29T09:00:00Z"]);
  assert.deepEqual(next(schedule("FREQ=MONTHLY;BYDAY=-1FR", "2026-01-30T09:00:00", "UTC"), "2026-01-30T09:00:00Z", 2), ["2026-02-27T09:00:00Z", "2026-03-27T09:00:00Z"]);
});

test("a rule that ends, and one that never comes, has no next time", () => {
  assert.equal(nextDue(schedule("FREQ=DAILY;COUNT=2", "2026-01-01T09:00:00", "UTC"), Date.parse("2026-01-02T09:00:00Z")), undefined);
  assert.equal(nextDue(schedule("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31", "2026-04-01T09:00:00", "UTC"), 0), undefined);
});

test("of many that were missed the newest is one, and years gone by cost nothing", () => {
  const trigger = schedule("FREQ=DAILY", "1990-01-01T09:00:00", "UTC");
  const began = performance.now();
  assert.equal(newestDue(trigger, Date.parse("2026-11-01T09:00:00Z"), Date.parse("2026-11-29T08:59:59Z")), Date.parse("2026-11-28T09:00:00Z"));
  assert.equal(newestDue(trigger, Date.parse("2026-11-29T09:00:00Z"), Date.parse("2026-11-29T08:00:00Z")), undefined);
  assert.ok(performance.now() - began < 2_000);
});

test("what cannot be read here is refused", () => {
  for (const trigger of [
    schedule("FREQ=HOURLY", "2026-01-01T09:00:00"),
    schedule("FREQ=DAILY;BYSECOND=5", "2026-01-01T09:00:00"),
    schedule("INTERVAL=2", "2026-01-01T09:00:00"),
    schedule("FREQ=WEEKLY;BYDAY=XX", "2026-01-01T09:00:00"),
    schedule("FREQ=DAILY", "2026-02-30T09:00:00"),
    schedule("FREQ=DAILY", "2026-01-01T09:00:00", "Europe/Atlantis"),
  ]) {
    assert.throws(() => nextDue(trigger, 0), UnknownSchedule);
  }
});
