import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CannotOpen,
  FingerprintMismatch,
  isProblem,
  Locked,
  MemoryAccounts,
  MemoryTokens,
  NotAPhrase,
  NotApproved,
  PlainPasswordRefused,
  SecondFactorRequired,
  SignedOut,
  Vault,
  WeakKdf,
  WeakPassword,
  whileFresh,
  type AdiuvaClient,
} from "../src/index.js";
import { FakeAccounts, TOTP } from "./fake_accounts.js";
import { FakeClock, problem } from "./fake_server.js";

const ANNA = { email: "anna@example.com", password: "a long sentence is best" };

async function anna() {
  const server = new FakeAccounts();
  const laptop = server.client();
  await laptop.register(ANNA);
  return { server, laptop, id: laptop.keys.master.id };
}

test("the password and the master key never leave the device", async () => {
  const { server, laptop, id } = await anna();
  const phone = server.client();
  assert.deepEqual(await phone.login(ANNA), { keys: "unlocked" });
  assert.equal(phone.keys.master.id, id);
  await phone.keys.addDevice("phone");
  await phone.changePassword({ current_password: ANNA.password, new_password: "another long sentence" });

  const master = Buffer.from(laptop.keys.master.reveal());
  const secrets = [ANNA.password, "another long", master.toString("base64"), master.toString("base64url"), master.toString("hex")];
  assert.deepEqual(server.sent.filter(({ text }) => secrets.some((secret) => text.includes(secret))), []);
  assert.match(server.only.password, /^[\w-]{43}$/);
});

test("the plain password is sent when the app asks for it, and never when this device knows better", async () => {
  const server = new FakeAccounts();
  const store = new MemoryAccounts();
  const client = server.client(store);
  await client.register(ANNA, { plain: true });
  await assert.rejects(client.login(ANNA), (error) => isProblem(error, "invalid_credentials")); // and that is all
  assert.equal(server.sent.filter(({ text }) => text.includes(ANNA.password)).length, 1);
  assert.deepEqual(await client.login(ANNA, { plain: true }), { keys: "none" });

  assert.equal(await client.derivePassword(ANNA.password), "unlocked");
  const told = server.sent.length;
  for (const email of [ANNA.email, " Anna@Example.com"]) {
    await assert.rejects(client.login({ ...ANNA, email }, { plain: true }), PlainPasswordRefused);
  }
  await assert.rejects(client.reauthenticate({ password: ANNA.password, plain: true }), PlainPasswordRefused);
  assert.equal(server.sent.length, told);
  assert.deepEqual(await server.client(store).login(ANNA), { keys: "unlocked" });
});

test("a derivation that is confirmed after a logout begins no session, and is known all the same", async () => {
  const server = new FakeAccounts();
  const tokens = new MemoryTokens();
  const client = server.client(new MemoryAccounts(), { tokens });
  await client.register(ANNA, { plain: true });
  let leaving: Promise<void> | undefined;
  server.lie = (line, answer) => {
    if (line === "POST auth/password") leaving = client.logout();
    return answer;
  };
  await assert.rejects(client.derivePassword(ANNA.password), SignedOut);
  await leaving?.catch(() => {});
  assert.equal(tokens.load(), undefined);
  assert.throws(() => client.keys.master, Locked);
  await assert.rejects(client.login(ANNA, { plain: true }), PlainPasswordRefused);
  assert.deepEqual(await client.login(ANNA), { keys: "unlocked" });
});

test("a server that names a weak derivation gets nothing", async () => {
  const { server, laptop } = await anna();
  server.lie = (line, answer) => {
    const { kdf } = answer as { kdf: object };
    return line === "POST auth/prelogin" ? { kdf: { ...kdf, iterations: 2 } } : answer;
  };
  const logins = () => server.sent.filter(({ line }) => line === "POST auth/login").length;
  await assert.rejects(laptop.login(ANNA), WeakKdf); // it was three
  assert.equal(logins(), 0);
  await assert.rejects(server.client().login(ANNA), (error) => isProblem(error, "invalid_credentials")); // within the bounds
  assert.equal(logins(), 1);
});

test("a new password opens the same key, and the old one nothing", async () => {
  const { server, laptop, id } = await anna();
  const changed = "another long sentence";
  await laptop.changePassword({ current_password: ANNA.password, new_password: changed });
  assert.equal(laptop.keys.master.id, id);

  const phone = server.client();
  await assert.rejects(phone.login(ANNA), (error) => isProblem(error, "invalid_credentials"));
  await phone.login({ ...ANNA, password: changed });
  assert.equal(phone.keys.master.id, id);
  await assert.rejects(laptop.changePassword({ current_password: changed, new_password: "short" }), WeakPassword);
});

