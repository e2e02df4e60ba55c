import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { WebSocket as NodeWebSocket, WebSocketServer, type WebSocket } from "ws";
import { ChatSocket, ConnectionLost, isProblem, TurnFailed, type ChatAction, type ChatOptions, type Problem, type ServerFrame } from "../src/index.js";
import { TIMEOUTS } from "../src/timeouts.js";
import { FakeClock } from "./fake_server.js";
import { demo } from "./support.js";

/** A server that keeps a turn and does with its sockets what a test says. */
let server: WebSocketServer;
let behave: (socket: WebSocket, frame: Record<string, unknown>) => void;
let refuse: boolean[] = [];
let heard: Record<string, unknown>[] = [];

before(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", verifyClient: () => !refuse.shift() });
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data)) as Record<string, unknown>;
      if (frame["type"] === "pong") return;
      heard.push(frame);
      behave(socket, frame);
    });
  });
  await new Promise((resolve) => server.once("listening", resolve));
});
after(() => server.close());

function conversation(options: ChatOptions = {}, clock = new FakeClock()): ChatSocket {
  refuse = [];
  heard = [];
  const { port } = server.address() as AddressInfo;
  const patience = { clock, onWait: () => {}, options: { maxWait: 60 } };
  return new ChatSocket(async () => `ws://127.0.0.1:${port}/`, options, patience);
}

const TURN = "5f0c1a52-0d1c-4c0c-9d0a-1d7f3c1a2b3c";
const ACTION: ChatAction = {
  id: "0b6f2c3e-5d0f-4c5e-9d57-6c2f10b0a111",
  name: "create_task",
  type: "create_record",
  table: "tasks",
  record_id: "0b6f2c3e-5d0f-4c5e-9d57-6c2f10b0a112",
  data: { title: "Buy milk" },
  destructive: false,
};

/** The frames of one turn. */
function frames(id: unknown): ServerFrame[] {
  const of = (seq: number) => ({ turn_id: TURN, seq, request_id: String(id) });
  const usage = { input_tokens: 1, output_tokens: 1 };
  return [
    { type: "ping", ...of(1) },
    { type: "chunk", text: "I have ", ...of(2) },
    { type: "action", action: ACTION, ...of(3) },
    { type: "chunk", text: "done it.", ...of(4) },
    { type: "done", done: true, response: "I have done it.", actions: [ACTION], usage, finish_reason: "stop", ...of(5) },
  ];
}

function say(socket: WebSocket, ...said: ServerFrame[]): void {
  for (const frame of said) socket.send(JSON.stringify(frame));
}

function lost(id: unknown): ServerFrame {
  const error = { type: "", title: "", status: 410, detail: "", code: "resume_lost", request_id: "r" } as Problem;
  return { type: "error", done: true, error, response: "", actions: [], request_id: String(id) };
}

test("the rest of an answer, all of it perhaps, comes on another connection, and no action twice", async () => {
  for (const had of [1, 2, 3, 4]) {
    const chat = conversation();
    behave = (socket, frame) => {
      if (frame["type"] === "resume") say(socket, ...frames(frame["request_id"])); // more than was asked for
      else {
        say(socket, ...frames(frame["request_id"]).slice(0, had));
        socket.close(1012);
      }
    };
    const text: string[] = [];
    const applied: string[] = [];
    const turn = chat.send({ message: "buy milk" }, { onChunk: (one) => text.push(one), onAction: ({ id }) => applied.push(id) });
    const { response } = await turn.result;
    assert.deepEqual([text.join(""), applied], [response, [ACTION.id]]);
    assert.deepEqual(heard[1], { type: "resume", turn_id: TURN, after: had, request_id: turn.id });
    chat.close();
  }
});

test("it is tried until the server can be reached, a little later each time", async () => {
  const clock = new FakeClock();
  const chat = conversation({}, clock);
  behave = (socket, frame) => {
    if (frame["type"] === "resume") say(socket, ...frames(frame["request_id"]).slice(2));
    else {
      say(socket, ...frames(frame["request_id"]).slice(0, 2));
      refuse = [true, true, true, true, true]; // two attempts of two handshakes, and one
      socket.terminate();
    }
  };
  await chat.send({ message: "buy milk" }).result;
  assert.deepEqual(clock.slept, [0.5, 0.5, 1, 0.5, 2, 0.5]);
  chat.close();
});

