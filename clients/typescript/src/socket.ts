import { wsPackage } from "./node.js";
import type { CauseOptions } from "./problem.js";
import { AdiuvaTimeoutError, within } from "./timeouts.js";

/** What a browser's WebSocket and that of `ws` have in common, as far as it is used here. */
export interface WebSocketLike {
  readonly readyState: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
}

export type WebSocketClass = new (url: string) => WebSocketLike;

/** The platform has no `WebSocket` (Node 20, Electron before 35), the package `ws` is not installed, and none was given. */
export class NoWebSocket extends Error {
  override readonly name = "NoWebSocket";

  constructor(options?: CauseOptions) {
    super(`${platformName()} has no WebSocket: \`npm install ws\`, or pass \`webSocket\` to createAdiuvaClient.`, options);
  }
}

/** The platform's own (renderers, Node ≥ 22), else the package `ws`. Throws `NoWebSocket`. */
export async function platformWebSocket(): Promise<WebSocketClass> {
  if (typeof globalThis.WebSocket === "function") return globalThis.WebSocket as unknown as WebSocketClass;
  try {
    return (await wsPackage()) as WebSocketClass;
  } catch (cause) {
    throw new NoWebSocket({ cause });
  }
}

function platformName(): string {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  const [major] = process?.versions?.node?.split(".") ?? [];
  return major === undefined ? "This platform" : `Node ${major}`;
}

/** A socket that has opened within so many milliseconds; throws `ConnectionLost`, `AdiuvaTimeoutError`. */
export async function open(Socket: WebSocketClass, url: string, milliseconds: number): Promise<WebSocketLike> {
  const socket = new Socket(url);
  const opening = new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new ConnectionLost(1006, "it could not be opened")));
    socket.addEventListener("close", ({ code, reason }) => reject(new ConnectionLost(code, reason)));
  });
  await within(milliseconds, opening, () => {
    socket.close();
    return new AdiuvaTimeoutError("socket", `WS ${new URL(url).pathname}`, milliseconds);
  });
  return socket;
}

/** The connection ended, and what had begun could not be fetched on another; it is not sent again by itself. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";

  /** 4401: the session is over. 4409: another socket has the turn. 1012: the server restarts. 1006: the network. */
  constructor(
    readonly code: number,
    reason = "",
  ) {
    super(`The conversation's connection ended with ${code}${reason && `: ${reason}`}.`);
  }
}