test("a change of password on a locked device unlocks it first", async () => {
  const { server, id } = await anna();
  const phone = server.client();
  await phone.login(ANNA);
  phone.keys.lock();
  await phone.changePassword({ current_password: ANNA.password, new_password: "another long sentence" });
  assert.equal(phone.keys.master.id, id);
  assert.equal((await server.client().login({ ...ANNA, password: "another long sentence" })).keys, "unlocked");
});

test("a forgotten password is replaced, and the phrase opens what there is", async () => {
  const { server, laptop, id } = await anna();
  const phrase = await laptop.keys.makeRecoveryPhrase();
  const reset = { token: `mailed to ${ANNA.email}`, newPassword: "I will remember this one" };

  const phone = server.client();
  await assert.rejects(phone.resetPassword({ ...reset, recoveryPhrase: "six geese" }), NotAPhrase);
  assert.deepEqual(await phone.resetPassword({ ...reset, recoveryPhrase: phrase }), { keys: "unlocked", locked: false });
  assert.equal(phone.keys.master.id, id);
  assert.deepEqual([...server.only.envelopes.keys()].sort(), ["password/main", "recovery/main"]);
  assert.deepEqual(await server.client().login({ ...ANNA, password: reset.newPassword }), { keys: "unlocked" });

  const other = await laptop.keys.makeRecoveryPhrase().catch((error: unknown) => error); // its session has ended
  assert.ok(!(typeof other === "string"));
});

test("the words of another phrase leave the key locked, and the session goes on", async () => {
  const { server, laptop, id } = await anna();
  const old = await laptop.keys.makeRecoveryPhrase();
  const phrase = await laptop.keys.makeRecoveryPhrase();
  const phone = server.client();
  const reset = { token: `mailed to ${ANNA.email}`, newPassword: "I will remember this one", recoveryPhrase: old };
  assert.deepEqual(await phone.resetPassword(reset), { keys: "locked", locked: false });
  assert.throws(() => phone.keys.master, Locked);

  assert.equal(await phone.keys.unlock({ phrase }), "unlocked");
  assert.equal(phone.keys.master.id, id);
  assert.ok(server.only.envelopes.has("password/main"));
});

test("without a way in the account is locked, until another device approves", async () => {
  const { server, laptop, id } = await anna();
  const phone = server.client();
  const done = await phone.resetPassword({ token: `mailed to ${ANNA.email}`, newPassword: "I will remember this one" });
  assert.deepEqual(done, { keys: "locked", locked: true });

  assert.deepEqual(await laptop.login({ ...ANNA, password: "I will remember this one" }), { keys: "unlocked" }); // it kept it
  const request = await phone.keys.requestApproval("Anna's phone");
  const pending = await laptop.keys.pendingApproval(request.id);
  assert.deepEqual([pending.deviceName, pending.fingerprint], ["Anna's phone", request.fingerprint]);
  const { confirmation } = await pending.approve();
  const answer = await request.answer();
  assert.equal(answer.confirmation, confirmation);
  assert.throws(() => phone.keys.master, Locked); // before anybody has compared

  assert.equal(await answer.accept(), "unlocked");
  assert.equal(phone.keys.master.id, id);
  assert.deepEqual(await server.client().login({ ...ANNA, password: "I will remember this one" }), { keys: "unlocked" });
});

test("a request is denied, or waits until it is aborted", async () => {
  const { server, laptop } = await anna();
  const phone = server.client();
  await phone.login(ANNA);
  const request = await phone.keys.requestApproval("phone");
  await assert.rejects(request.answer({ signal: AbortSignal.timeout(30), every: 5 }), { name: "TimeoutError" });
  const [pending, ...others] = await laptop.keys.pendingApprovals();
  assert.deepEqual([pending?.id, others], [request.id, []]);
  await pending?.deny();
  await assert.rejects(request.answer(), (error) => error instanceof NotApproved && error.state === "denied");
});

test("an address is one, however it is written", async () => {
  const server = new FakeAccounts();
  const store = new MemoryAccounts();
  await server.client(store).register({ ...ANNA, email: "anna@münchen.example" });
  for (const email of ["ANNA@MÜNCHEN.example ", "anna@xn--mnchen-3ya.example"]) {
    await assert.rejects(server.client(store).login({ ...ANNA, email }, { plain: true }), PlainPasswordRefused);
  }
});

