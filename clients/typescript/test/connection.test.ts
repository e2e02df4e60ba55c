import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { WebSocketServer, type WebSocket } from "ws";
import { AdiuvaTimeoutError, ChatSocket, ConnectionLost, isProblem, type ServerFrame } from "../src/index.js";
import { TIMEOUTS } from "../src/timeouts.js";
import { FakeClock } from "./fake_server.js";

/** A server that does what a test says, for trouble that the real one does not make. */
let server: WebSocketServer;
let behave: (socket: WebSocket, frame: Record<string, unknown>) => void;
let refuse: boolean[] = [];
let tickets: string[] = [];

before(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", verifyClient: () => !refuse.shift() });
  server.on("connection", (socket, request) => {
    tickets.push(new URL(request.url ?? "", "ws://a").searchParams.get("ticket") ?? "");
    socket.on("message", (data) => behave(socket, JSON.parse(String(data)) as Record<string, unknown>));
  });
  await new Promise((resolve) => server.once("listening", resolve));
});
after(() => server.close());

type Given = ConstructorParameters<typeof ChatSocket>;

function conversation(silenceMs?: number, patience?: Given[2], session?: Given[3]): ChatSocket {
  let count = 0;
  tickets = [];
  refuse = [];
  const { port } = server.address() as AddressInfo;
  return new ChatSocket(async () => `ws://127.0.0.1:${port}/?ticket=${(count += 1)}`, silenceMs ? { silenceMs } : {}, patience, session);
}

function say(socket: WebSocket, frame: ServerFrame): void {
  socket.send(JSON.stringify(frame));
}

function done(id: unknown): ServerFrame {
  const usage = { input_tokens: 0, output_tokens: 0 };
  return { type: "done", done: true, response: "", actions: [], usage, finish_reason: "stop", request_id: String(id) };
}

test("a ping is answered", async () => {
  const chat = conversation();
  const heard: unknown[] = [];
  behave = (socket, frame) => {
    heard.push(frame["type"]);
    if (frame["type"] === "pong") say(socket, done(turn.id));
    else say(socket, { type: "ping" });
  };
  const turn = chat.send({ message: "hello" });
  await turn.result;
  assert.deepEqual(heard, [undefined, "pong"]);
  chat.close();
});

test("after a lost connection the next message has a fresh ticket", async () => {
  const chat = conversation();
  behave = (socket) => socket.close(1012, "server restarts");
  await assert.rejects(chat.send({ message: "one" }).result, (error) => error instanceof ConnectionLost && error.code === 1012);

  behave = (socket, frame) => say(socket, done(frame["request_id"]));
  await chat.send({ message: "two" }).result;
  await chat.send({ message: "three" }).result;
  assert.deepEqual(tickets, ["1", "2"]);
  chat.close();
});

test("a ticket that came too late is replaced, once", async () => {
  const chat = conversation();
  refuse = [true];
  behave = (socket, frame) => say(socket, done(frame["request_id"]));
  await chat.send({ message: "hello" }).result;
  assert.deepEqual(tickets, ["2"]);
  chat.close();

  const unwanted = conversation();
  refuse = [true, true];
  await assert.rejects(unwanted.send({ message: "hello" }).result, ConnectionLost);
});

test("a connection that falls silent is given up", async () => {
  const chat = conversation(200);
  behave = () => {};
  await assert.rejects(chat.send({ message: "hello" }).result, (error) => error instanceof AdiuvaTimeoutError && error.what === "turn" && error.milliseconds === 200);
});

test("one that may be silent for ever is not given up", async () => {
  const chat = conversation(Number.POSITIVE_INFINITY);
  behave = (socket, frame) => setTimeout(() => say(socket, done(frame["request_id"])), 30);
  await chat.send({ message: "hello" }).result;
  chat.close();
});

test("the late end of a socket that was dropped does not hide the silence of the next", { timeout: 5_000 }, async () => {
  const patience = { clock: new FakeClock(), onWait: () => {}, options: { maxWait: 0 }, timeouts: { ...TIMEOUTS, answer: 200 } };
  const chat = conversation(500, patience);
  let dropped: WebSocket | undefined;
  behave = (socket, frame) => {
    if (frame["type"] === "cancel") (dropped = socket).pause(); // it does not hear that it is closed
    else if (frame["message"] === "two") dropped?.resume();
  };
  const turn = chat.send({ message: "one" });
  setTimeout(turn.cancel, 30);
  await turn.result;
  await assert.rejects(chat.send({ message: "two" }).result, (error) => error instanceof AdiuvaTimeoutError && error.what === "turn");
});

