import type { Table } from "./spec.js";

interface Channel {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
  /** Node's: what may be heard keeps no process alive. */
  unref?(): void;
}

/** Tells the runners of an app's other windows of changed records: only one of them runs batches. */
export class Windows {
  constructor(private readonly channel: Channel) {}

  /** `undefined` where the store has no name, or the platform no channel. */
  static of({ name }: { readonly name?: string }, heard: (table: Table, id: string) => void): Windows | undefined {
    const { BroadcastChannel } = globalThis as unknown as { BroadcastChannel?: new (name: string) => Channel };
    if (name === undefined || BroadcastChannel === undefined) return undefined;
    const channel = new BroadcastChannel(`adiuva:${name}:batches`);
    channel.unref?.();
    channel.onmessage = ({ data }) => {
      const { table, id } = data as { table: Table; id: string };
      heard(table, id);
    };
    return new Windows(channel);
  }

  recordChanged(table: Table, id: string): void {
    this.channel.postMessage({ table, id });
  }

  close(): void {
    this.channel.close();
  }
}
