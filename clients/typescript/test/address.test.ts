import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryAccounts, PlainPasswordRefused, WeakKdf } from "../src/index.js";
import { FakeAccounts } from "./fake_accounts.js";

const ANNA = { email: "anna@example.com", password: "a long sentence is best" };
const NEW = "anna@new.example";

/** The link of the mail has been opened, in a browser or on another device. */
function move(server: FakeAccounts, from: string, to: string): void {
  const account = server.accounts.get(from)!;
  server.accounts.delete(from);
  account.email = to;
  server.accounts.set(to, account);
}

async function moved() {
  const server = new FakeAccounts();
  const accounts = new MemoryAccounts();
  const laptop = server.client(accounts);
  await laptop.register(ANNA);
  move(server, ANNA.email, NEW);
  return { server, accounts, laptop, id: laptop.keys.master.id };
}

test("a password is that of the address that the account has now", async () => {
  const { laptop, server, id } = await moved();
  await laptop.reauthenticate({ password: ANNA.password });
  laptop.keys.lock();
  move(server, NEW, "anna@third.example");
  assert.equal(await laptop.keys.unlock({ password: ANNA.password }), "unlocked");
  assert.equal(laptop.keys.master.id, id);
  move(server, "anna@third.example", NEW);
  await laptop.changePassword({ current_password: ANNA.password, new_password: "another long sentence" });
  assert.deepEqual(await server.client().login({ email: NEW, password: "another long sentence" }), { keys: "unlocked" });
});

for (const notice of ["reauthenticate", "verifyEmail"] as const) {
  test(`what is known of an account is known by its new address too: ${notice}`, async () => {
    const { accounts, laptop, server, id } = await moved();
    if (notice === "verifyEmail") {
      server.before = (line) => (line === "POST auth/email/verify" ? new Response(null, { status: 204 }) : undefined);
      await laptop.account.verifyEmail("of the mail");
    }
    await laptop.reauthenticate({ password: ANNA.password });
    for (const email of [ANNA.email, NEW]) assert.equal(accounts.load(email)?.keyId, id);
    await assert.rejects(laptop.login({ ...ANNA, email: NEW }, { plain: true }), PlainPasswordRefused);
    server.accounts.get(NEW)!.kdf!.iterations = 2;
    await assert.rejects(laptop.login({ ...ANNA, email: NEW }), WeakKdf);
  });
}

test("nothing of an account is carried over to the next one", async () => {
  const { accounts, laptop, server } = await moved();
  await server.client().register({ ...ANNA, email: "ben@example.com" }, { plain: true });
  await laptop.login({ ...ANNA, email: "ben@example.com" }, { plain: true });
  server.before = (line) => (line === "POST auth/email/verify" ? new Response(null, { status: 204 }) : undefined);
  await laptop.account.verifyEmail("of a mail to anybody");
  await laptop.reauthenticate({ password: ANNA.password, plain: true });
  assert.equal(accounts.load("ben@example.com"), undefined);
  assert.equal(accounts.load(NEW), undefined);
});
