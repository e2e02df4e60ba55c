/**
 * What this engine knows of the feed beside its cursor, for as long as it lives: it saves requests and bytes, and nothing
 * depends on it.
 */
export class SequenceNumbers {
  #known: number | undefined;
  readonly #echoes = new Set<string>();

  /** The number up to which nothing is unknown here: that of the server's newest change, unless there is a newer one. */
  get known(): number | undefined {
    return this.#known;
  }

  /** The feed has yet to tell of records that were sent from here: their bytes need not come back. */
  get hasEchoes(): boolean {
    return this.#echoes.size > 0;
  }

  /** Own changes; between theirs and what was known somebody else's may have come. */
  sent(changes: { id: string; seq?: number | undefined }[]): void {
    for (const { id } of changes) this.#echoes.add(id);
    for (const seq of changes.map((one) => one.seq ?? 0).sort((one, other) => one - other)) {
      if (this.#known !== undefined && seq === this.#known + 1) this.#known = seq;
    }
  }

  /** A page of the feed. */
  read(changes: { id: string; seq: number }[], hasMore: boolean): void {
    for (const { id } of changes) this.#echoes.delete(id);
    if (!hasMore) this.#echoes.clear();
    this.#known = changes.at(-1)?.seq ?? this.#known;
  }
}