test("a key that the server has exchanged is noticed by its fingerprint", async () => {
  const { server, laptop } = await anna();
  const phone = server.client();
  await phone.login(ANNA);
  const request = await phone.keys.requestApproval("phone");
  server.only.requests.get(request.id)!.public_key = btoa("a key of the server's");
  assert.notEqual((await laptop.keys.pendingApproval(request.id)).fingerprint, request.fingerprint);
  server.lie = (line, answer) => (line.startsWith("GET keys/requests/") ? { ...(answer as object), fingerprint: request.fingerprint } : answer);
  await assert.rejects(laptop.keys.pendingApproval(request.id), FingerprintMismatch);
});

test("another master key than the one a device knows is not taken without its user's word", async () => {
  const { server, id } = await anna();
  const store = new MemoryAccounts();
  const phone = server.client(store);
  await phone.login(ANNA);
  server.accounts.clear();
  await server.client().register(ANNA); // the same address and password, another account

  const again = server.client(store);
  assert.deepEqual(await again.login(ANNA), { keys: "changed" });
  assert.throws(() => again.keys.master, Locked);
  server.only.envelopes.clear();
  assert.deepEqual(await again.login(ANNA), { keys: "locked" }); // and is not replaced by a new one either
  await assert.rejects(again.keys.startOver(), Locked);

  await again.forgetAccount(ANNA.email);
  assert.deepEqual(await again.login(ANNA), { keys: "locked" });
  assert.equal(await again.keys.startOver(), "unlocked");
  assert.notEqual(again.keys.master.id, id);
});

test("two devices that start over at once have one key", async () => {
  const { server } = await anna();
  server.only.envelopes.clear();
  const [one, other] = [server.client(), server.client()];
  for (const device of [one, other]) await device.login(ANNA);
  await Promise.all([one.keys.startOver(), other.keys.startOver()]);
  assert.equal(one.keys.master.id, other.keys.master.id);
});

test("a device and a passkey unlock as long as their envelopes are there", async () => {
  const { server, laptop, id } = await anna();
  const key = await laptop.keys.addDevice("laptop");
  const secret = crypto.getRandomValues(new Uint8Array(32));
  await laptop.keys.addPasskey("yubikey", secret);

  const restarted = server.client();
  await restarted.login(ANNA);
  for (const way of [{ device: { ref: "laptop", key } }, { passkey: { ref: "yubikey", secret } }, { password: ANNA.password }]) {
    restarted.keys.lock();
    assert.equal(await restarted.keys.unlock(way), "unlocked");
    assert.equal(restarted.keys.master.id, id);
  }
  await laptop.keys.remove("device", "laptop");
  await assert.rejects(restarted.keys.unlock({ device: { ref: "laptop", key } }), CannotOpen);
  await laptop.keys.remove("passkey", "yubikey");
  await assert.rejects(laptop.keys.remove("password", "main"), (error) => isProblem(error, "last_envelope"));
});

test("a second factor is asked for, and a wrong one leaves room for another", async () => {
  const { server, laptop, id } = await anna();
  const { id: factor } = await laptop.factors.addTotp("my phone");
  assert.deepEqual(await laptop.factors.confirmTotp(factor, TOTP), ["one", "two"]);

  const phone = server.client();
  const challenge = await phone.login(ANNA).then(() => assert.fail("no second factor"), (error: unknown) => error);
  assert.ok(challenge instanceof SecondFactorRequired);
  assert.deepEqual(challenge.methods, ["totp", "recovery_code"]);
  await assert.rejects(challenge.submitTotp("000000"), (error) => isProblem(error, "invalid_credentials"));
  assert.throws(() => phone.keys.master, Locked);
  assert.deepEqual(await challenge.submitTotp(TOTP), { keys: "unlocked" });
  assert.equal(phone.keys.master.id, id);

  const reset = { token: `mailed to ${ANNA.email}`, newPassword: "I will remember this one" };
  const again = await server.client().resetPassword(reset).then(() => assert.fail("no second factor"), (error: unknown) => error);
  assert.ok(again instanceof SecondFactorRequired);
  assert.deepEqual(await again.submitTotp(TOTP), { keys: "locked", locked: true });
  assert.deepEqual(await phone.login({ ...ANNA, password: reset.newPassword }).catch((error: SecondFactorRequired) => error.submitTotp(TOTP)), {
    keys: "unlocked", // it has kept the key, and seals it for the new password
  });
  assert.ok(server.only.envelopes.has("password/main"));
});

