import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isProblem, sha256 } from "../src/index.js";
import { demo } from "./support.js";

// The marketplace as the real server has it: a member of the power tier, and an author of a lower one.

const SEED = "github-sync";
const member = await demo("power");
const author = await demo("pro");

after(() => member.plugins.uninstall(SEED));

test("a plugin is found, installed, downloaded, rated, reported and given back", async () => {
  const { plugins } = member;
  const found = await plugins.list({ q: "github" });
  assert.deepEqual(found.items.map(({ id }) => id), [SEED]);
  const { version, permissions, amount_cents } = await plugins.install(SEED);
  const shown = await plugins.get(SEED);
  assert.deepEqual([shown.version, shown.permissions, shown.installed, amount_cents], [version, permissions, true, 0]);
  const { bytes, checksum } = await plugins.package(SEED);
  assert.deepEqual([await sha256(bytes as Uint8Array<ArrayBuffer>), checksum], [shown.package_checksum, shown.package_checksum]);
  const [mine] = (await plugins.installed({ limit: 1 })).items;
  assert.deepEqual([mine?.plugin_id, mine?.latest_version, mine?.permissions_added, mine?.withdrawn_reason], [SEED, version, [], null]);
  assert.deepEqual((await plugins.purchases()).items, []);
  assert.equal((await plugins.rate(SEED, 5)).stars, 5);
  await plugins.report(SEED, { reason: "broken" }).catch((error: unknown) => {
    if (!isProblem(error, "conflict")) throw error; // of an earlier run against this server
  });
  await assert.rejects(plugins.report(SEED, { reason: "other", text: "Again." }), { code: "conflict" });
  await plugins.uninstall(SEED);
  await plugins.uninstall(SEED);
  await assert.rejects(plugins.package(SEED), { code: "permission_denied" });
});

test("an author of any tier submits, is answered by the checks, and takes a version back", async () => {
  await member.plugins.install(SEED);
  const { bytes } = await member.plugins.package(SEED);
  const { manifest } = await member.plugins.get(SEED);
  const { plugins } = author;
  await assert.rejects(plugins.list(), { code: "feature_not_available" });
  const id = `of-mine-${crypto.randomUUID().slice(0, 8)}`;
  const own = { ...manifest, id, name: `Of mine ${id.slice(-8)}`, version: "1.0.0" };
  const zip = bytes as Uint8Array<ArrayBuffer>;
  await assert.rejects(plugins.submit({ ...own, id: "installed" }, { package: zip }), { code: "checks_failed" });
  const submitted = await plugins.submit(own, { package: zip });
  assert.deepEqual([submitted.id, submitted.status, submitted.checks.every(({ passed }) => passed)], [id, "pending_review", true]);
  await assert.rejects(plugins.answer(id, "1.0.0", "Here I am."), { code: "conflict" });
  assert.equal((await plugins.withdraw(id, "1.0.0")).status, "withdrawn");
  assert.deepEqual((await plugins.mine({ limit: 1 })).items.map((one) => [one.id, one.status, one.messages]), [[id, "withdrawn", []]]);
  assert.deepEqual((await plugins.onboarding()).state, "none");
  assert.equal((await plugins.earnings()).sales, 0);
});
