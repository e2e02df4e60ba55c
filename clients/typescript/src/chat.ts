import { systemClock } from "./clock.js";
import type { Connectivity } from "./connectivity.js";
import { MapRun, type MapOptions } from "./map.js";
import { RETRY, type Patience, type RetryOptions } from "./patience.js";
import { AdiuvaProblem, SignedOut } from "./problem.js";
import { ConnectionLost, open, platformWebSocket, type WebSocketClass, type WebSocketLike } from "./socket.js";
import { AdiuvaTimeoutError, after, TIMEOUTS, type Timeouts } from "./timeouts.js";
import { Turn, type Exchange, type TurnOptions } from "./turn.js";
import type { ChatRequest, ClientFrame, Problem, ReadTool, ServerFrame, ToolCallFrame } from "./types.js";

/** A read of the assistant's, answered from the client's own decrypted data. */
export type ClientTool = (args: Record<string, unknown>) => unknown;

export interface ChatOptions {
  /** By name (`list_tasks`, `get_note`, …). With any, the server asks here instead of reading the context. */
  tools?: { [Name in ReadTool]?: ClientTool };
  /** Whether an answer whose connection was lost is fetched on another one; true unless given. */
  resume?: boolean;
  /** The server pings every 30 seconds; a connection silent for longer than this is dead. The client's `timeouts.silence` unless given. */
  silenceMs?: number;
  /** For a platform that has none, or for tests. */
  WebSocket?: WebSocketClass;
}

/** The contract's bound of a result, in bytes of JSON. */
const MAX_RESULT_BYTES = 256 * 1024;
const OPEN = 1;
const RETRY_MS = 500;
/** The most between two attempts to go on. */
const MAX_PAUSE_MS = 8_000;
const TAKEN_OVER = 4409;
/** For so long the server may take to end what was cancelled; then the socket is dropped, since the next turn waits for it. */
const CANCEL_MS = 10_000;
const PATIENCE = { clock: systemClock, onWait: () => {}, options: RETRY };

/** What a conversation needs of the client's `Patience`. */
interface Waiting extends Pick<Patience, "clock" | "onWait"> {
  readonly options: Pick<RetryOptions, "maxWait">;
  readonly timeouts?: Timeouts;
  readonly connectivity?: Connectivity;
}

/**
 * A conversation over one WebSocket. Turns and maps are sent one after another; the socket is opened with a fresh ticket when
 * there is something to send and none is open.
 */
export class ChatSocket {
  #socket: WebSocketLike | undefined;
  #waiting: Exchange[] = [];
  #running: Exchange | undefined;
  /** Rises with each `close`, and when a turn is given up: a connection that is still being made must notice. */
  #epoch = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;
  /** While the user's requests of this minute are used up. */
  #pause: AbortController | undefined;
  /** While a lost connection is being replaced. */
  #resuming: AbortController | undefined;
  /** While the server has not said that what was cancelled is over. */
  #ending: ReturnType<typeof setTimeout> | undefined;
  /** What one account has begun must not go on as another, nor on another's socket. */
  readonly #begunIn = new WeakMap<Exchange, AbortSignal>();
  #connectedIn: AbortSignal | undefined;
  /** The session that is listened to, as long as there is something that its end has to end. */
  #followed: AbortSignal | undefined;

  /** `address` gives the URL with a ticket, which works once; `session` is aborted when somebody logs out or in. */
  constructor(
    private readonly address: () => Promise<string>,
    private readonly options: ChatOptions = {},
    private readonly patience: Waiting = PATIENCE,
    private readonly session: () => AbortSignal | undefined = () => undefined,
  ) {}

  send(request: ChatRequest, options: TurnOptions = {}): Turn {
    return this.#begin(new Turn(request, options, (one) => this.#cancel(one)), options.signal);
  }

  /**
   * One instruction over many records, as an async iterator of what became of each. It takes this conversation until it is over: use
   * another one for what the user says meanwhile.
   */
  map(options: MapOptions): MapRun {
    return this.#begin(new MapRun(options, (one) => this.#cancel(one)), options.signal);
  }

