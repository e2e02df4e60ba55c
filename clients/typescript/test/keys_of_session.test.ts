import assert from "node:assert/strict";
import { test } from "node:test";
import { Locked, MemoryAccounts, MemoryTokens, SignedOut, type AdiuvaClient } from "../src/index.js";
import { FakeAccounts } from "./fake_accounts.js";

const ANNA = { email: "anna@example.com", password: "a long sentence is best" };
const BEN = { email: "ben@example.com", password: "another long sentence" };
const PLAIN = { plain: true };

/** A machine that Anna is logged in on, until something of hers is under way: then it is Ben's. */
async function shared({ isBenPlain = true } = {}) {
  const server = new FakeAccounts();
  const [accounts, tokens] = [new MemoryAccounts(), new MemoryTokens()];
  await server.client().register(BEN, { plain: isBenPlain });
  let held: string | undefined;
  /** Ben has logged in before the answer to `line` comes. */
  const handOverAt = (line: string): void => void (held = line);
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const line = `${request.method} ${new URL(request.url).pathname.replace("/api/v1/", "")}`;
    const response = await server.fetch(request);
    if (line === held) {
      held = undefined;
      await client.login(BEN, { plain: isBenPlain });
    }
    return response;
  };
  const another = (): AdiuvaClient => server.client(accounts, { fetch, tokens });
  let client = another();
  await client.register(ANNA);
  const ben = server.accounts.get(BEN.email)!;
  return { server, accounts, ben, handOverAt, client: () => client, restart: () => (client = another()) };
}

type Machine = Awaited<ReturnType<typeof shared>>;

function assertNothingOfAnna({ client, accounts, ben }: Machine): void {
  assert.equal(client().keys.state, "none");
  assert.throws(() => client().keys.master, Locked);
  assert.equal(accounts.load(BEN.email)?.keyId, undefined);
  assert.deepEqual([...ben.envelopes.keys()], []);
}

test("a key that is unlocked while somebody else logs in is not theirs", async () => {
  const it = await shared();
  const device = { ref: "laptop", key: await it.client().keys.addDevice("laptop") };
  const phrase = await it.client().keys.makeRecoveryPhrase();
  for (const way of [{ device }, { phrase }, { password: ANNA.password }]) {
    await it.client().login(ANNA);
    it.client().keys.lock();
    it.handOverAt("GET keys/envelopes");
    await assert.rejects(it.client().keys.unlock(way), SignedOut);
    assertNothingOfAnna(it);
  }
});

test("a login that somebody else's overtakes brings its key to nobody", async () => {
  const it = await shared();
  it.handOverAt("GET keys/envelopes");
  await assert.rejects(it.client().login(ANNA), SignedOut);
  assertNothingOfAnna(it);
});

test("what is sealed while somebody else logs in is not put into their account", async (context) => {
  const it = await shared();
  const calls: ((client: AdiuvaClient) => Promise<unknown>)[] = [
    ({ keys }) => keys.addDevice("laptop"),
    ({ keys }) => keys.addPasskey("yubikey", new Uint8Array(32)),
    ({ keys }) => keys.makeRecoveryPhrase(),
  ];
  const encrypt = crypto.subtle.encrypt.bind(crypto.subtle);
  for (const call of calls) {
    await it.client().login(ANNA);
    const { mock } = context.mock.method(crypto.subtle, "encrypt", async (...sealed: Parameters<typeof encrypt>) => {
      await it.client().login(BEN, PLAIN);
      return encrypt(...sealed);
    });
    await assert.rejects(call(it.client()), SignedOut);
    mock.restore();
    assertNothingOfAnna(it);
  }
});

test("an approval counts in the session that it was asked for in", async () => {
  const it = await shared();
  const phone = it.server.client();
  await phone.login(ANNA);
  it.client().keys.lock();
  const request = await it.client().keys.requestApproval("laptop");
  await (await phone.keys.pendingApproval(request.id)).approve();
  const answer = await request.answer();
  await it.client().login(BEN, PLAIN);
  await assert.rejects(answer.accept(), SignedOut);
  assertNothingOfAnna(it);

  await it.client().login(ANNA);
  const asked = await phone.keys.requestApproval("phone");
  const pending = await it.client().keys.pendingApproval(asked.id);
  await it.client().login(BEN, PLAIN);
  await assert.rejects(pending.approve(), SignedOut);
});

test("a password proves nothing of who has logged in meanwhile", async () => {
  const it = await shared();
  it.handOverAt("POST auth/prelogin");
  await assert.rejects(it.client().reauthenticate({ password: ANNA.password }), SignedOut);
  assert.ok(!it.server.sent.some(({ line }) => line === "POST auth/reauthenticate"));
});

test("a late address is not the next one's", async () => {
  const it = await shared({ isBenPlain: false });
  const client = it.restart(); // her address has to be asked for
  it.handOverAt("GET auth/me");
  await assert.rejects(client.keys.unlock({ password: ANNA.password }), SignedOut);
  it.server.before = (line) => (line === "DELETE auth/me" ? new Response(null, { status: 204 }) : undefined);
  await client.account.delete();
  assert.notEqual(it.accounts.load(ANNA.email)?.kdf, undefined);
  assert.equal(it.accounts.load(BEN.email), undefined);
});

test("a plain login has no key, whoever was here before", async () => {
  const it = await shared();
  assert.deepEqual(await it.client().login(BEN, PLAIN), { keys: "none" });
  assertNothingOfAnna(it);
  await it.client().login(ANNA);
  assert.deepEqual(await it.client().register({ ...BEN, email: "third@example.com" }, PLAIN), { keys: "none" });
  assertNothingOfAnna(it);
});