test("what asks for a fresh session is done once it is one", async () => {
  const { server, laptop } = await anna();
  server.fresh = false;
  await assert.rejects(laptop.factors.addTotp(), (error) => isProblem(error, "reauthentication_required"));
  const added = await whileFresh(
    () => laptop.factors.addTotp(),
    () => laptop.reauthenticate({ password: ANNA.password }),
  );
  assert.equal(added.id, "f");
});

test("a wrong code is sent once, though its refusal is a 401", async () => {
  const { server, laptop } = await anna();
  await assert.rejects(laptop.reauthenticate({ method: "totp", code: "000000" }), (error) => isProblem(error, "invalid_credentials"));
  assert.equal(server.sent.filter(({ line }) => line === "POST auth/reauthenticate").length, 1);
});

test("logging out forgets the key", async () => {
  const { server, laptop } = await anna();
  server.before = (line) => (line === "POST auth/logout" ? problem(503, "upstream_unavailable") : undefined);
  await laptop.logout().catch(() => {});
  assert.throws(() => laptop.keys.master, Locked);
});

/** Of an account that was made at sign-on. */
function withoutPassword() {
  const server = new FakeAccounts();
  server.before = (line) => {
    if (line === "POST auth/logout") return new Response(null, { status: 204 });
    return line === "POST auth/sso/token" ? Response.json({ access_token: "sso", refresh_token: "r", expires_in: 900 }) : undefined;
  };
  const envelopes = new Map();
  server.sessions.set("sso", { ...ANNA, id: "anna", password: "", kdf: null, envelopes, requests: new Map(), secondFactor: false });
  const signIn = async (client: AdiuvaClient) => {
    const { url, finish } = await client.beginSignIn({ organization: "acme" });
    return finish(`adiuva://sso?code=c&state=${new URL(url).searchParams.get("state")}`);
  };
  const signedIn = async (accounts = new MemoryAccounts()) => {
    const client = server.client(accounts, { clock: new FakeClock() });
    return { client, done: await signIn(client), accounts };
  };
  return { server, envelopes, signIn, signedIn };
}

test("an account without a password has its first key from the phrase that comes with it", async () => {
  const { envelopes, signedIn } = withoutPassword();
  const [one, other] = [await signedIn(), await signedIn()];
  assert.deepEqual([one.done, other.done], [{ keys: "none" }, { keys: "none" }]);
  const begun = await Promise.allSettled([one.client.keys.start(), other.client.keys.start()]);
  // Whichever of the two was first.
  const [winner, loser] = begun[0].status === "fulfilled" ? [one, other] : [other, one];
  const [phrase, late] = winner === one ? begun : [begun[1], begun[0]];
  assert.ok(phrase.status === "fulfilled" && late.status === "rejected" && late.reason instanceof Locked);
  assert.deepEqual([...envelopes.keys()], ["recovery/main"]);
  assert.equal(await loser.client.keys.unlock({ phrase: phrase.value }), "unlocked");
  assert.equal(other.client.keys.master.id, one.client.keys.master.id);
  await assert.rejects(winner.client.keys.start(), Locked);

  const { client, done } = await signedIn(winner.accounts); // signing in unlocks nothing
  assert.deepEqual(done, { keys: "locked" });
  await assert.rejects(client.keys.start(), Locked);
});

test("a first key whose answer was lost is there, and its phrase opens it", async () => {
  const { server, envelopes, signedIn } = withoutPassword();
  const { client } = await signedIn();
  server.lie = (line, answer) => {
    if (!line.startsWith("PUT")) return answer;
    server.lie = (_, other) => other;
    throw new TypeError("fetch failed");
  };
  const phrase = await client.keys.start();
  assert.deepEqual([client.keys.state, envelopes.size], ["unlocked", 1]);
  const { id } = client.keys.master;
  client.keys.lock();
  assert.equal(await client.keys.unlock({ phrase }), "unlocked");
  assert.equal(client.keys.master.id, id);
});

/** The server carries out each `PUT`, and its answers are lost; `isCutOff`: from then on those to the list of envelopes too. */
function losing(server: FakeAccounts, { isCutOff }: { isCutOff: boolean }): void {
  let isOut = false;
  server.lie = (line, answer) => {
    const isPut = line.startsWith("PUT keys/envelopes/recovery");
    isOut ||= isPut;
    if (isPut || (isCutOff && isOut && line === "GET keys/envelopes")) throw new TypeError("fetch failed");
    return answer;
  };
}

