// A day with the Adiuva Cloud API. `make run` in the repository, then `npm run day` here.
import { fromBase64, idempotencyKey, ok, SecondFactorRequired, sha256, SignedOut, toBase64, whileFresh, type AdiuvaClient } from "../src/index.js";
import { codeOf } from "./authenticator.js";
import { Device } from "./device.js";
import { tokenFrom } from "./mailbox.js";
import { Meaning } from "./meaning.js";

const baseUrl = process.env["ADIUVA_URL"] ?? "http://localhost:8000";
const RECIPE = "Aunt Rosalba's ragù: three hours, no garlic, and never tell Pietro.";
const PLUGIN = "github-sync";

const laptop = new Device("laptop", baseUrl);
const phone = new Device("phone", baseUrl);
const tablet = new Device("tablet", baseUrl);
const { client } = laptop;

const mails = process.env["ADIUVA_MAIL"] ?? new URL("../../../../var/mail", import.meta.url).pathname;
const credentials = { email: `day-${crypto.randomUUID().slice(0, 8)}@example.com`, password: "a long sentence is best" };
await client.register(credentials);
const phrase = await client.keys.makeRecoveryPhrase(); // to be written down: the only way back in when every device is lost
tell("Registered", `${credentials.email}, tier ${(await ok(client.api.GET("/api/v1/auth/me"))).tier}`);

await verify(client);
await talk(client);
await upgrade(client);
const recipe = await seal();
await meetAndMerge(recipe);
await searchByMeaning(client);
await backUp(client);
await installPlugin(client);

await secondFactor(client);
await forgetPassword(recipe);
await approve(recipe);
await lookBack(tablet.client);

await phone.client.logout();
await tablet.client.logout();
tell("Logged out", "on both");

/** A development server writes its mails into a folder. */
async function verify(client: AdiuvaClient): Promise<void> {
  await client.account.verifyEmail(await tokenFrom(mails, credentials.email, "verify"));
  tell("Verified", `the address, by a mail: ${(await client.account.me()).email_verified}`);
}

/** The assistant asks for tasks, and gets them from this machine; its actions are applied here. */
async function talk(client: AdiuvaClient): Promise<void> {
  const tasks = [{ id: "t-1", title: "Water the ficus", status: "todo", priority: "high" }];
  const reads: string[] = [];
  const chat = client.chat({
    tools: {
      list_tasks: () => {
        reads.push("list_tasks");
        return tasks;
      },
    },
  });

  let chunks = 0;
  const question = chat.send({ message: "show my tasks" }, { onChunk: () => (chunks += 1) });
  const { response } = await question.result;
  tell("Asked", `“${response.replaceAll("\n", " ")}” (${chunks} chunks; read here: ${reads.join(", ")})`);

  const order = chat.send({ message: "create a task to buy milk tomorrow, high priority" });
  for await (const frame of order) {
    if (frame.type !== "action" || frame.action.type !== "create_record") continue;
    const { title, priority } = frame.action.data as { title: string; priority: string };
    tasks.push({ id: frame.action.record_id ?? frame.action.id, title, status: "todo", priority });
  }
  chat.close();
  tell("Applied", tasks.map(({ title }) => title).join(", "));
}

/** A checkout that is sent twice is one checkout. The page is a person's to press; a development server plays Stripe. */
async function upgrade(client: AdiuvaClient): Promise<void> {
  const header = idempotencyKey();
  const begin = () => ok(client.api.POST("/api/v1/billing/checkout", { params: { header }, body: { tier: "power" } }));
  const { checkout_url: page } = await begin();
  if ((await begin()).checkout_url !== page) throw new Error("The same key gave two checkouts.");
  if (!new URL(page).pathname.startsWith("/billing/stub/")) throw new Error(`Pay on ${page}, and start again.`);
  await fetch(page, { method: "POST" });
  const subscription = await ok(client.api.GET("/api/v1/billing/subscription"));
  tell("Upgraded", `tier ${subscription.tier}, ${subscription.status}`);
}

async function seal(): Promise<string> {
  const id = await laptop.write(RECIPE);
  await laptop.sync();
  const { bytes } = await client.records.read(id);
  if (new TextDecoder().decode(bytes).includes("Rosalba")) throw new Error("The server has the plain text.");
  tell("Sealed", `a note of ${RECIPE.length} characters as ${bytes.length} bytes`);

  await phone.login(credentials);
  const { received } = await phone.sync();
  if ((await phone.read(id)) !== RECIPE) throw new Error("The phone reads something else.");
  tell("Synced", `${received} change, and the phone reads it`);

  const stranger = new Device("stranger", baseUrl);
  await stranger.client.register({ email: `stranger-${credentials.email}`, password: credentials.password });
  const opened = await stranger.vault.open(bytes, `notes/${id}`).catch(() => undefined);
  if (opened !== undefined) throw new Error("Another account's key opened it.");
  return id;
}

/** Both devices change the note; who comes second merges. */
async function meetAndMerge(id: string): Promise<void> {
  await laptop.write(`${RECIPE} Bay leaf!`, id);
  await phone.write("Serve with tagliatelle.", id);
  const first = (await laptop.sync()).conflicts === 0 ? "saved" : "merged";
  const second = (await phone.sync()).conflicts === 0 ? "saved" : "merged";
  await laptop.sync();
  const text = await laptop.read(id);
  if (text !== `${RECIPE} Bay leaf!\nServe with tagliatelle.`) throw new Error(`The merge is lost: ${text}`);
  tell("Merged", `the laptop ${first}, the phone ${second}, and both have both lines`);
}

