import { createHash } from "node:crypto";
import { createAdiuvaClient, MemoryTokens, type AdiuvaClient, type BatchSpec, type ClientOptions, type Clock, type Run, type RunResult, type Seal, type SealedBatch, type WebSocketClass, type WebSocketLike } from "../src/index.js";
import { nameUuid } from "../src/batches/work.js";
import { problem } from "./fake_server.js";

/** So many times as fast as the real one. A machine's may be wrong by `ahead`. */
export class FastClock implements Clock {
  readonly #began = Date.now();
  readonly #epoch = Date.parse("2026-11-29T10:00:00Z");

  constructor(
    readonly speed = 100,
    public ahead = 0,
  ) {}

  now(): number {
    return this.#epoch + this.speed * (Date.now() - this.#began) + this.ahead;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const timer = setTimeout(resolve, milliseconds / this.speed);
      signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason as Error)), { once: true });
    });
  }
}

/** Not a secret at all, but bound to its place, and nothing that the server could take for a spec. */
export const seal: Seal = {
  seal: async (text, place) => new TextEncoder().encode([...`${place}\n${text}`].reverse().join("")),
  open: async (bytes, place) => {
    const text = [...new TextDecoder().decode(bytes)].reverse().join("");
    if (!text.startsWith(`${place}\n`)) throw new Error(`It was not sealed for ${place}.`);
    return text.slice(place.length + 1);
  },
};

export function aSpec(more: Partial<BatchSpec> = {}): BatchSpec {
  return {
    version: 1,
    name: "Prioritise",
    trigger: { kind: "manual" },
    selection: { table: "tasks", where: [{ field: "status", op: "eq", value: "todo" }], limit: 100 },
    steps: [{ id: "rate", type: "map", instruction: "Rate it.", tools: ["update_task"] }],
    limits: { max_items: 100, max_tokens: 100_000, max_minutes: 60 },
    approval: "never",
    ...more,
  };
}

interface Lease extends Run {
  session: string;
  batchId: string;
}

class Socket implements WebSocketLike {
  readyState = 0;
  readonly #listeners = new Map<string, ((event: never) => void)[]>();

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  say(frame: object): void {
    if (this.readyState === 1) this.dispatch("message", { data: JSON.stringify(frame) });
  }

  dispatch(type: string, event: object): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }

  send(_text: string): void {}

  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    setImmediate(() => this.dispatch("close", { code: 1006, reason: "" }));
  }
}

/** Batches as docs/api.md § 14 has them, for one account: the registry, hints, and maps whose model does what a test says. */
export class FakeBatchServer {
  readonly asked: string[] = [];
  readonly batches = new Map<string, SealedBatch & { settled: number }>();
  readonly runs: Lease[] = [];
  readonly hints = new Set<Socket>();
  /** Every lease that was ever given, and every end. */
  readonly ends: (RunResult & { slot: string; session: string })[] = [];
  readonly maps: { run_id: string; keys: string[]; timezone: string | undefined }[] = [];
  readonly turns: Record<string, unknown>[] = [];
  limit: number | null = null;
  /** Records in a map. */
  most = 1000;
  /** Called before each request; may answer in the server's place, or throw what a broken connection throws. */
  before: (line: string, session: string) => Response | undefined | Promise<Response | undefined> = () => undefined;
  /** What it throws is an answer that was lost. */
  after: (line: string) => void = () => {};
  /** How long a record takes, in milliseconds of this clock; what comes of it. */
  itemMs = 1_000;
  act: (key: string) => object[] = (key) => [{ name: "update_task", type: "update_record", table: "tasks", record_id: key, data: {}, destructive: false }];
  /** What a turn says and does. */
  answer: { text: string; actions: object[] } = { text: "Done.", actions: [] };

  constructor(readonly clock = new FastClock()) {}

