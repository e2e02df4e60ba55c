import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../src/clock.js";

test("a machine's clock that is set back puts nothing off", (t) => {
  const before = systemClock.now();
  assert.ok(Math.abs(before - Date.now()) < 60_000);
  t.mock.method(Date, "now", () => before - 7_200_000);
  assert.ok(systemClock.now() >= before);
});
