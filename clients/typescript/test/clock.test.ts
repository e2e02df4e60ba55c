import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../src/clock.js";

test("what is longer than a timer can count is no storm of requests", async (t) => {
  const delays: number[] = [];
  t.mock.method(globalThis, "setTimeout", (work: () => void, milliseconds: number) => void (delays.push(milliseconds), queueMicrotask(work)));
  for (const seconds of [5, 2_147_484, Number.POSITIVE_INFINITY]) await systemClock.sleep(seconds * 1000);
  assert.deepEqual(delays, [5_000, 2 ** 31 - 1, 2 ** 31 - 1]);
});

test("a machine's clock that is set back puts nothing off", (t) => {
  const before = systemClock.now();
  assert.ok(Math.abs(before - Date.now()) < 60_000);
  t.mock.method(Date, "now", () => before - 7_200_000);
  assert.ok(systemClock.now() >= before);
});