test("after the minute that the server keeps an answer it is given up", async () => {
  const clock = new FakeClock();
  const chat = conversation({}, clock);
  behave = (socket, frame) => {
    say(socket, ...frames(frame["request_id"]).slice(0, 2));
    refuse = Array<boolean>(100).fill(true);
    socket.terminate();
  };
  const started = clock.now();
  await assert.rejects(chat.send({ message: "buy milk" }).result, (error) => error instanceof ConnectionLost && error.code === 1006);
  assert.ok(clock.now() - started >= 60_000);
  behave = (socket, frame) => say(socket, ...frames(frame["request_id"]));
  refuse = [];
  assert.equal((await chat.send({ message: "buy milk" }).result).done, true);
  chat.close();
});

test("what is lost is a problem that has what had arrived", async () => {
  const chat = conversation();
  behave = (socket, frame) => {
    if (frame["type"] === "resume") say(socket, lost(frame["request_id"]));
    else {
      say(socket, ...frames(frame["request_id"]).slice(0, 3));
      socket.terminate();
    }
  };
  await assert.rejects(chat.send({ message: "buy milk" }).result, (error) => {
    assert.ok(error instanceof TurnFailed);
    assert.deepEqual([error.response, error.actions], ["I have ", [ACTION]]);
    return isProblem(error, "resume_lost");
  });
  chat.close();
});

test("an open read is answered on the new connection, and carried out once", async () => {
  let answers = 0;
  const chat = conversation({ tools: { list_tasks: () => (answers += 1) } });
  const call = (id: unknown): ServerFrame => {
    return { type: "tool_call", id: "c1", name: "list_tasks", arguments: {}, turn_id: TURN, seq: 1, request_id: String(id) };
  };
  behave = (socket, frame) => {
    if (frame["type"] === "resume") say(socket, call(frame["request_id"]));
    else if (frame["type"] === undefined) say(socket, call(frame["request_id"]));
    else if (heard.some(({ type }) => type === "resume")) say(socket, ...frames(turn.id).slice(1));
    else socket.terminate(); // with the answer
  };
  const turn = chat.send({ message: "what is due?" });
  await turn.result;
  const results = heard.filter(({ type }) => type === "tool_result");
  assert.deepEqual([answers, results], [1, Array(2).fill({ type: "tool_result", id: "c1", result: 1 })]);
  chat.close();
});

test("a turn that is cancelled between two connections is cancelled on the next", async () => {
  const chat = conversation();
  behave = (socket, frame) => {
    if (frame["type"] === "cancel") say(socket, { ...frames(turn.id).at(-1), cancelled: true } as ServerFrame);
    else if (frame["type"] === undefined) {
      say(socket, ...frames(frame["request_id"]).slice(0, 2));
      socket.terminate();
    }
  };
  const turn = chat.send({ message: "buy milk" }, { onChunk: () => setImmediate(() => turn.cancel()) });
  assert.equal((await turn.result).cancelled, true);
  chat.close();
});

test("a conversation that is closed between two connections is over", async () => {
  const chat = conversation();
  behave = (socket, frame) => {
    say(socket, ...frames(frame["request_id"]).slice(0, 2));
    refuse = Array<boolean>(100).fill(true);
    socket.terminate();
  };
  const turn = chat.send({ message: "buy milk" }, { onChunk: () => setImmediate(() => setImmediate(() => chat.close())) });
  await assert.rejects(turn.result, ConnectionLost);
});

/** A conversation whose second connection waits for `late`. */
function held(onHeld: (chat: ChatSocket) => void = () => {}) {
  [refuse, heard] = [[], []];
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const asked: string[] = [];
  let late = (): void => {};
  const address = (): Promise<string> => {
    if (asked.push(url) !== 2) return Promise.resolve(url);
    setImmediate(onHeld, chat);
    return new Promise((resolve) => (late = () => resolve(`${url}late`)));
  };
  const patience = { clock: new FakeClock(), onWait: () => {}, options: { maxWait: 60 }, timeouts: { ...TIMEOUTS, answer: 200 } };
  const chat: ChatSocket = new ChatSocket(address, {}, patience);
  return { chat, asked, late: () => late() };
}

