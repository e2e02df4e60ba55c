// One window of an app in a browser: its copy in IndexedDB, its session in localStorage, and an engine that runs for as long as
// the window is open. `?api=` names the server. What a test wants of it is in `window.device`.
import { createAdiuvaClient, type Conflict, type Decision, type StoredTokens, type SyncResult } from "../../src/index.js";
import { IndexedDbStore } from "../../src/index.js";

const TABLE = "notes";
const [bytes, text] = [(line: string) => new TextEncoder().encode(line), (body: Uint8Array) => new TextDecoder().decode(body)];
const baseUrl = new URLSearchParams(location.search).get("api") ?? "";

const tokens = {
  load: () => JSON.parse(localStorage.getItem("tokens") ?? "null") as StoredTokens | null ?? undefined,
  save: (kept: StoredTokens) => localStorage.setItem("tokens", JSON.stringify(kept)),
  clear: () => localStorage.removeItem("tokens"),
};
const client = createAdiuvaClient({ baseUrl, tokens });
if (tokens.load() === undefined) await client.login({ email: "demo-pro@example.com", password: "adiuva-demo-1" }, { plain: true });

const store = await IndexedDbStore.open("notes of demo-pro");
const results: SyncResult[] = [];
const errors: string[] = [];
const hints: string[] = [];
const engine = client.sync(store, { onConflict: merge });
engine.start({
  onSynced: (result) => void results.push(result),
  onError: (error) => void errors.push(String(error)),
  onHint: ({ type }) => void hints.push(type),
});

/** The lines of both. */
function merge({ mine, theirs }: Conflict): Decision {
  if (mine === undefined) return "theirs";
  if (theirs === undefined) return "mine";
  const lines = new Set([...text(theirs).split("\n"), ...text(mine).split("\n")]);
  return { body: bytes([...lines].sort().join("\n")) };
}

async function contents(): Promise<Record<string, string>> {
  const bodies = await store.readMany((await store.all()).map(({ id }) => id));
  return Object.fromEntries([...bodies].map(([id, body]) => [id, text(body)]));
}

const device = {
  contents,
  errors,
  hints,
  results,
  write: async (id: string, line: string) => {
    const before = (await contents())[id];
    await engine.put({ id, table: TABLE, body: bytes(before === undefined ? line : `${before}\n${line}`) });
  },
  remove: (id: string) => engine.remove(id),
  unsent: async () => (await store.unsent()).length,
};
(globalThis as { device?: typeof device }).device = device;
