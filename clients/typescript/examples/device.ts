// One of a user's machines: its own tokens, its own plain notes, and a cursor into the change feed.
import { conflictingEtag, createAdiuvaClient, type AdiuvaClient, type Credentials } from "../src/index.js";
import { Vault } from "./vault.js";

const TABLE = "notes";

interface Note {
  text: string;
  /** The state on the server that this text goes back to. */
  etag: string;
}

export class Device {
  readonly client: AdiuvaClient;
  readonly notes = new Map<string, Note>();
  #cursor = 0;

  constructor(
    readonly name: string,
    baseUrl: string,
    readonly vault: Vault,
  ) {
    this.client = createAdiuvaClient({ baseUrl });
  }

  async login(credentials: Credentials): Promise<void> {
    await this.client.login(credentials);
  }

  /** Takes over what has changed since the last time. */
  async sync(): Promise<number> {
    let count = 0;
    let known: Set<string> | undefined;
    for await (const event of this.client.changes({ since: this.#cursor })) {
      if (event.type === "resync") {
        known = new Set();
        continue;
      }
      for (const change of event.changes) {
        count += 1;
        known?.add(change.id);
        if (change.op === "delete") this.notes.delete(change.id);
        else if (change.table_name === TABLE) await this.pull(change.id);
      }
      this.#cursor = event.next; // kept only now: what is before it has been applied
    }
    if (known !== undefined) for (const id of this.notes.keys()) if (!known.has(id)) this.notes.delete(id);
    return count;
  }

  async pull(id: string): Promise<Note> {
    const { bytes, etag } = await this.client.records.read(id);
    const note = { text: await this.vault.open(bytes, `${TABLE}/${id}`), etag };
    this.notes.set(id, note);
    return note;
  }

  async write(text: string): Promise<string> {
    const id = crypto.randomUUID(); // chosen here, because the sealed bytes are bound to it
    const body = await this.vault.seal(text, `${TABLE}/${id}`);
    const { etag } = await this.client.records.create({ table: TABLE, id, body });
    this.notes.set(id, { text, etag });
    return id;
  }

  /** Replaces the note, and says whether that met another device's change; then `merge` makes one of both texts. */
  async edit(id: string, text: string, merge: (mine: string, theirs: string) => string): Promise<"saved" | "merged"> {
    const note = this.notes.get(id);
    if (note === undefined) throw new Error(`There is no note ${id} on the ${this.name}.`);
    try {
      await this.#replace(id, text, note.etag);
      return "saved";
    } catch (error) {
      if (conflictingEtag(error) === undefined) throw error;
      const theirs = await this.pull(id);
      await this.#replace(id, merge(text, theirs.text), theirs.etag);
      return "merged";
    }
  }

  async #replace(id: string, text: string, ifMatch: string): Promise<void> {
    const body = await this.vault.seal(text, `${TABLE}/${id}`);
    const { etag } = await this.client.records.replace(id, body, { ifMatch });
    this.notes.set(id, { text, etag });
  }
}