  #begin<One extends Exchange & { cancel(): void }>(one: One, signal: AbortSignal | undefined): One {
    if (one.isOver) return one;
    const session = this.session();
    if (session !== undefined) this.#begunIn.set(one, session);
    if (session?.aborted) {
      one.fail(session.reason as Error);
      return one;
    }
    this.#follow(session);
    this.#waiting.push(one);
    if (signal?.aborted) one.cancel();
    void this.#next();
    return one;
  }

  /** Ends the conversation; what has not been answered fails with `ConnectionLost`. */
  close(): void {
    const error = new ConnectionLost(1000, "closed here");
    const waiting = this.#waiting.splice(0); // first, or the end of what runs would begin the next
    this.#abandon();
    this.#pause?.abort();
    this.#lose(this.#socket, error);
    for (const one of waiting) one.fail(error);
  }

  #follow(session: AbortSignal | undefined): void {
    if (session === this.#followed) return;
    this.#followed?.removeEventListener("abort", this.#leave);
    this.#followed = session;
    session?.addEventListener("abort", this.#leave, { once: true });
  }

  #isIdle(): boolean {
    return this.#running === undefined && this.#waiting.length === 0 && this.#socket === undefined;
  }

  /** Somebody has logged out or in. What is under way would be answered with the next one's records, and what waits would hold up their turns. */
  readonly #leave = (): void => {
    const reason = this.#followed?.reason as Error;
    const [turn, socket] = [this.#running, this.#socket];
    const isOver = (one: Exchange): boolean => this.#begunIn.get(one)?.aborted === true;
    const waiting = this.#waiting.filter(isOver);
    this.#waiting = this.#waiting.filter((one) => !isOver(one));
    clearTimeout(this.#silence);
    this.#socket = undefined;
    this.#follow(undefined);
    this.#abandon();
    this.#pause?.abort();
    socket?.close();
    for (const one of waiting) one.fail(reason);
    if (turn !== undefined) this.#fail(turn, reason);
  };

  /** Nobody waits any more for a connection that is still being made. */
  #abandon(): void {
    this.#epoch += 1;
    if (this.#resuming === undefined) return;
    this.#resuming.abort();
    this.#resuming = undefined;
    this.patience.connectivity?.settled(this, "chat");
  }

  async #next(): Promise<void> {
    if (this.#running !== undefined || this.#pause !== undefined) return;
    const turn = this.#waiting.shift();
    if (turn === undefined) {
      if (this.#isIdle()) this.#follow(undefined);
      return;
    }
    this.#running = turn;
    try {
      this.#begunIn.get(turn)?.throwIfAborted();
      if (this.#connectedIn?.aborted) this.#socket?.close();
      if (this.#socket?.readyState !== OPEN || this.#connectedIn?.aborted) this.#socket = undefined; // its close event is on the way
      if (this.#socket === undefined) await this.#connect();
      if (turn.isOver) return;
      const { tools = {}, resume = true } = this.options;
      const clientTools = Object.keys(tools).length > 0 ? { client_tools: true } : {};
      this.#write(turn.opening({ ...clientTools, ...(resume ? { resume } : {}) }));
    } catch (error) {
      turn.fail(error as Error);
    } finally {
      if (turn.isOver) this.#over(turn);
    }
  }

  #over(turn: Exchange): void {
    if (this.#running === turn) {
      this.#running = undefined;
      clearTimeout(this.#ending);
    }
    void this.#next();
  }

  async #connect(): Promise<void> {
    const epoch = this.#epoch;
    const session = this.session();
    const Socket = this.options.WebSocket ?? (await platformWebSocket());
    // A refusal may be about the ticket alone (it lives for 30 seconds): once more, with another.
    const socket = await this.#open(Socket).catch(async (error: unknown) => {
      if (error instanceof AdiuvaTimeoutError) throw error;
      await this.patience.clock.sleep(RETRY_MS);
      return this.#open(Socket);
    });
    if (epoch !== this.#epoch) {
      socket.close();
      throw new ConnectionLost(1000, "closed here");
    }
    if (session?.aborted) socket.close();
    session?.throwIfAborted();
    this.#connectedIn = session;
    socket.addEventListener("close", ({ code, reason }) => this.#lose(socket, new ConnectionLost(code, reason)));
    socket.addEventListener("message", ({ data }) => this.#read(socket, String(data)));
    this.#listen(socket);
    this.#socket = socket;
  }

  async #open(Socket: WebSocketClass): Promise<WebSocketLike> {
    return open(Socket, await this.address(), this.#timeouts.answer);
  }

  get #timeouts(): Timeouts {
    return this.patience.timeouts ?? TIMEOUTS;
  }

  #lose(socket: WebSocketLike | undefined, error: ConnectionLost | AdiuvaTimeoutError): void {
    if (socket !== this.#socket) return;
    clearTimeout(this.#silence);
    this.#socket = undefined;
    socket?.close();
    const turn = this.#running;
    if (this.#isIdle()) this.#follow(undefined);
    if (turn === undefined || this.#resuming !== undefined) return;
    const isWanted = error instanceof AdiuvaTimeoutError || (error.code !== TAKEN_OVER && error.code !== 1000);
    if (turn.canGoOn && isWanted) void this.#resume(turn, error);
    else this.#fail(turn, error);
  }

  /** Connects until the server can be asked for the rest of `turn`; its own words then say how it ends. */
  async #resume(turn: Exchange, lost: Error): Promise<void> {
    const { clock, onWait, connectivity } = this.patience;
    connectivity?.lost(this, "chat", lost);
    const resuming = (this.#resuming = new AbortController());
    const until = clock.now() + turn.keptMs;
    let failure: Error | undefined = lost;
    try {
      for (let pause = RETRY_MS; failure !== undefined && clock.now() < until; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
        onWait({ reason: "connection", seconds: pause / 1000 });
        await clock.sleep(pause, resuming.signal);
        failure = await this.#fetchRest(turn);
      }
    } catch (error) {
      failure = error as Error;
    }
    if (this.#resuming !== resuming) return; // closed, or given up: the turn is over
    this.#resuming = undefined;
    connectivity?.settled(this, "chat");
    if (failure !== undefined) this.#fail(turn, failure);
  }

  /** What the network did to it, if it did; throws what another attempt would not change. */
  async #fetchRest(turn: Exchange): Promise<Error | undefined> {
    this.#begunIn.get(turn)?.throwIfAborted();
    try {
      await this.#connect();
    } catch (error) {
      if (isFinal(error)) throw error;
      return error as Error;
    }
    this.#write(turn.goOn());
    if (turn.isCancelled) this.#sayCancel(turn);
    return this.#socket?.readyState === OPEN ? undefined : new ConnectionLost(1006);
  }

  #listen(socket: WebSocketLike): void {
    clearTimeout(this.#silence);
    const silence = this.options.silenceMs ?? this.#timeouts.silence;
    this.#silence = after(silence, () => this.#lose(socket, new AdiuvaTimeoutError("turn", "WS /api/v1/chat/stream", silence)));
    (this.#silence as { unref?: () => void } | undefined)?.unref?.();
  }

  #read(socket: WebSocketLike, text: string): void {
    if (socket !== this.#socket) return;
    this.#listen(socket);
    const frame = JSON.parse(text) as ServerFrame;
    if (frame.type === "ping") this.#write({ type: "pong" }); // a numbered one is also its turn's first frame
    const turn = this.#running;
    if (turn === undefined || (frame.request_id !== undefined && frame.request_id !== turn.id)) return;
    if (!turn.isNew(frame) && frame.type !== "tool_call") return; // an open read is asked again
    const refusal = turn.refusal(frame);
    if (refusal !== undefined && this.#putOff(turn, refusal)) return;
    if (frame.type !== "tool_call") this.#take(turn, frame);
    else if (turn instanceof Turn) void this.#answer(turn, frame);
  }

  /** What the server refused has not begun: it waits, as a request would. */
  #putOff(turn: Exchange, { code, retry_after: named }: Problem): boolean {
    const { clock, onWait, options } = this.patience;
    const seconds = Math.max(1, named ?? 0);
    if (!turn.waitsFor.includes(code) || named === undefined || turn.hasBegun || turn.waited + seconds > options.maxWait) return false;
    if (turn.isCancelled) {
      turn.withdraw();
      this.#over(turn);
      return true;
    }
    turn.waited += seconds;
    turn.beginAnew();
    this.#running = undefined;
    this.#waiting.unshift(turn);
    const pause = (this.#pause = new AbortController());
    const goOn = (): void => {
      if (this.#pause === pause) this.#pause = undefined;
      void this.#next();
    };
    onWait({ reason: code === "rate_limited" ? code : "unavailable", seconds });
    void clock.sleep(seconds * 1000, pause.signal).then(goOn, goOn);
    return true;
  }

  /** What a listener throws is the turn's failure, not the socket's. */
  #take(turn: Exchange, frame: ServerFrame): void {
    try {
      turn.take(frame, (answer) => {
        if (turn === this.#running) this.#write(answer);
      });
    } catch (error) {
      this.#write({ type: "cancel", request_id: turn.id });
      turn.fail(error as Error);
    }
    if (turn.isOver) this.#over(turn);
  }

  #fail(turn: Exchange, error: Error): void {
    turn.fail(error);
    this.#over(turn);
  }

  async #answer(turn: Turn, call: ToolCallFrame): Promise<void> {
    if (this.#begunIn.get(turn)?.aborted) return; // the records are somebody else's by now
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

  #cancel(turn: Exchange): void {
    if (turn === this.#running && this.#socket !== undefined) {
      this.#sayCancel(turn);
      return;
    }
    if (turn === this.#running && this.#resuming !== undefined) return; // it is said as soon as there is a connection
    // It was never sent: there is nothing to wait for.
    this.#waiting = this.#waiting.filter((one) => one !== turn);
    turn.withdraw();
  }

  #sayCancel(turn: Exchange): void {
    this.#write({ type: "cancel", request_id: turn.id });
    clearTimeout(this.#ending);
    this.#ending = setTimeout(() => this.#giveUp(turn), Math.min(CANCEL_MS, this.#timeouts.answer));
  }

  #giveUp(turn: Exchange): void {
    if (turn !== this.#running) return;
    const socket = this.#socket;
    this.#socket = undefined;
    this.#abandon();
    turn.withdraw();
    socket?.close();
    this.#over(turn);
  }

  #write(frame: ClientFrame): void {
    if (this.#socket?.readyState === OPEN && !this.#connectedIn?.aborted) this.#socket.send(JSON.stringify(frame));
  }
}

/** Nobody is logged in, the server refuses, or the conversation was closed: no other attempt would change that. */
function isFinal(error: unknown): boolean {
  if (error instanceof AdiuvaProblem) return error.status < 500 && error.code !== "rate_limited";
  return error instanceof SignedOut || (error instanceof ConnectionLost && error.code === 1000);
}