test("a listener that throws ends its turn, and the next one is answered", async () => {
  const chat = conversation();
  const cancelled: unknown[] = [];
  behave = (socket, frame) => {
    if (frame["type"] === "cancel") {
      cancelled.push(frame["request_id"]);
      say(socket, { ...done(frame["request_id"]), cancelled: true } as ServerFrame);
      return;
    }
    say(socket, { type: "chunk", text: "a", request_id: String(frame["request_id"]) });
    if (frame["message"] === "two") say(socket, done(frame["request_id"]));
  };
  const onChunk = () => {
    throw new RangeError("the window is gone");
  };
  const turn = chat.send({ message: "one" }, { onChunk });
  await assert.rejects(turn.result, RangeError);
  assert.equal((await chat.send({ message: "two" }).result).cancelled, undefined);
  assert.deepEqual(cancelled, [turn.id]);
  chat.close();
});

test("frames of a turn that is over are not mixed into the next", async () => {
  const chat = conversation();
  behave = (socket, frame) => {
    say(socket, { type: "chunk", text: "stale", request_id: "of-another" });
    say(socket, { type: "chunk", text: "fresh", request_id: String(frame["request_id"]) });
    say(socket, done(frame["request_id"]));
  };
  const heard: string[] = [];
  await chat.send({ message: "hello" }, { onChunk: (text) => heard.push(text) }).result;
  assert.deepEqual(heard, ["fresh"]);
  chat.close();
});

function refusal(id: unknown, seconds: number): ServerFrame {
  const error = { type: "", title: "", status: 429, detail: "", code: "rate_limited", request_id: String(id), retry_after: seconds } as const;
  return { type: "error", done: true, error, response: "", actions: [], request_id: String(id) };
}

test("a turn that the rate limit refused is asked again when it may be", async () => {
  const clock = new FakeClock();
  const waits: number[] = [];
  const chat = conversation(undefined, { clock, onWait: ({ seconds }) => waits.push(seconds), options: { maxWait: 60 } });
  const asked: unknown[] = [];
  behave = (socket, frame) => {
    asked.push(frame["message"]);
    say(socket, asked.length <= 2 ? refusal(frame["request_id"], 25) : done(frame["request_id"]));
  };
  const [one, two] = [chat.send({ message: "one" }), chat.send({ message: "two" })];
  await Promise.all([one.result, two.result]);
  assert.deepEqual([asked, waits, clock.slept], [["one", "one", "one", "two"], [25, 25], [25, 25]]);

  asked.length = 0;
  behave = (socket, frame) => {
    asked.push(frame["message"]);
    say(socket, { type: "chunk", text: "begun", request_id: String(frame["request_id"]) });
    say(socket, refusal(frame["request_id"], 1));
  };
  await assert.rejects(chat.send({ message: "half" }).result, (error) => isProblem(error, "rate_limited"));
  assert.deepEqual(asked, ["half"]);
  behave = (socket, frame) => say(socket, refusal(frame["request_id"], 61));
  await assert.rejects(chat.send({ message: "three" }).result, (error) => isProblem(error, "rate_limited"));
  chat.close();
});

test("what one account has begun is not sent as another, nor on another's socket", async () => {
  const clock = new FakeClock();
  let session = new AbortController();
  const logInAsAnother = (): void => {
    const before = session;
    session = new AbortController();
    before.abort(new RangeError("somebody has logged out"));
  };
  const chat = conversation(undefined, { clock, onWait: logInAsAnother, options: { maxWait: 60 } }, () => session.signal);
  const asked: unknown[] = [];
  behave = (socket, frame) => {
    asked.push(frame["message"]);
    say(socket, asked.length === 1 ? refusal(frame["request_id"], 0) : done(frame["request_id"]));
  };
  const waiting = [chat.send({ message: "of the first account" }), chat.send({ message: "of the first account, too" })];
  for (const turn of waiting) await assert.rejects(turn.result, RangeError);
  assert.deepEqual(clock.slept, [1]); // a wait of no seconds would be asked for again without an end
  await chat.send({ message: "of the second" }).result;
  await chat.send({ message: "of the second, too" }).result;
  assert.deepEqual(asked, ["of the first account", "of the second", "of the second, too"]);
  assert.deepEqual(tickets, ["1", "2"]);
  chat.close();
});

/** Whoever is logged in, until somebody else is. */
function login(): { readonly session: () => AbortSignal; asAnother: () => void; listeners: () => number } {
  let [end, count] = [new AbortController(), 0];
  const begin = (): AbortController => {
    const next = new AbortController();
    const [add, remove] = [next.signal.addEventListener.bind(next.signal), next.signal.removeEventListener.bind(next.signal)];
    next.signal.addEventListener = (...args: Parameters<typeof add>) => void (count++, add(...args));
    next.signal.removeEventListener = (...args: Parameters<typeof remove>) => void (count--, remove(...args));
    return next;
  };
  end = begin();
  const asAnother = (): void => {
    const before = end;
    before.abort(new RangeError("somebody has logged out"));
    end = begin();
    count = 0;
  };
  return { session: () => end.signal, asAnother, listeners: () => count };
}

