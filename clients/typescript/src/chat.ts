import { AdiuvaProblem } from "./problem.js";
import { ConnectionLost, open, platformWebSocket, type WebSocketClass, type WebSocketLike } from "./socket.js";
import { sleep } from "./transport.js";
import { Turn, type TurnOptions } from "./turn.js";
import type { ActionFrame, ChatRequest, ChunkFrame, ClientFrame, DoneFrame, ReadTool, ServerFrame, ToolCallFrame } from "./types.js";

/** A read of the assistant's, answered from the client's own decrypted data. */
export type ClientTool = (args: Record<string, unknown>) => unknown;

export interface ChatOptions {
  /** By name (`list_tasks`, `get_note`, …). With any, the server asks here instead of reading the context. */
  tools?: { [Name in ReadTool]?: ClientTool };
  /** The server pings every 30 seconds; a connection silent for longer than this is dead. */
  silenceMs?: number;
  /** For a platform that has none, or for tests. */
  WebSocket?: WebSocketClass;
}

/** The contract's bound of a result, in bytes of JSON. */
const MAX_RESULT_BYTES = 256 * 1024;
const OPEN = 1;
const RETRY_MS = 500;

/**
 * A conversation over one WebSocket. Turns are sent one after another; the socket is opened with a fresh ticket when
 * there is something to send and none is open.
 */
export class ChatSocket {
  #socket: WebSocketLike | undefined;
  #waiting: Turn[] = [];
  #running: Turn | undefined;
  /** Rises with each `close`, which a connection that is still being made must notice. */
  #epoch = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;

  /** `address` gives the URL with a ticket, which works once. */
  constructor(
    private readonly address: () => Promise<string>,
    private readonly options: ChatOptions = {},
  ) {}

  send(request: ChatRequest, options: TurnOptions = {}): Turn {
    const turn = new Turn(request, options, (one) => this.#cancel(one));
    this.#waiting.push(turn);
    if (options.signal?.aborted) turn.cancel();
    void this.#next();
    return turn;
  }

  /** Ends the conversation; what has not been answered fails with `ConnectionLost`. */
  close(): void {
    this.#epoch += 1;
    this.#lose(this.#socket, new ConnectionLost(1000, "closed here"));
    for (const turn of this.#waiting.splice(0)) turn.finish(new ConnectionLost(1000, "closed here"));
  }

  async #next(): Promise<void> {
    if (this.#running !== undefined) return;
    const turn = this.#waiting.shift();
    if (turn === undefined) return;
    this.#running = turn;
    try {
      if (this.#socket?.readyState !== OPEN) this.#socket = undefined; // its close event is on the way
      this.#socket ??= await this.#connect();
      if (turn.isOver) return;
      const { tools = {} } = this.options;
      const clientTools = Object.keys(tools).length > 0 ? { client_tools: true } : {};
      this.#write({ ...turn.request, ...clientTools, request_id: turn.id });
    } catch (error) {
      turn.finish(error as Error);
    } finally {
      if (turn.isOver) this.#over(turn);
    }
  }

  #over(turn: Turn): void {
    if (this.#running === turn) this.#running = undefined;
    void this.#next();
  }

  async #connect(): Promise<WebSocketLike> {
    const epoch = this.#epoch;
    const Socket = this.options.WebSocket ?? (await platformWebSocket());
    // A refusal may be about the ticket alone (it lives for 30 seconds): once more, with another.
    const socket = await open(Socket, await this.address()).catch(async () => {
      await sleep(RETRY_MS);
      return open(Socket, await this.address());
    });
    if (epoch !== this.#epoch) {
      socket.close();
      throw new ConnectionLost(1000, "closed here");
    }
    socket.addEventListener("close", ({ code, reason }) => this.#lose(socket, new ConnectionLost(code, reason)));
    socket.addEventListener("message", ({ data }) => this.#read(socket, String(data)));
    this.#listen(socket);
    return socket;
  }

  #lose(socket: WebSocketLike | undefined, error: ConnectionLost): void {
    clearTimeout(this.#silence);
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    socket?.close();
    const turn = this.#running;
    turn?.finish(error);
    if (turn !== undefined) this.#over(turn);
  }

  #listen(socket: WebSocketLike): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose(socket, new ConnectionLost(1006, "silent")), this.options.silenceMs ?? 75_000);
    (this.#silence as { unref?: () => void }).unref?.();
  }

  #read(socket: WebSocketLike, text: string): void {
    if (socket !== this.#socket) return;
    this.#listen(socket);
    const frame = JSON.parse(text) as ServerFrame;
    if (frame.type === "ping") {
      this.#write({ type: "pong" });
      return;
    }
    const turn = this.#running;
    if (turn === undefined || (frame.request_id !== undefined && frame.request_id !== turn.id)) return;
    switch (frame.type) {
      case "chunk":
      case "action":
        this.#take(turn, frame);
        break;
      case "tool_call":
        void this.#answer(socket, frame);
        break;
      case "done":
        this.#end(turn, frame);
        break;
      case "error":
        this.#end(turn, new AdiuvaProblem(frame.error));
        break;
    }
  }

  /** What a listener throws is the turn's failure, not the socket's. */
  #take(turn: Turn, frame: ChunkFrame | ActionFrame): void {
    try {
      turn.take(frame);
    } catch (error) {
      this.#write({ type: "cancel", request_id: turn.id });
      this.#end(turn, error as Error);
    }
  }

  #end(turn: Turn, end: DoneFrame | Error): void {
    turn.finish(end);
    this.#over(turn);
  }

  async #answer(socket: WebSocketLike, { id, name, arguments: args }: ToolCallFrame): Promise<void> {
    let answer: ClientFrame;
    try {
      const tool = this.options.tools?.[name];
      if (tool === undefined) throw new Error(`This client does not have ${name}.`);
      const result = (await tool(args)) ?? null;
      if (new TextEncoder().encode(JSON.stringify(result)).length > MAX_RESULT_BYTES) {
        throw new Error("The result is too large; ask for less.");
      }
      answer = { type: "tool_result", id, result };
    } catch (error) {
      answer = { type: "tool_result", id, error: error instanceof Error ? error.message : String(error) };
    }
    if (socket === this.#socket) this.#write(answer);
  }

  #cancel(turn: Turn): void {
    if (turn === this.#running && this.#socket !== undefined) {
      this.#write({ type: "cancel", request_id: turn.id });
      return;
    }
    // It was never sent: there is nothing to wait for.
    this.#waiting = this.#waiting.filter((one) => one !== turn);
    const nothing = { input_tokens: 0, output_tokens: 0 };
    turn.finish({ type: "done", done: true, response: "", actions: [], usage: nothing, cancelled: true, request_id: turn.id });
  }

  #write(frame: ClientFrame): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(frame));
  }
}
