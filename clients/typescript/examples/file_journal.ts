// A runner's journal as a file beside the database: ids and numbers of runs whose end the server does not know yet.
import { open, readFile, rename } from "node:fs/promises";
import type { BatchStore, Journal } from "../src/index.js";

export class FileJournal implements BatchStore {
  /** `name`: of the account, for each has a journal of its own. */
  constructor(
    private readonly path: string,
    readonly name: string,
  ) {}

  async read(): Promise<Journal | undefined> {
    try {
      return JSON.parse(await readFile(this.path, "utf8")) as Journal;
    } catch {
      return undefined; // none yet, or half a one of an older system: runs are done again, with the same ids
    }
  }

  /** A whole one is there at any time: the new one takes the old one's place once it is on the disk. */
  async write(journal: Journal): Promise<void> {
    const file = await open(`${this.path}.new`, "w", 0o600);
    try {
      await file.writeFile(JSON.stringify(journal));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.path}.new`, this.path);
  }
}
