// One of a user's machines: its own tokens, and its own copy of the notes, which works without a network.
//
// What a device must do when its cursor can no longer go on is the engine's part: if the server has forgotten deletions
// ("pruned"), what does not come is dropped; if the service went back to a backup ("restored"), nothing is, and what got
// lost there is sent again. Left to the app is the one thing that only it can do: make one note of two.
import { createAdiuvaClient, MemoryStore, type AdiuvaClient, type Conflict, type Credentials, type Decision, type SyncEngine } from "../src/index.js";
import { Vault } from "../src/index.js";

const TABLE = "notes";

export class Device {
  readonly client: AdiuvaClient;
  readonly vault = new Vault(() => this.client.keys.master);
  readonly #engine: SyncEngine;
  readonly #store = new MemoryStore(); // in an app a database, one for each account

  constructor(
    readonly name: string,
    baseUrl: string,
  ) {
    this.client = createAdiuvaClient({ baseUrl, onWait: ({ seconds }) => console.log(`(${name} waits for ${seconds} s)`) });
    this.#engine = this.client.sync(this.#store, { onConflict: (conflict) => this.#merge(conflict) });
  }

  async login(credentials: Credentials): Promise<void> {
    await this.client.login(credentials);
  }

  /** Takes over what others have changed, and sends what was changed here. Call it at the start, after edits, and every few minutes. */
  sync(): ReturnType<SyncEngine["sync"]> {
    return this.#engine.sync();
  }

  async write(text: string, id: string = crypto.randomUUID()): Promise<string> {
    await this.#engine.put({ id, table: TABLE, body: await this.vault.seal(text, `${TABLE}/${id}`) });
    return id;
  }

  async delete(id: string): Promise<void> {
    await this.#engine.remove(id);
  }

  async read(id: string): Promise<string | undefined> {
    const { checksum } = this.#store.get(id) ?? { checksum: null };
    return checksum === null ? undefined : this.#open(id, this.#store.read(id));
  }

  /** Every note, by id. */
  async notes(): Promise<Map<string, string>> {
    const live = this.#store.all().filter(({ checksum }) => checksum !== null);
    return new Map(await Promise.all(live.map(async ({ id }) => [id, await this.#open(id, this.#store.read(id))] as const)));
  }

  /** The lines of both, without those that were only added to; what one device has deleted and the other one changed stays. */
  async #merge({ id, mine, theirs }: Conflict): Promise<Decision> {
    if (mine === undefined) return "theirs";
    if (theirs === undefined) return "mine";
    const lines = (await this.#open(id, theirs)).split("\n");
    const more = (await this.#open(id, mine)).split("\n").filter((line) => !lines.some((other) => other.includes(line)));
    if (more.length === 0) return "theirs";
    return { body: await this.vault.seal([...lines, ...more].join("\n"), `${TABLE}/${id}`) };
  }

  #open(id: string, sealed: Uint8Array): Promise<string> {
    return this.vault.open(sealed, `${TABLE}/${id}`);
  }
}