test("a first key whose only answer is lost is there, and its phrase is shown", async () => {
  const { server, envelopes, signIn } = withoutPassword();
  const client = server.client(undefined, { retry: false });
  await signIn(client);
  losing(server, { isCutOff: false });
  const phrase = await client.keys.start();
  assert.deepEqual([client.keys.state, envelopes.size], ["unlocked", 1]);
  client.keys.lock();
  assert.equal(await client.keys.unlock({ phrase }), "unlocked");
});

for (const between of ["nothing", "a logout"]) {
  test(`a first key whose phrase could not be shown is begun again, with ${between} in between`, async () => {
    const { server, envelopes, signedIn, signIn } = withoutPassword();
    const { client, accounts } = await signedIn();
    losing(server, { isCutOff: true });
    await assert.rejects(client.keys.start(), TypeError);
    assert.equal(envelopes.size, 1);
    server.lie = (_, answer) => answer;
    if (between === "a logout") {
      await client.logout();
      assert.deepEqual(await signIn(client), { keys: "none" });
    }
    const phrase = await client.keys.start();
    const { id } = client.keys.master;
    const other = await signedIn(accounts);
    assert.equal(await other.client.keys.unlock({ phrase }), "unlocked");
    assert.equal(other.client.keys.master.id, id);
    await assert.rejects(client.keys.start(), Locked);
  });
}

for (const isCutOff of [false, true]) {
  test(`a phrase that replaces another one is shown, though the answer is lost${isCutOff ? " and nothing else gets through" : ""}`, async () => {
    const server = new FakeAccounts();
    const laptop = server.client(undefined, { clock: new FakeClock() });
    await laptop.register(ANNA);
    const old = await laptop.keys.makeRecoveryPhrase();
    losing(server, { isCutOff });
    if (isCutOff) await assert.rejects(laptop.keys.makeRecoveryPhrase(), TypeError);
    const there = server.only.envelopes.get("recovery/main")?.checksum;
    if (isCutOff) server.lie = (_, answer) => answer;
    const phrase = await laptop.keys.makeRecoveryPhrase();
    if (isCutOff) assert.equal(server.only.envelopes.get("recovery/main")?.checksum, there); // whichever arrives last
    assert.notEqual(phrase, old);
    laptop.keys.lock();
    assert.equal(await laptop.keys.unlock({ phrase }), "unlocked");
    server.lie = (_, answer) => answer;
    assert.notEqual(await laptop.keys.makeRecoveryPhrase(), phrase); // it has been shown
  });
}

test("a vault goes by the key that is here now", async () => {
  const { server, laptop } = await anna();
  const vault = new Vault(() => laptop.keys.master);
  const sealed = await vault.seal("the spare key", "notes/1");
  laptop.keys.lock();
  await assert.rejects(vault.open(sealed, "notes/1"), Locked);
  await assert.rejects(vault.seal("more", "notes/2"), Locked);
  await laptop.keys.unlock(ANNA);
  assert.equal(await vault.open(sealed, "notes/1"), "the spare key");

  const bert = server.client();
  await bert.register({ ...ANNA, email: "bert@example.com" });
  let here = laptop;
  const shared = new Vault(() => here.keys.master);
  assert.equal(await shared.open(sealed, "notes/1"), "the spare key");
  here = bert;
  await assert.rejects(shared.open(sealed, "notes/1"), { name: "OperationError" });
});

test("who signs in again keeps the key that is here", async () => {
  const { server, laptop, id } = await anna();
  const [token] = server.sessions.keys();
  server.before = (line) => (line === "POST auth/sso/token" ? Response.json({ access_token: token, refresh_token: "r", expires_in: 900 }) : undefined);
  const { url, finish } = await laptop.beginSignIn({ organization: "acme" });
  assert.deepEqual(await finish(`adiuva://sso?code=c&state=${new URL(url).searchParams.get("state")}`), { keys: "unlocked" });
  assert.equal(laptop.keys.master.id, id);
});

test("an owner's break-glass code goes with the password, and only where it is given", async () => {
  const { server } = await anna();
  await server.client().login(ANNA, { breakGlassCode: "hammer" });
  await server.client().login(ANNA);
  const bodies = server.sent.filter(({ line }) => line === "POST auth/login").map(({ text }) => JSON.parse(text) as { break_glass_code?: string });
  assert.deepEqual(bodies.map(({ break_glass_code }) => break_glass_code), ["hammer", undefined]);
});
