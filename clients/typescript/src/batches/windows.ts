import type { Table } from "./spec.js";

interface Channel {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
  /** Node's: what may be heard keeps no process alive. */
  unref?(): void;
}

type Said = { type: "changed" | "noted"; table: Table; id: string } | { type: "begun" };

/** What a window does with what others tell. */
export interface Hearing {
  /** Whether it is this window's turn. */
  isHere(): boolean;
  /** A record was changed there: this one sees to it. */
  changed(table: Table, id: string): void;
  /** The window whose turn it is sees to it. */
  noted(table: Table, id: string): void;
  /** Another one's turn has begun. */
  begun(): void;
}

/** Tells the runners of an app's other windows of changed records: only one of them runs batches. */
export class Windows {
  constructor(private readonly channel: Channel) {}

  /** `undefined` where the store has no name, or the platform no channel. */
  static of({ name }: { readonly name?: string }, hearing: Hearing): Windows | undefined {
    const { BroadcastChannel } = globalThis as unknown as { BroadcastChannel?: new (name: string) => Channel };
    if (name === undefined || BroadcastChannel === undefined) return undefined;
    const channel = new BroadcastChannel(`adiuva:${name}:batches`);
    channel.unref?.();
    channel.onmessage = ({ data }) => {
      const said = data as Said;
      if (said.type === "begun") hearing.begun();
      else if (said.type === "noted") hearing.noted(said.table, said.id);
      else if (hearing.isHere()) {
        hearing.changed(said.table, said.id);
        channel.postMessage({ ...said, type: "noted" });
      }
    };
    return new Windows(channel);
  }

  /** Nobody may hear it: the window whose turn it is can be stopping, or another process that no channel reaches. */
  recordChanged(table: Table, id: string): void {
    this.channel.postMessage({ type: "changed", table, id });
  }

  begun(): void {
    this.channel.postMessage({ type: "begun" });
  }

  close(): void {
    this.channel.close();
  }
}
