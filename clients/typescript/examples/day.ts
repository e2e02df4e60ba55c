// A day with the Adiuva Cloud API. `make run` in the repository, then `npm run day` here.
import { fromBase64, idempotencyKey, ok, sha256, toBase64, type AdiuvaClient } from "../src/index.js";
import { Device } from "./device.js";
import { Meaning } from "./meaning.js";
import { Vault } from "./vault.js";

const baseUrl = process.env["ADIUVA_URL"] ?? "http://localhost:8000";
const PASSPHRASE = "six geese keep the lighthouse warm";
const RECIPE = "Aunt Rosalba's ragù: three hours, no garlic, and never tell Pietro.";
const PLUGIN = "github-sync";

const laptop = new Device("laptop", baseUrl, new Vault(PASSPHRASE));
const phone = new Device("phone", baseUrl, new Vault(PASSPHRASE));
const { client } = laptop;

const credentials = { email: `day-${crypto.randomUUID().slice(0, 8)}@example.com`, password: "a long sentence is best" };
await client.register(credentials);
tell("Registered", `${credentials.email}, tier ${(await ok(client.api.GET("/api/v1/auth/me"))).tier}`);

await talk(client);
await upgrade(client);
const recipe = await seal();
await meetAndMerge(recipe);
await searchByMeaning(client);
await backUp(client);
await installPlugin(client);

await client.logout();
await phone.client.logout();
tell("Logged out", "on both");

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
  const { bytes } = await client.records.read(id);
  if (new TextDecoder().decode(bytes).includes("Rosalba")) throw new Error("The server has the plain text.");
  tell("Sealed", `a note of ${RECIPE.length} characters as ${bytes.length} bytes`);

  await phone.login(credentials);
  const count = await phone.sync();
  if (phone.notes.get(id)?.text !== RECIPE) throw new Error("The phone reads something else.");
  tell("Synced", `${count} change, and the phone reads it`);

  const stranger = new Vault("a wrong passphrase");
  const opened = await stranger.open(bytes, `notes/${id}`).catch(() => undefined);
  if (opened !== undefined) throw new Error("A wrong passphrase opened it.");
  return id;
}

/** Both devices change the note; who comes second merges. */
async function meetAndMerge(id: string): Promise<void> {
  const both = (mine: string, theirs: string) => `${theirs}\n${mine}`;
  const first = await laptop.edit(id, `${RECIPE} Bay leaf!`, both);
  const second = await phone.edit(id, "Serve with tagliatelle.", both);
  await laptop.sync();
  const text = laptop.notes.get(id)?.text;
  if (text !== `${RECIPE} Bay leaf!\nServe with tagliatelle.`) throw new Error(`The merge is lost: ${text}`);
  tell("Merged", `the laptop ${first}, the phone ${second}, and both have both lines`);
}

async function searchByMeaning(client: AdiuvaClient): Promise<void> {
  const meaning = new Meaning(PASSPHRASE);
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
  const snapshot = JSON.stringify([...laptop.notes]);
  const { meta } = await client.backups.upload({ version: "1", body: await laptop.vault.seal(snapshot, "backup") });
  const back = await phone.client.backups.restore();
  const notes = JSON.parse(await phone.vault.open(back.bytes, "backup")) as unknown[];
  if (back.checksum !== meta.checksum || notes.length !== laptop.notes.size) throw new Error("The snapshot differs.");
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

function tell(what: string, how: string): void {
  console.log(`${what.padEnd(10)} ${how}`);
}