test("a turn that is given up while it connects does not take the next one's socket", { timeout: 5_000 }, async () => {
  const { chat, asked, late } = held();
  const closed = new Promise((resolve) => {
    server.on("connection", (socket, request) => void (request.url === "/late" && socket.on("close", resolve)));
  });
  behave = (socket, frame) => {
    const [begun, rest] = [frames(frame["request_id"]).slice(0, 2), frames(frame["request_id"]).slice(2)];
    if (frame["type"] === "cancel") return socket.terminate();
    say(socket, ...begun);
    if (frame["message"] !== "two") return;
    late();
    void closed.then(() => say(socket, ...rest));
  };
  const given = chat.send({ message: "one" }, { onChunk: () => setImmediate(given.cancel) });
  assert.equal((await given.result).cancelled, true);
  assert.equal((await chat.send({ message: "two" }).result).response, "I have done it.");
  assert.equal(asked.length, 3);
  chat.close();
});

test("a conversation that is closed while it connects is over at once, and begins nothing more", { timeout: 5_000 }, async () => {
  const { chat, asked } = held((held) => held.close());
  behave = (socket, frame) => {
    say(socket, ...frames(frame["request_id"]).slice(0, 2));
    socket.terminate();
  };
  const turns = [chat.send({ message: "one" }), chat.send({ message: "two" })];
  for (const { result } of turns) await assert.rejects(result, (error) => error instanceof ConnectionLost && error.code === 1000);
  assert.equal(asked.length, 2);
});

test("a turn that another socket has, and one that shall not be resumed, fail with the connection", async () => {
  const chat = conversation();
  behave = (socket, frame) => {
    say(socket, ...frames(frame["request_id"]).slice(0, 2));
    socket.close(4409);
  };
  await assert.rejects(chat.send({ message: "buy milk" }).result, (error) => error instanceof ConnectionLost && error.code === 4409);
  chat.close();

  const plain = conversation({ resume: false });
  behave = (socket) => socket.terminate();
  await assert.rejects(plain.send({ message: "buy milk" }).result, ConnectionLost);
  assert.deepEqual(heard.map(({ resume }) => resume), [undefined]);
  plain.close();
});

/** Of a turn with an id of its own, as every attempt has one. */
function putOff(): ServerFrame[] {
  const error = { type: "", title: "", status: 429, detail: "", code: "rate_limited", request_id: "r", retry_after: 1 } as Problem;
  const turn_id = crypto.randomUUID();
  return [
    { type: "ping", turn_id, seq: 1 },
    { type: "error", done: true, error, response: "", actions: [], turn_id, seq: 2 },
  ];
}

test("a turn that was put off begins with new numbers", async () => {
  const chat = conversation();
  behave = (socket, frame) => say(socket, ...(heard.length === 1 ? putOff() : frames(frame["request_id"])));
  const text: string[] = [];
  const { response } = await chat.send({ message: "buy milk" }, { onChunk: (one) => text.push(one) }).result;
  assert.equal(text.join(""), response);
  chat.close();
});

test("what is lost before it began anew is not looked for under its old number", async () => {
  const chat = conversation();
  behave = (socket) => {
    if (heard.length === 1) say(socket, ...putOff());
    else socket.terminate();
  };
  await assert.rejects(chat.send({ message: "buy milk" }).result, ConnectionLost);
  assert.deepEqual(heard.map(({ type }) => type), [undefined, undefined]);
  chat.close();
});

test("the real server's answer comes whole although the connection is lost before it begins and in the middle", async () => {
  let losses = 2;
  class Flaky extends NodeWebSocket {
    constructor(url: string) {
      super(url);
      this.once("message", () => {
        if (losses > 0) this.terminate();
        losses -= 1;
      });
    }
  }
  const client = await demo("team");
  const before = (await client.api.GET("/api/v1/chat/usage")).data?.today.turns ?? 0;
  const chat = client.chat({ WebSocket: Flaky as unknown as NonNullable<ChatOptions["WebSocket"]> });
  const text: string[] = [];
  const applied: string[] = [];
  const message = "create a task to buy milk tomorrow, high priority";
  const done = await chat.send({ message }, { onChunk: (one) => text.push(one), onAction: ({ id }) => applied.push(id) }).result;
  chat.close();
  assert.equal(text.join(""), done.response);
  assert.deepEqual(applied, done.actions.map(({ id }) => id));
  assert.ok(losses <= 0);
  assert.equal((await client.api.GET("/api/v1/chat/usage")).data?.today.turns, before + 1);
});
