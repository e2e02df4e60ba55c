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

/** The platform's own (renderers, Node ≥ 22), else the package `ws`. */
export async function platformWebSocket(): Promise<WebSocketClass> {
  if (typeof globalThis.WebSocket === "function") return globalThis.WebSocket as unknown as WebSocketClass;
  const { WebSocket } = await import("ws");
  return WebSocket as unknown as WebSocketClass;
}

/** An open socket; throws `ConnectionLost`. */
export async function open(Socket: WebSocketClass, url: string): Promise<WebSocketLike> {
  const socket = new Socket(url);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new ConnectionLost(1006, "it could not be opened")));
    socket.addEventListener("close", ({ code, reason }) => reject(new ConnectionLost(code, reason)));
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