async function searchByMeaning(client: AdiuvaClient): Promise<void> {
  const meaning = new Meaning(client.keys.master);
  const texts = ["Book the train to Bologna", "Ragù wants three hours on a low flame", "Call the dentist about Monday"];
  const vectors = await Promise.all(
    texts.map(async (text) => {
      const id = crypto.randomUUID();
      const blob = await laptop.vault.seal(text, `vectors/${id}`);
      return { id, blob: toBase64(blob), checksum: await sha256(blob), vector: await meaning.vector(text) };
    }),
  );
  await ok(client.api.POST("/api/v1/storage/vectors/upsert", { body: { vectors } }));

  const query = { vector: await meaning.vector("how many hours does the ragù need"), top_k: 1 };
  const { results } = await ok(client.api.POST("/api/v1/storage/vectors/search", { body: query }));
  const best = results[0];
  if (best === undefined) throw new Error("Nothing was found.");
  const found = await laptop.vault.open(fromBase64(best.blob), `vectors/${best.id}`);
  if (found !== texts[1]) throw new Error(`Found something else: ${found}`);
  tell("Found", `“${found}” (score ${best.score.toFixed(2)})`);
}

async function backUp(client: AdiuvaClient): Promise<void> {
  const snapshot = JSON.stringify([...(await laptop.notes())]);
  const { meta } = await client.backups.upload({ version: "1", body: await laptop.vault.seal(snapshot, "backup") });
  const back = await phone.client.backups.restore();
  const notes = JSON.parse(await phone.vault.open(back.bytes, "backup")) as unknown[];
  if (back.checksum !== meta.checksum || notes.length !== (await laptop.notes()).size) throw new Error("The snapshot differs.");
  const quota = await ok(client.api.GET("/api/v1/storage/quota"));
  tell("Backed up", `${meta.size_bytes} bytes, restored on the phone; backups use ${quota.backup.used_bytes} bytes`);
}

async function installPlugin(client: AdiuvaClient): Promise<void> {
  const path = { slug: PLUGIN };
  const plugin = await ok(client.api.GET("/api/v1/plugins/{slug}", { params: { path } }));
  const installed = await ok(client.api.POST("/api/v1/plugins/{slug}/install", { params: { path } }));
  const { bytes, checksum } = await client.packages.fetch(PLUGIN);
  if (checksum !== plugin.package_checksum) throw new Error("The package is not the one of the catalog.");
  tell("Installed", `${plugin.name} ${installed.version}: ${bytes.length} bytes, may ${installed.permissions.join(", ")}`);
}

/** An authenticator app is added, asked for, and removed again. */
async function secondFactor(client: AdiuvaClient): Promise<void> {
  const reauthenticate = () => client.reauthenticate({ password: credentials.password });
  const { id, secret } = await whileFresh(() => client.factors.addTotp("authenticator"), reauthenticate);
  const codes = await client.factors.confirmTotp(id, await codeOf(secret));

  await phone.client.logout();
  const error: unknown = await phone.login(credentials).catch((refused: unknown) => refused);
  if (!(error instanceof SecondFactorRequired)) throw new Error("The phone got in with the password alone.");
  await error.submitRecoveryCode(codes[0] ?? ""); // the authenticator is at home
  const { recovery_codes_left: left } = await client.factors.list();
  tell("Secured", `the phone was asked for ${error.methods.join(" or ")}; ${left} of ${codes.length} recovery codes are left`);
  await whileFresh(() => client.factors.remove(id), reauthenticate);
}

/** The laptop is lost and the password forgotten: a mail and the 24 words are enough, on a device that is new. */
async function forgetPassword(recipe: string): Promise<void> {
  await tablet.client.requestPasswordReset(credentials.email);
  const token = await tokenFrom(mails, credentials.email, "reset");
  credentials.password = "a longer sentence is better";
  const { keys } = await tablet.client.resetPassword({ token, newPassword: credentials.password, recoveryPhrase: phrase });
  await tablet.sync();
  if (!(await tablet.read(recipe))?.startsWith(RECIPE)) throw new Error("The tablet cannot read the recipe.");
  const late: unknown = await client.account.me().catch((error: unknown) => error);
  if (!(late instanceof SignedOut)) throw new Error("The laptop is still logged in.");
  tell("Recovered", `the key is ${keys} on the tablet, which reads the recipe; the laptop is signed out`);
}

/** The phone is logged in, and has no key (as after a login by passkey). The tablet hands it over. */
async function approve(recipe: string): Promise<void> {
  await phone.login(credentials);
  phone.client.keys.lock();
  const request = await phone.client.keys.requestApproval("Anna's phone");
  const pending = await tablet.client.keys.pendingApproval(request.id); // `/sync` has told its id
  if (pending.fingerprint !== request.fingerprint) throw new Error("A person would not say yes to this.");
  const { confirmation } = await pending.approve();
  const answer = await request.answer();
  if (answer.confirmation !== confirmation) throw new Error("Nor to this.");
  await answer.accept();
  if (!(await phone.read(recipe))?.startsWith(RECIPE)) throw new Error("The phone cannot read the recipe.");
  tell("Approved", `${pending.deviceName}, by ${pending.fingerprint} there and ${confirmation} back`);
}

async function lookBack(client: AdiuvaClient): Promise<void> {
  const { items } = await client.account.events();
  const pieces: Uint8Array[] = [];
  const size = await client.account.export(new WritableStream({ write: (piece) => void pieces.push(piece) }));
  if (new TextDecoder().decode(pieces[0]).slice(0, 2) !== "PK") throw new Error("The export is no zip.");
  tell("Exported", `${size > 0 ? "everything, as a zip" : "nothing"}; the last event was ${items[0]?.type}`);
}

function tell(what: string, how: string): void {
  console.log(`${what.padEnd(10)} ${how}`);
}