/** Nobody wakes who sleeps there but a signal. */
const never = {
  now: () => 0,
  sleep: (_: number, signal?: AbortSignal) =>
    new Promise<void>((_, reject) => {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", () => reject(signal.reason as Error));
    }),
};

/** A promise, and who resolves it. */
function event<Value = void>(): { readonly come: Promise<Value>; say: (value: Value) => void } {
  let say!: (value: Value) => void;
  const come = new Promise<Value>((resolve) => (say = resolve));
  return { come, say };
}

test("a turn under way is not answered with the records of whoever logs in meanwhile", { timeout: 20_000 }, async () => {
  const user = login();
  const { port } = server.address() as AddressInfo;
  const read: unknown[] = [];
  const slow = event<string>();
  const tools = { list_tasks: () => (read.push("list"), "Ben's"), get_note: () => (read.push("note"), slow.come) };
  const chat = new ChatSocket(async () => `ws://127.0.0.1:${port}/`, { tools }, undefined, user.session);
  const heard: unknown[] = [];
  const asked = event<WebSocket>();
  behave = (socket, frame) => {
    heard.push(frame["type"] ?? frame["message"]);
    if (frame["message"] === "of Ben") return say(socket, done(frame["request_id"]));
    const id = String(frame["request_id"]);
    say(socket, { type: "tool_call", id: "1", name: "get_note", arguments: {}, request_id: id });
    asked.say(socket);
  };
  const [turn, other] = [chat.send({ message: "of Anna" }), chat.send({ message: "of Anna, too" })];
  const hers = await asked.come;
  while (read.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const left = new Promise((resolve) => hers.once("close", resolve));
  user.asAnother();
  say(hers, { type: "tool_call", id: "2", name: "list_tasks", arguments: {}, request_id: turn.id });
  const his = chat.send({ message: "of Ben" });
  slow.say("Ben's");
  for (const one of [turn, other]) await assert.rejects(one.result, RangeError);
  await his.result;
  await left;
  assert.deepEqual([heard, read], [["of Anna", "of Ben"], ["note"]]);
  chat.close();
  assert.equal(user.listeners(), 0);
});

test("a map under way gets no records of whoever logs in meanwhile", { timeout: 20_000 }, async () => {
  const user = login();
  const chat = conversation(undefined, undefined, user.session);
  const heard: unknown[] = [];
  behave = (socket, frame) => {
    heard.push(frame["type"] ?? frame["message"]);
    if (frame["type"] === "map") say(socket, { type: "need", count: 2, request_id: String(frame["request_id"]) } as ServerFrame);
    else say(socket, done(frame["request_id"]));
  };
  const asked: string[] = [];
  const begun = event();
  const slow = event();
  const record = async (key: string): Promise<{ id: string }> => {
    asked.push(key);
    begun.say();
    await slow.come;
    return { id: key };
  };
  const run = chat.map({ instruction: "rate", tools: ["update_task"], keys: ["a", "b"], record });
  await begun.come;
  user.asAnother();
  slow.say();
  await assert.rejects(run.result, RangeError);
  await chat.send({ message: "of Ben" }).result;
  assert.deepEqual([heard, asked], [["map", "of Ben"], ["a"]]);
  chat.close();
});

test("a turn that was put off ends with its session, and holds up nobody else's", { timeout: 20_000 }, async () => {
  const user = login();
  const waiting = event();
  const chat = conversation(undefined, { clock: never, onWait: () => waiting.say(), options: { maxWait: 60 } }, user.session);
  const asked: unknown[] = [];
  behave = (socket, frame) => {
    asked.push(frame["message"]);
    say(socket, asked.length === 1 ? refusal(frame["request_id"], 5) : done(frame["request_id"]));
  };
  const turn = chat.send({ message: "of Anna" });
  await waiting.come;
  user.asAnother();
  const his = chat.send({ message: "of Ben" });
  await assert.rejects(turn.result, RangeError);
  await his.result;
  assert.deepEqual(asked, ["of Anna", "of Ben"]);
  chat.close();
});

test("a lost connection is not replaced for who has logged out", { timeout: 20_000 }, async () => {
  const user = login();
  const waiting = event();
  const chat = conversation(undefined, { clock: never, onWait: () => waiting.say(), options: { maxWait: 60 } }, user.session);
  behave = (socket, frame) => {
    if (frame["message"] === "of Ben") return say(socket, done(frame["request_id"]));
    say(socket, { type: "ping", turn_id: "t", seq: 1, request_id: String(frame["request_id"]) } as ServerFrame);
    socket.close(1012);
  };
  const turn = chat.send({ message: "of Anna" });
  await waiting.come;
  user.asAnother();
  const his = chat.send({ message: "of Ben" });
  await assert.rejects(turn.result, RangeError);
  await his.result;
  assert.deepEqual(tickets, ["1", "2"]);
  chat.close();
});

test("a turn that waits can be cancelled, and its conversation closed", async () => {
  let told = (): void => {};
  const isWaiting = () => new Promise<void>((resolve) => (told = resolve));
  const chat = conversation(undefined, { clock: never, onWait: () => told(), options: { maxWait: 60 } });
  behave = (socket, frame) => say(socket, refusal(frame["request_id"], 25));
  const waiting = isWaiting();
  const turn = chat.send({ message: "one" });
  await waiting;
  turn.cancel();
  assert.equal((await turn.result).cancelled, true);

  const other = chat.send({ message: "two" });
  chat.close();
  await assert.rejects(other.result, ConnectionLost);
  behave = (socket, frame) => say(socket, done(frame["request_id"]));
  await chat.send({ message: "three" }).result;
  chat.close();
});

test("leaving the loop of a turn cancels it, and the conversation goes on", async () => {
  const chat = conversation();
  const said: unknown[] = [];
  behave = (socket, frame) => {
    said.push(frame["type"] ?? frame["message"]);
    const id = frame["request_id"];
    if (frame["type"] === "cancel") say(socket, { ...done(id), cancelled: true } as ServerFrame);
    else if (frame["message"] === "short") say(socket, done(id));
    else for (const text of ["one ", "two "]) say(socket, { type: "chunk", text, request_id: String(id) });
  };

  const left = chat.send({ message: "break" });
  for await (const frame of left) if (frame.type === "chunk") break;
  assert.equal((await left.result).cancelled, true);

  const failed = chat.send({ message: "throw" });
  await assert.rejects(async () => {
    for await (const frame of failed) throw new RangeError(frame.type);
  }, RangeError);

  const waiting = chat.send({ message: "return" });
  const frames = waiting[Symbol.asyncIterator]();
  for (let count = 0; count < 2; count += 1) await frames.next();
  const next = frames.next(); // nothing comes any more, and an async generator would return after it only
  await frames.return?.();
  assert.deepEqual(await next, { done: true, value: undefined });
  assert.equal((await waiting.result).cancelled, true);

  for await (const frame of chat.send({ message: "short" })) assert.fail(frame.type);
  await chat.send({ message: "short" }).result;
  assert.deepEqual(said, ["break", "cancel", "throw", "cancel", "return", "cancel", "short", "short"]);
  assert.deepEqual(tickets, ["1"]);
  chat.close();
});

test("who leaves the loop after the answer has come says nothing more, nor does a second cancel", async () => {
  const chat = conversation();
  const said: unknown[] = [];
  behave = (socket, frame) => {
    said.push(frame["type"] ?? frame["message"]);
    const id = String(frame["request_id"]);
    if (frame["message"] === "end") {
      for (const text of ["one ", "two "]) say(socket, { type: "chunk", text, request_id: id });
      say(socket, done(id));
    } else if (frame["type"] === "cancel") setTimeout(() => say(socket, { ...done(id), cancelled: true } as ServerFrame), 50);
    else say(socket, { type: "chunk", text: "one", request_id: id });
  };
  const turn = chat.send({ message: "end" });
  await turn.result;
  for await (const frame of turn) if (frame.type === "chunk") break;
  assert.equal((await turn.result).cancelled, undefined);

  const stop = new AbortController();
  const other = chat.send({ message: "twice" }, { signal: stop.signal });
  for await (const frame of other) if (frame.type === "chunk") break;
  stop.abort();
  other.cancel();
  await other.result;
  assert.deepEqual(said, ["end", "twice", "cancel"]);
  chat.close();
});

test("a turn that was cancelled before the rate limit refused it is not asked again", async () => {
  const chat = conversation(undefined, { clock: new FakeClock(), onWait: () => assert.fail("it waits"), options: { maxWait: 60 } });
  behave = (socket, frame) => {
    if (frame["type"] === "cancel") say(socket, refusal(frame["request_id"], 25));
  };
  const turn = chat.send({ message: "hello" });
  setTimeout(turn.cancel, 100);
  assert.equal((await turn.result).cancelled, true);
  chat.close();
});
