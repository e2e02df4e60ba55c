import assert from "node:assert/strict";
import { test } from "node:test";
import { meets, select, type Condition, type Op } from "../src/index.js";

/** Half past one on Monday in Rome, and still Sunday in UTC. */
const MOMENT = { now: Date.parse("2026-11-29T23:30:00Z"), timezone: "Europe/Rome" };
const TASK = { id: "t-1", title: "Pay the Café", status: "todo", due_date: "2026-12-02", created_at: "2026-11-20T22:30:00Z", notes: "", tags: ["home", "money"], effort: 3, is_approved: undefined };

function holds(field: string, op: Op, value?: unknown): boolean {
  return meets(TASK, [{ field, op, value }], MOMENT);
}

test("values are compared as they are, and texts in whatever case only where they are searched", () => {
  assert.ok(holds("status", "eq", "todo") && !holds("status", "eq", "Todo") && holds("status", "ne", "done"));
  assert.ok(holds("status", "in", ["todo", "in_progress"]) && !holds("status", "in", []) && !holds("status", "in", "todo"));
  assert.ok(holds("title", "contains", "CAFE\u0301") && !holds("title", "contains", "tea") && !holds("title", "contains", ""));
  assert.ok(holds("tags", "contains", "money") && holds("effort", "gte", 3) && !holds("effort", "lt", 3));
});

test("nothing is empty: what is not there, null, blank text and no elements", () => {
  assert.ok(holds("notes", "is_empty", true) && holds("project_id", "is_empty", true) && holds("title", "is_empty", false));
  assert.ok(!holds("title", "is_empty", true) && holds("project_id", "ne", "p-1") && !holds("project_id", "eq", "p-1"));
});

test("a flag that was never set is false", () => {
  assert.ok(holds("is_approved", "eq", false) && holds("is_approved", "ne", true) && !holds("is_approved", "eq", true));
});

test("days are those of the time zone", () => {
  assert.ok(holds("created_at", "eq", "2026-11-20") && holds("created_at", "lte", "2026-11-20") && !holds("created_at", "lt", "2026-11-20"));
  const late = { ...TASK, created_at: "2026-11-20T23:30:00Z" }; // the 21st in Rome
  assert.ok(meets(late, [{ field: "created_at", op: "eq", value: "2026-11-21" }], MOMENT));
});

test("within_days looks ahead, and back where something has happened", () => {
  assert.ok(holds("due_date", "within_days", 2) && !holds("due_date", "within_days", 1)); // today is the 30th
  assert.ok(holds("created_at", "within_days", 10) && !holds("created_at", "within_days", 9));
  const overdue = { ...TASK, due_date: "2026-11-29" };
  assert.ok(!meets(overdue, [{ field: "due_date", op: "within_days", value: 7 }], MOMENT));
  assert.ok(meets(overdue, [{ field: "due_date", op: "older_than_days", value: 0 }], MOMENT));
  assert.ok(holds("created_at", "older_than_days", 9) && !holds("created_at", "older_than_days", 10));
});

test("what cannot be compared is not met, nor is an op of a later version", () => {
  assert.ok(!holds("title", "lt", "2026-01-01") && !holds("status", "gt", 3) && !holds("notes", "within_days", 3));
  assert.ok(!holds("status", "resembles" as Op, "todo"));
});

test("a selection takes the first, up to its limit and that of the run, and says whether there were more", async () => {
  const records = Array.from({ length: 10 }, (_, index) => ({ id: `t-${index}`, status: index % 2 === 0 ? "todo" : "done" }));
  const where: Condition[] = [{ field: "status", op: "eq", value: "todo" }];
  const ids = async (limit: number, most?: number, known?: Set<string>) => {
    const { chosen, hasMore } = await select({ table: "tasks", where, limit }, records, MOMENT, most, known);
    return [chosen.map(({ id }) => id).join(" "), hasMore];
  };
  assert.deepEqual(await ids(100), ["t-0 t-2 t-4 t-6 t-8", false]);
  assert.deepEqual(await ids(2), ["t-0 t-2", false]); // as many as were asked for
  assert.deepEqual(await ids(100, 2), ["t-0 t-2", true]);
  assert.deepEqual(await ids(100, 100, new Set(["t-1"])), ["t-0 t-1 t-2 t-4 t-6 t-8", false]);
});
