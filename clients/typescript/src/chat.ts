import { systemClock } from "./clock.js";
import { RETRY, type Patience } from "./patience.js";
import { AdiuvaProblem, SignedOut } from "./problem.js";
import { ConnectionLost, open, platformWebSocket, type WebSocketClass, type WebSocketLike } from "./socket.js";
import { Turn, type TurnOptions } from "./turn.js";
import type { ActionFrame, ChatRequest, ChunkFrame, ClientFrame, DoneFrame, Problem, ReadTool, ServerFrame, ToolCallFrame } from "./types.js";

/** A read of the assistant's, answered from the client's own decrypted data. */
export type ClientTool = (args: Record<string, unknown>) => unknown;

export interface ChatOptions {
  /** By name (`list_tasks`, `get_note`, …). With any, the server asks here instead of reading the context. */
  tools?: { [Name in ReadTool]?: ClientTool };
  /** Whether an answer whose connection was lost is fetched on another one; true unless given. */
  resume?: boolean;
  /** The server pings every 30 seconds; a connection silent for longer than this (45 s) is dead. */
  silenceMs?: number;
  /** For a platform that has none, or for tests. */
  WebSocket?: WebSocketClass;
}

/** The contract's bound of a result, in bytes of JSON. */
const MAX_RESULT_BYTES = 256 * 1024;
const OPEN = 1;
const RETRY_MS = 500;
/** For so long the server keeps an answer that nobody reads; and the most between two attempts to fetch it. */
const KEPT_MS = 60_000;
const MAX_PAUSE_MS = 8_000;
const TAKEN_OVER = 4409;
const PATIENCE = { clock: systemClock, onWait: () => {}, options: RETRY };

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
  /** While the user's requests of this minute are used up. */
  #pause: AbortController | undefined;
  /** While a lost connection is being replaced. */
  #resuming: AbortController | undefined;

  /** `address` gives the URL with a ticket, which works once. */
  constructor(
    private readonly address: () => Promise<string>,
    private readonly options: ChatOptions = {},
    private readonly patience: Pick<Patience, "clock" | "onWait" | "options"> = PATIENCE,
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
    this.#pause?.abort();
    this.#resuming?.abort();
    this.#lose(this.#socket, new ConnectionLost(1000, "closed here"));
    for (const turn of this.#waiting.splice(0)) turn.finish(new ConnectionLost(1000, "closed here"));
  }

  async #next(): Promise<void> {
    if (this.#running !== undefined || this.#pause !== undefined) return;
    const turn = this.#waiting.shift();
    if (turn === undefined) return;
    this.#running = turn;
    try {
      if (this.#socket?.readyState !== OPEN) this.#socket = undefined; // its close event is on the way
      this.#socket ??= await this.#connect();
      if (turn.isOver) return;
      const { tools = {}, resume = true } = this.options;
      const clientTools = Object.keys(tools).length > 0 ? { client_tools: true } : {};
      this.#write({ ...turn.request, ...clientTools, ...(resume ? { resume } : {}), request_id: turn.id });
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
      await this.patience.clock.sleep(RETRY_MS);
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
    if (turn === undefined || this.#resuming !== undefined) return;
    if (turn.place !== undefined && error.code !== TAKEN_OVER && error.code !== 1000) void this.#resume(turn, error);
    else this.#end(turn, error);
  }

  /** Connects until the server can be asked for the rest of `turn`; its own words then say how it ends. */
  async #resume(turn: Turn, lost: ConnectionLost): Promise<void> {
    const { clock, onWait } = this.patience;
    const { signal } = (this.#resuming = new AbortController());
    const until = clock.now() + KEPT_MS;
    let failure: Error | undefined = lost;
    try {
      for (let pause = RETRY_MS; failure !== undefined && clock.now() < until; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
        onWait({ reason: "connection", seconds: pause / 1000 });
        await clock.sleep(pause, signal);
        failure = await this.#fetchRest(turn);
      }
    } catch (error) {
      failure = signal.aborted ? new ConnectionLost(1000, "closed here") : (error as Error);
    }
    this.#resuming = undefined;
    if (failure !== undefined) this.#end(turn, failure);
  }

  /** What the network did to it, if it did; throws what another attempt would not change. */
  async #fetchRest(turn: Turn): Promise<Error | undefined> {
    try {
      this.#socket = await this.#connect();
    } catch (error) {
      if (isFinal(error)) throw error;
      return error as Error;
    }
    const { turnId, seq } = turn.place!;
    this.#write({ type: "resume", turn_id: turnId, after: seq, request_id: turn.id });
    if (turn.isCancelled) this.#write({ type: "cancel" });
    return this.#socket.readyState === OPEN ? undefined : new ConnectionLost(1006);
  }

  #listen(socket: WebSocketLike): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose(socket, new ConnectionLost(1006, "silent")), this.options.silenceMs ?? 45_000);
    (this.#silence as { unref?: () => void }).unref?.();
  }

  #read(socket: WebSocketLike, text: string): void {
    if (socket !== this.#socket) return;
    this.#listen(socket);
    const frame = JSON.parse(text) as ServerFrame;
    if (frame.type === "ping") this.#write({ type: "pong" }); // a numbered one is also its turn's first frame
    const turn = this.#running;
    if (turn === undefined || (frame.request_id !== undefined && frame.request_id !== turn.id)) return;
    if (!turn.isNew(frame) && frame.type !== "tool_call") return; // an open read is asked again
    switch (frame.type) {
      case "chunk":
      case "action":
        this.#take(turn, frame);
        break;
      case "tool_call":
        void this.#answer(turn, frame);
        break;
      case "done":
        this.#end(turn, frame);
        break;
      case "error":
        if (!this.#putOff(turn, frame.error)) this.#end(turn, turn.failure(frame.error));
        break;
    }
  }

  /** A turn that the rate limit refused has not begun: it waits, as a request would. */
  #putOff(turn: Turn, { code, retry_after: seconds }: Problem): boolean {
    const { clock, onWait, options } = this.patience;
    if (code !== "rate_limited" || seconds === undefined || turn.hasBegun || turn.waited + seconds > options.maxWait) return false;
    turn.waited += seconds;
    turn.beginAnew();
    this.#running = undefined;
    this.#waiting.unshift(turn);
    const pause = (this.#pause = new AbortController());
    const goOn = (): void => {
      if (this.#pause === pause) this.#pause = undefined;
      void this.#next();
    };
    onWait({ reason: "rate_limited", seconds });
    void clock.sleep(seconds * 1000, pause.signal).then(goOn, goOn);
    return true;
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

  async #answer(turn: Turn, call: ToolCallFrame): Promise<void> {
    const known = turn.answers.get(call.id);
    const answer = known ?? this.#carryOut(call);
    turn.answers.set(call.id, answer);
    const frame = await answer;
    if (turn === this.#running) this.#write(frame);
  }

  async #carryOut({ id, name, arguments: args }: ToolCallFrame): Promise<ClientFrame> {
    try {
      const tool = this.options.tools?.[name];
      if (tool === undefined) throw new Error(`This client does not have ${name}.`);
      const result = (await tool(args)) ?? null;
      if (new TextEncoder().encode(JSON.stringify(result)).length > MAX_RESULT_BYTES) {
        throw new Error("The result is too large; ask for less.");
      }
      return { type: "tool_result", id, result };
    } catch (error) {
      return { type: "tool_result", id, error: error instanceof Error ? error.message : String(error) };
    }
  }

  #cancel(turn: Turn): void {
    if (turn === this.#running && this.#socket !== undefined) {
      this.#write({ type: "cancel", request_id: turn.id });
      return;
    }
    if (turn === this.#running && this.#resuming !== undefined) return; // it is said as soon as there is a connection
    // It was never sent: there is nothing to wait for.
    this.#waiting = this.#waiting.filter((one) => one !== turn);
    const nothing = { input_tokens: 0, output_tokens: 0 };
    turn.finish({ type: "done", done: true, response: "", actions: [], usage: nothing, finish_reason: "stop", cancelled: true, request_id: turn.id });
  }

  #write(frame: ClientFrame): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(frame));
  }
}

/** Nobody is logged in, the server refuses, or the conversation was closed: no other attempt would change that. */
function isFinal(error: unknown): boolean {
  if (error instanceof AdiuvaProblem) return error.status < 500 && error.code !== "rate_limited";
  return error instanceof SignedOut || (error instanceof ConnectionLost && error.code === 1000);
}