  client(session: string, options: Partial<ClientOptions> = {}): AdiuvaClient {
    const tokens = new MemoryTokens({ access_token: session, refresh_token: "r", expires_at: Number.POSITIVE_INFINITY });
    return createAdiuvaClient({ baseUrl: "http://fake", tokens, fetch: this.fetch, clock: this.clock, ...options });
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    const url = new URL(request.url);
    const line = `${request.method} ${url.pathname.replace("/api/v1", "")}`;
    const session = request.headers.get("Authorization")?.slice(7) ?? "";
    this.asked.push(line);
    const response = (await this.before(line, session)) ?? (await this.#answer(line, url, request, session));
    this.after(line);
    response.headers.set("Date", new Date(this.clock.now()).toUTCString());
    return response;
  };

  hint(frame: object): void {
    for (const socket of this.hints) socket.say(frame);
  }

  async #answer(line: string, url: URL, request: Request, session: string): Promise<Response> {
    const body = request.method === "GET" ? {} : (JSON.parse((await request.text()) || "{}") as Record<string, never>);
    const [, method = "", path = ""] = /^(\S+) \/(.*)$/.exec(line) ?? [];
    const [room, id = "", what] = path.split("/");
    if (path === "auth/ws-ticket") return Response.json({ ticket: session }, { status: 201 });
    if (path === "health") return Response.json({ status: "ok" });
    if (room !== "batches") return problem(404, "not_found");
    if (id === "" && method === "GET") return this.#list(Number(url.searchParams.get("page")));
    if (id === "" && method === "POST") return this.#create(body);
    if (id === "runs") return this.#run(what ?? "", method, body as never);
    const batch = this.batches.get(id);
    if (batch === undefined) return problem(404, "not_found");
    if (what === "runs" && method === "POST") return this.#claim(batch, body as never, session);
    if (what === "runs") return Response.json({ items: this.runs.filter(({ batchId }) => batchId === id), total: 0, page: 1, limit: 50 });
    const expected = request.headers.get("If-Match");
    if (expected !== null && expected !== batch.etag) return problem(412, "precondition_failed", { etag: batch.etag });
    if (method === "DELETE") this.batches.delete(id);
    if (method === "DELETE") return new Response(null, { status: 204 });
    if (method === "PUT") this.#change(batch, body);
    if (what === "pause") this.#change(batch, { state: "paused" });
    return Response.json(this.#shown(batch));
  }

  #list(page: number): Response {
    const all = [...this.batches.values()];
    const active = all.filter(({ state }) => state === "active").length;
    const items = all.slice((page - 1) * 2, page * 2).map((one) => this.#shown(one)); // pages of two
    return Response.json({ items, total: all.length, page, limit: 2, active, active_limit: this.limit });
  }

  #create(body: Partial<SealedBatch> & { id?: string }): Response {
    const id = body.id as string;
    const known = this.batches.get(id);
    if (known !== undefined) return known.checksum === body.checksum ? Response.json(this.#shown(known)) : problem(409, "conflict");
    if (sum(body.spec as string) !== body.checksum) return problem(400, "checksum_mismatch");
    const active = [...this.batches.values()].filter(({ state }) => state === "active").length;
    if (body.state === "active" && this.limit !== null && active >= this.limit) {
      return problem(402, "quota_exceeded", { resource: "batch_active", limit: this.limit, used: active, required_tier: "pro" });
    }
    const rest = { reason: null, revision: 1, last_run: null, consecutive_failures: 0, lease: null, created_at: "", updated_at: "" };
    this.batches.set(id, { next_due_at: null, ...body, ...rest, settled: 0, etag: '"1"' } as never);
    return Response.json(this.#shown(this.batches.get(id)!), { status: 201 });
  }

  #change(batch: SealedBatch & { settled: number }, changes: Partial<SealedBatch>): void {
    const { next_due_at: due, ...rest } = changes;
    Object.assign(batch, rest);
    if (changes.spec !== undefined) batch.revision += 1;
    if (due !== undefined && (due === null || Date.parse(due) > batch.settled)) batch.next_due_at = due;
    batch.etag = `"${Number(batch.etag.slice(1, -1)) + 1}"`;
  }

  #shown({ settled: _, ...batch }: SealedBatch & { settled: number }): SealedBatch {
    const held = this.runs.find((run) => run.batchId === batch.id && run.outcome === null && Date.parse(run.lease_expires_at!) > this.clock.now());
    return { ...batch, lease: held === undefined ? null : { run_id: held.run_id, attempt: held.attempt, expires_at: held.lease_expires_at! } };
  }

