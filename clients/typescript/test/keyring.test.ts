import assert from "node:assert/strict";
import { test } from "node:test";
import { Locked } from "../src/index.js";
import { FakeAccounts } from "./fake_accounts.js";
import { problem } from "./fake_server.js";

const ANNA = { email: "anna@example.com", password: "a long sentence is best" };
const ANEW = { ...ANNA, password: "I will remember this one" };
const RESET = { token: `mailed to ${ANNA.email}`, newPassword: ANEW.password };

async function anna() {
  const server = new FakeAccounts();
  const laptop = server.client();
  await laptop.register(ANNA);
  return { server, laptop, id: laptop.keys.master.id };
}

for (const line of ["GET keys/envelopes", "PUT keys/envelopes/password/main"]) {
  test(`the last copy of the master key outlives a login that fails at ${line}`, async () => {
    const { server, laptop, id } = await anna();
    assert.deepEqual(await server.client().resetPassword(RESET), { keys: "locked", locked: true });
    server.before = (asked) => (asked === line ? problem(500, "internal_error") : undefined);
    await assert.rejects(laptop.login(ANEW));
    await assert.rejects(laptop.login(ANEW));
    server.before = () => undefined;
    assert.deepEqual(await laptop.login(ANEW), { keys: "unlocked" });
    assert.equal(laptop.keys.master.id, id);
    assert.deepEqual(await server.client().login(ANEW), { keys: "unlocked" });
  });
}

test("a key that a failed login has left is no other account's, and goes with a lock", async () => {
  const { server, laptop } = await anna();
  await server.client().resetPassword(RESET);
  const fail = (asked: string) => (asked === "GET keys/envelopes" ? problem(500, "internal_error") : undefined);
  server.before = fail;
  await assert.rejects(laptop.login(ANEW));
  assert.throws(() => laptop.keys.master, Locked);
  laptop.keys.lock();
  server.before = () => undefined;
  assert.deepEqual(await laptop.login(ANEW), { keys: "locked" });

  const ben = { email: "ben@example.com", password: "another long sentence" };
  const { server: other, laptop: shared } = await anna();
  await other.client().register(ben);
  other.accounts.get(ben.email)!.envelopes.clear();
  other.before = fail;
  await assert.rejects(shared.login(ben));
  other.before = () => undefined;
  assert.deepEqual(await shared.login(ben), { keys: "locked" });
});

test("after a change of password the new one seals what comes: a key that is started over", async () => {
  const { server } = await anna();
  const phone = server.client();
  assert.equal((await phone.resetPassword(RESET)).keys, "locked");
  const changed = { ...ANNA, password: "and another long sentence" };
  await phone.changePassword({ current_password: ANEW.password, new_password: changed.password });
  assert.equal(await phone.keys.startOver(), "unlocked");
  assert.deepEqual(await server.client().login(changed), { keys: "unlocked" });
});

test("after a change of password the new one seals what comes: the key that the phrase opens", async () => {
  const { server, laptop, id } = await anna();
  const phrase = await laptop.keys.makeRecoveryPhrase();
  const phone = server.client();
  assert.equal((await phone.resetPassword(RESET)).keys, "locked");
  const changed = { ...ANNA, password: "and another long sentence" };
  await phone.changePassword({ current_password: ANEW.password, new_password: changed.password });
  assert.equal(await phone.keys.unlock({ phrase }), "unlocked");
  const other = server.client();
  assert.deepEqual(await other.login(changed), { keys: "unlocked" });
  assert.equal(other.keys.master.id, id);
});

test("a password that has its envelope seals no other one later", async () => {
  const { server } = await anna();
  const phone = server.client();
  await phone.login(ANNA);
  await phone.changePassword({ current_password: ANNA.password, new_password: ANEW.password });
  server.only.envelopes.clear();
  await phone.forgetAccount(ANNA.email);
  await assert.rejects(phone.keys.startOver(), Locked); // nothing here is the password of this login
});
