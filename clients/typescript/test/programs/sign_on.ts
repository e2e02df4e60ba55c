// A company sets sign-on up, and its people sign in. Who drives this program answers a line for each line with "ask" in it.
import { createInterface } from "node:readline";
import { signIn, type Screen } from "../../examples/sign_in.js";
import { tokenFrom } from "../../examples/mailbox.js";
import { createAdiuvaClient, idempotencyKey, isProblem, ok, SignInError, whileFresh, type AdiuvaClient } from "../../src/index.js";
import { Browser } from "../browser.js";
import { baseUrl } from "../support.js";

const mails = process.env["ADIUVA_MAIL"] ?? "";
const ISSUER = process.env["ISSUER"] ?? "";
const CLIENT = { client_id: process.env["CLIENT_ID"] ?? "", client_secret: process.env["CLIENT_SECRET"] ?? "" };
const DOMAIN = "acme.example";
const PASSWORD = "a long sentence is best";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const device = (): AdiuvaClient => createAdiuvaClient({ baseUrl });
const told: Record<string, unknown> = {};

/** Has somebody else do it: a name server, or the provider. */
async function ask(what: string, ...given: string[]): Promise<void> {
  console.log(JSON.stringify({ ask: what, given }));
  if ((await lines.next()).done) throw new Error(`nobody does ${what}`);
}

/** Who is logged in at the provider from now on, and the browser that they use. */
async function atProvider(subject: string, email: string): Promise<{ openBrowser: (url: string) => Promise<void> }> {
  await ask("log_in", subject, email);
  const browser = new Browser();
  return { openBrowser: async (url) => void browser.open(url) };
}

async function newAccount(name: string): Promise<{ client: AdiuvaClient; email: string }> {
  const client = device();
  const email = `${name}@${DOMAIN}`;
  await client.register({ email, password: PASSWORD });
  await client.account.verifyEmail(await tokenFrom(mails, email, "verify"));
  return { client, email };
}

const codeOf = (error: unknown): string => (isProblem(error) || error instanceof SignInError ? error.code : String(error));

// An owner buys seats, founds a company, proves its domain and names its provider.
const { client: owner, email: boss } = await newAccount("olivia");
const purchase = { params: { header: idempotencyKey() }, body: { tier: "team" as const, seats: 5 } };
await fetch((await ok(owner.api.POST("/api/v1/billing/checkout", purchase))).checkout_url, { method: "POST" });
const { id } = await owner.organizations.create("Acme");
const claimed = await owner.organizations.addDomain(id, DOMAIN);
told["early"] = await owner.organizations.verifyDomain(id, DOMAIN).catch(codeOf);
await ask("publish", claimed.txt_name, claimed.txt_value);
told["domain"] = (await owner.organizations.verifyDomain(id, DOMAIN)).status;
const settings = { issuer: ISSUER, just_in_time: true };
told["callback"] = new URL((await owner.organizations.setSso(id, { ...settings, ...CLIENT })).callback_url).pathname;

// Somebody new. Signing in unlocks nothing: the first device makes a key, the second one is let in by the first.
const alice = await atProvider("alice", `alice@${DOMAIN}`);
const [laptop, phone] = [device(), device()];
told["new"] = (await laptop.signInWith({ email: `alice@${DOMAIN}` }, alice)).keys;
await laptop.keys.start();
told["second device"] = (await phone.signInWith({ organization: id }, alice)).keys;
const request = await phone.keys.requestApproval("Alice's phone");
const [pending] = await laptop.keys.pendingApprovals();
await pending?.approve();
await (await request.answer()).accept();
told["approved"] = phone.keys.master.id === laptop.keys.master.id;

// Somebody who has an account: the screens of the example.
const bob = await newAccount("bob");
const bobs = await atProvider("bob", bob.email);
const screens: Screen[] = [];
const shown = { show: (screen: Screen) => void screens.push(screen), ask: async (screen: Screen) => (screens.push(screen), PASSWORD) };
told["linking"] = (await signIn(device(), bob.email, shown, bobs.openBrowser))?.keys;
told["screens"] = screens.splice(0);
const again = device();
await again.signInWith({ email: bob.email }, bobs);
told["linked"] = (await again.account.me()).id === (await bob.client.account.me()).id;

// Nobody.
await ask("refuse");
told["refused"] = await device().signInWith({ email: bob.email }, bobs).catch(codeOf);
await ask("allow");
told["elsewhere"] = await device().signInWith({ email: "dora@home.example" }, bobs).catch(codeOf);

// From now on everybody signs in there, but for an owner with a code.
const reauthenticate = () => owner.reauthenticate({ password: PASSWORD });
const olivia = await atProvider("olivia", boss);
told["unlinked"] = await owner.organizations.setSso(id, { ...settings, ...CLIENT, enforced: true }).catch(codeOf);
await whileFresh(() => owner.linkWith({ organization: id }, olivia), reauthenticate);
told["enforced"] = (await owner.organizations.setSso(id, { ...settings, client_id: CLIENT.client_id, enforced: true })).enforced;
const [code = ""] = await whileFresh(() => owner.organizations.breakGlass(id), reauthenticate);
told["password"] = await device().login({ email: boss, password: PASSWORD }).catch(codeOf);
told["break glass"] = (await device().login({ email: boss, password: PASSWORD }, { breakGlassCode: code })).keys;
told["members"] = (await owner.organizations.members(id)).items.map(({ email, role }) => `${email} ${role}`).sort();
told["audit"] = [...new Set((await owner.organizations.audit(id)).items.map(({ type }) => type))].sort();
console.log(JSON.stringify(told));
process.exit();