  #claim(batch: SealedBatch & { settled: number }, { slot, spec_revision: revision }: { slot: string; spec_revision: number }, session: string): Response {
    const now = this.clock.now();
    const known = this.runs.find((run) => run.batchId === batch.id && run.slot === slot);
    const isHeld = known?.outcome === null && Date.parse(known.lease_expires_at!) > now;
    if (known !== undefined && known.outcome !== null) return Response.json(known);
    if (known !== undefined && isHeld) {
      if (known.session === session) return Response.json(known);
      return problem(409, "lease_held", { lease_expires_at: known.lease_expires_at! });
    }
    const due = slot.includes("T") ? Date.parse(slot) : undefined;
    if (due !== undefined && (batch.state === "paused" || due > now + 3_600_000 || (known === undefined && due <= batch.settled))) return problem(409, "conflict");
    if (revision !== batch.revision) return problem(412, "precondition_failed", { etag: batch.etag });
    const lease = { lease_expires_at: new Date(now + 120_000).toISOString(), session, spec_revision: revision };
    if (known !== undefined) return Response.json(Object.assign(known, lease, { attempt: known.attempt + 1 }), { status: 201 });
    const run: Lease = { run_id: crypto.randomUUID(), batchId: batch.id, slot, attempt: 1, started_at: "", finished_at: null, outcome: null, items: null, error_code: null, ...lease };
    this.runs.push(run);
    return Response.json(run, { status: 201 });
  }

  #run(id: string, method: string, body: RunResult): Response {
    const run = this.runs.find(({ run_id }) => run_id === id);
    if (run === undefined) return problem(404, "not_found");
    if (run.attempt !== body.attempt) return problem(410, "lease_lost");
    if (method === "PATCH") {
      if (run.outcome !== null) return problem(409, "conflict");
      run.lease_expires_at = new Date(this.clock.now() + 120_000).toISOString();
      return Response.json(run);
    }
    if (run.outcome !== null) return Response.json(run);
    Object.assign(run, { outcome: body.outcome, items: body.items, error_code: body.error_code ?? null, lease_expires_at: null });
    this.ends.push({ ...body, slot: run.slot, session: run.session });
    const batch = this.batches.get(run.batchId)!;
    if (run.slot.includes("T")) batch.settled = Math.max(batch.settled, Date.parse(run.slot));
    if (batch.next_due_at !== null && Date.parse(batch.next_due_at) <= batch.settled) batch.next_due_at = null;
    const isLater = body.next_due_at !== undefined && (batch.next_due_at === null || body.next_due_at > batch.next_due_at);
    if (isLater && run.spec_revision === batch.revision) batch.next_due_at = body.next_due_at as string;
    return Response.json(run);
  }

  /** Of `WS /sync` and `WS /chat/stream`. */
  get WebSocket(): WebSocketClass {
    const server = this;
    return class extends Socket {
      readonly #isChat: boolean;
      #request: { run_id: string; total: number; request_id: string } | undefined;
      #counts = { asked: 0, done: 0 };

      constructor(url: string) {
        super();
        this.#isChat = url.includes("chat/stream");
        setImmediate(() => {
          this.readyState = 1;
          if (this.#isChat) return this.dispatch("open", {});
          server.hints.add(this);
          this.say({ type: "hello", seq: 0, due: [], key_requests: [] });
        });
      }

      override close(): void {
        server.hints.delete(this);
        super.close();
      }

      override send(text: string): void {
        const frame = JSON.parse(text) as { type?: string; items?: { key: string }[] } & Record<string, unknown>;
        if (frame.type === "map") this.#begin(frame as never);
        else if (frame.type === "items") void this.#work((frame.items ?? []).map(({ key }) => key));
        else if (frame.type === "cancel") this.#end(true);
        else if (frame.type === undefined) void this.#turn(frame as never);
      }

      #begin(request: { run_id: string; total: number; request_id: string; timezone?: string }): void {
        if (request.total > server.most) {
          const error = { type: "", title: "", status: 400, detail: "", code: "validation_error", request_id: "r", errors: { total: [`At most ${server.most}.`] } };
          return this.say({ type: "error", done: true, error, response: "", actions: [], request_id: request.request_id });
        }
        this.#request = request;
        this.#counts = { asked: 0, done: 0 };
        server.maps.push({ run_id: request.run_id, keys: [], timezone: request.timezone });
        this.#need();
      }

      #need(): void {
        const count = Math.min(2, (this.#request?.total ?? 0) - this.#counts.asked);
        this.#counts.asked += count;
        if (count > 0) this.say({ type: "need", count, request_id: this.#request?.request_id });
      }

      async #work(keys: string[]): Promise<void> {
        const request = this.#request!;
        if (keys.length === 0) return this.#end(false);
        for (const key of keys) {
          await server.clock.sleep(server.itemMs);
          if (this.#request !== request || this.readyState !== 1) return;
          server.maps.at(-1)?.keys.push(key);
          this.#counts.done += 1;
          const actions = await Promise.all(server.act(key).map(async (action, n) => ({ id: await nameUuid(request.run_id, `${key}:${n}`), ...action })));
          this.say({ type: "item", key, status: "done", actions, usage: { input_tokens: 100, output_tokens: 0 }, request_id: request.request_id });
        }
        if (this.#counts.done === request.total) this.#end(false);
        else if (this.#counts.done === this.#counts.asked) this.#need();
      }

      #end(cancelled: boolean): void {
        const request = this.#request;
        this.#request = undefined;
        if (request === undefined) return;
        const usage = { input_tokens: 100 * this.#counts.done, output_tokens: 0 };
        const items = { total: request.total, done: this.#counts.done, failed: 0, skipped: request.total - this.#counts.done };
        this.say({ type: "done", done: true, outcome: "succeeded", items, usage, request_id: request.request_id, ...(cancelled ? { cancelled } : {}) });
      }

      async #turn(request: { request_id: string }): Promise<void> {
        server.turns.push(request);
        const { request_id } = request;
        const actions = server.answer.actions.map((action) => ({ id: crypto.randomUUID(), ...action }));
        for (const action of actions) this.say({ type: "action", action, request_id });
        this.say({ type: "chunk", text: server.answer.text, request_id });
        this.say({ type: "done", done: true, response: server.answer.text, actions, usage: { input_tokens: 5, output_tokens: 5 }, finish_reason: "stop", request_id });
      }
    };
  }
}

function sum(base64: string): string {
  return createHash("sha256").update(Buffer.from(base64, "base64")).digest("hex");
}

