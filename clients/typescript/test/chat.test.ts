import assert from "node:assert/strict";
import { before, test } from "node:test";
import { ConnectionLost, isProblem, type AdiuvaClient } from "../src/index.js";
import { demo } from "./support.js";

let client: AdiuvaClient;
before(async () => {
  client = await demo("team");
});

const TASKS = [{ id: "t-1", title: "Water the ficus", status: "todo" }];

test("an answer comes in chunks, with actions", async () => {
  const chat = client.chat();
  const heard: string[] = [];
  const names: string[] = [];
  const turn = chat.send(
    { message: "create a task to buy milk tomorrow, high priority" },
    { onChunk: (text) => heard.push(text), onAction: ({ name }) => names.push(name) },
  );
  const kinds = new Set<string>();
  for await (const frame of turn) kinds.add(frame.type);
  const done = await turn.result;
  chat.close();

  assert.equal(heard.join(""), done.response);
  assert.deepEqual(names, ["create_task"]);
  assert.deepEqual(done.actions.map(({ name, data }) => [name, data["title"]]), [["create_task", "Buy milk"]]);
  assert.deepEqual(kinds, new Set(["chunk", "action"]));
});

test("the assistant reads what the client's tools tell", async () => {
  const asked: string[] = [];
  const chat = client.chat({
    tools: {
      list_tasks: (args) => {
        asked.push(`list_tasks ${JSON.stringify(args)}`);
        return TASKS;
      },
    },
  });
  const { response } = await chat.send({ message: "show my tasks" }).result;
  chat.close();

  assert.equal(asked.length, 1);
  assert.match(response, /Water the ficus/);
});

test("a tool that fails does not end the turn", async () => {
  const chat = client.chat({
    tools: {
      list_tasks: () => {
        throw new Error("the database is locked");
      },
    },
  });
  const done = await chat.send({ message: "show my tasks" }).result;
  chat.close();
  assert.equal(done.type, "done");
  assert.doesNotMatch(done.response, /ficus/);
});

test("turns wait for each other on one socket", async () => {
  const chat = client.chat();
  const order: number[] = [];
  const turns = ["hello", "create a task to call mum", "hello again"].map((message, index) => {
    const turn = chat.send({ message });
    void turn.result.then(() => order.push(index));
    return turn;
  });
  const answers = await Promise.all(turns.map(({ result }) => result));
  chat.close();
  assert.deepEqual(order, [0, 1, 2]);
  assert.deepEqual(answers.map(({ actions }) => actions.length), [0, 1, 0]);
});

test("a turn can be cancelled while it runs and while it waits", async () => {
  const cancel = new AbortController();
  const chat = client.chat({ tools: { list_tasks: () => new Promise((resolve) => setTimeout(resolve, 5_000).unref()) } });
  const running = chat.send({ message: "show my tasks" }, { signal: cancel.signal });
  const waiting = chat.send({ message: "hello" });
  waiting.cancel();
  assert.equal((await waiting.result).cancelled, true);

  setTimeout(() => cancel.abort(), 300);
  assert.equal((await running.result).cancelled, true);
  const after = await chat.send({ message: "hello" }).result;
  assert.equal(after.cancelled, undefined);
  chat.close();
});

test("leaving the loop of a turn ends it at the server, which answers the next one on the same socket", async () => {
  const chat = client.chat({ tools: { list_tasks: () => new Promise((resolve) => setTimeout(resolve, 5_000).unref()) } });
  const began = performance.now();
  const turn = chat.send({ message: "show my tasks" });
  const frames = turn[Symbol.asyncIterator]();
  setTimeout(() => void frames.return?.(), 300); // while its tool is at work
  assert.equal((await frames.next()).done, true);
  assert.equal((await turn.result).cancelled, true);
  for await (const frame of chat.send({ message: "hello" })) if (frame.type === "chunk") break;
  assert.equal((await chat.send({ message: "hello" }).result).cancelled, undefined);
  assert.ok(performance.now() - began < 5_000, "the server waited for the tool of a turn that nobody wants");
  chat.close();
});

test("a turn that is refused is a problem, and the socket stays", async () => {
  const chat = client.chat();
  await assert.rejects(chat.send({ message: "hello", model: "no/such-model" }).result, (error) =>
    isProblem(error, "validation_error"),
  );
  assert.equal((await chat.send({ message: "hello" }).result).done, true);
  chat.close();
});

test("what was not answered when the conversation is closed fails", async () => {
  const chat = client.chat();
  const turn = chat.send({ message: "hello" });
  chat.close();
  await assert.rejects(turn.result, ConnectionLost);
  assert.equal((await chat.send({ message: "hello" }).result).type, "done");
  chat.close();
});

test("in plan mode the answer holds a plan", async () => {
  const chat = client.chat();
  const done = await chat.send({ message: "create a task to buy milk", execution_mode: "plan" }).result;
  chat.close();
  assert.ok(done.plan);
  assert.ok(done.plan.steps.length > 0);
});
