import { createHash } from "node:crypto";
import { decodeFirst, encode } from "cborg";
import { createAdiuvaClient, MemoryTokens, type AdiuvaClient, type ClientOptions, type Clock, type Problem, type ProblemCode, type WebSocketClass, type WebSocketLike } from "../src/index.js";

/** A clock on which waiting takes no time: whoever sleeps is woken, in order, as soon as nothing else is to be done. */
export class FakeClock implements Clock {
  #now = Date.UTC(2026, 10, 28);
  #sleepers: { until: number; wake: () => void }[] = [];
  /** Seconds of each sleep. */
  readonly slept: number[] = [];

  now(): number {
    return this.#now;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(milliseconds / 1000);
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      this.#sleepers.push({ until: this.#now + milliseconds, wake: resolve });
      setImmediate(() => this.#wakeNext());
    });
  }

  #wakeNext(): void {
    this.#sleepers.sort((one, other) => one.until - other.until);
    const next = this.#sleepers.shift();
    if (next === undefined) return;
    this.#now = Math.max(this.#now, next.until);
    next.wake();
  }
}

export const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export function problem(status: number, code: ProblemCode, fields: Partial<Problem> = {}, headers: Record<string, string> = {}): Response {
  const body = { type: `urn:adiuva:problem:${code}`, title: "", status, detail: "", code, request_id: "r", ...fields };
  return Response.json(body, { status, headers: { "Content-Type": "application/problem+json", ...headers } });
}

export function tooMany(seconds: number): Response {
  return problem(429, "rate_limited", {}, { "Retry-After": String(seconds) });
}

/** A connection to `WS /sync`, as the platform's WebSocket has it. */
class FakeSocket implements WebSocketLike {
  readyState = 0;
  readonly #listeners = new Map<string, ((event: never) => void)[]>();

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  say(frame: object): void {
    this.dispatch("message", { data: JSON.stringify(frame) });
  }

  dispatch(type: string, event: object): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }

  send(): void {}

  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    setImmediate(() => this.dispatch("close", { code: 1006, reason: "" }));
  }
}

interface Stored {
  id: string;
  table: string;
  /** `null`: a tombstone. */
  bytes: Uint8Array | null;
  revision: number;
  seq: number;
}

interface Account {
  records: Map<string, Stored>;
  lastSeq: number;
  prunedSeq: number;
}

/** Storage as docs/api.md § 7 has it, for one account, with the trouble that a test wants. */
export class FakeServer<Time extends Clock = FakeClock> {
  #account: Account = { records: new Map(), lastSeq: 0, prunedSeq: 0 };
  #epoch = 0;
  #floor = 0;
  #minute: number[] = [];
  /** `GET /storage/records/…` and so on, in the order of their coming, those of a refused one too. */
  readonly asked: string[] = [];
  user = "anna";
  /** Cursors of before it cannot read. */
  #firstKnownEpoch = 0;
  /** Requests in 60 seconds. */
  limit = Number.POSITIVE_INFINITY;
  /** The smallest number of requests that were ever left. */
  fewestLeft = Number.POSITIVE_INFINITY;
  /** Called before each request; may answer in the server's place, or throw what a broken connection throws. */
  before: (line: string, request: Request) => Response | undefined | Promise<Response | undefined> = () => undefined;
  /** Called before each operation of a batch; may refuse it. */
  refuse: (op: string, id: string) => { status: number; code: ProblemCode } | undefined = () => undefined;
  /** The store has lost the bytes of these. */
  readonly lost = new Set<string>();
  /** The bytes of these change on their way. */
  readonly damaged = new Set<string>();
  /** Bytes that one answer may hold: of a page of the feed, and of a fetch. */
  room = { page: 8 * 1024 * 1024, fetch: 16 * 1024 * 1024 };
  /** Called after each; what it throws is an answer that was lost. */
  after: (line: string, request: Request) => void = () => {};

  /** Open connections to `WS /sync`; whether hints are lost. */
  readonly sockets = new Set<FakeSocket>();
  isSilent = false;
  /** The cable is out. */
  isAway = false;

  constructor(readonly clock: Time = new FakeClock() as Clock as Time) {}

  /** For `start`. */
  get WebSocket(): WebSocketClass {
    const server = this;
    return class extends FakeSocket {
      constructor(url: string) {
        super();
        setImmediate(() => {
          if (server.isAway || this.readyState === 3) return this.dispatch("error", {});
          if (!url.includes("/api/v1/sync?ticket=t")) throw new Error(`nobody answers at ${url}`);
          this.readyState = 1;
          server.sockets.add(this);
          this.say({ type: "hello", seq: server.#account.lastSeq, due: [], key_requests: [] });
        });
      }

      override close(): void {
        server.sockets.delete(this);
        super.close();
      }
    };
  }

  /** Ends every connection, and answers nothing until it is back. */
  cut(isAway: boolean): void {
    this.isAway = isAway;
    if (isAway) for (const socket of [...this.sockets]) socket.close();
  }

  client(options: Partial<ClientOptions> = {}): AdiuvaClient {
    const tokens = new MemoryTokens({ access_token: "a", refresh_token: "r", expires_at: Number.POSITIVE_INFINITY });
    return createAdiuvaClient({ baseUrl: "http://fake", tokens, fetch: this.fetch, clock: this.clock, ...options });
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    const line = `${request.method} ${new URL(request.url).pathname.replace("/api/v1", "")}`;
    this.asked.push(line);
    if (this.isAway) throw new TypeError("fetch failed");
    const response = (await this.before(line, request)) ?? this.#refusal() ?? (await this.#answer(request));
    this.after(line, request);
    if (this.limit !== Number.POSITIVE_INFINITY) {
      const left = this.limit - this.#minute.length;
      this.fewestLeft = Math.min(this.fewestLeft, left);
      response.headers.set("RateLimit-Limit", String(this.limit));
      response.headers.set("RateLimit-Remaining", String(left));
      response.headers.set("RateLimit-Reset", String(Math.ceil(((this.#minute[0] ?? 0) + 60_000 - this.clock.now()) / 1000)));
    }
    return response;
  };

  /** What is there, by id. */
  get contents(): Record<string, string> {
    const live = [...this.#account.records.values()].filter(({ bytes }) => bytes !== null);
    return Object.fromEntries(live.map(({ id, bytes }) => [id, new TextDecoder().decode(bytes as Uint8Array)]));
  }

  /** Another device's doing. */
  write(id: string, text: string | null): void {
    this.#commit(id, "notes", text === null ? null : new TextEncoder().encode(text));
  }

  backup(): Account {
    return structuredClone(this.#account);
  }

  /** `floor`: what every later revision is above. */
  restore(backup: Account, floor = this.#floor + 1_000_000): void {
    this.#account = structuredClone(backup);
    this.#epoch += 1;
    this.#floor = floor;
  }

  /** Somebody else has logged in, who has `account`. */
  changeUser(user: string, account: Account = { records: new Map(), lastSeq: 0, prunedSeq: 0 }): void {
    this.user = user;
    this.#account = account;
  }

  /** No cursor that was given out can be read any more. */
  loseKey(): void {
    this.#epoch += 1;
    this.#firstKnownEpoch = this.#epoch;
  }

  /** Forgets deletions. */
  prune(): void {
    const { records } = this.#account;
    for (const { id, bytes, seq } of [...records.values()]) {
      if (bytes !== null) continue;
      records.delete(id);
      this.#account.prunedSeq = Math.max(this.#account.prunedSeq, seq);
    }
  }

  #refusal(): Response | undefined {
    const now = this.clock.now();
    this.#minute = this.#minute.filter((at) => now - at <= 60_000);
    const [oldest] = this.#minute;
    if (oldest !== undefined && this.#minute.length >= this.limit) return tooMany(Math.floor((oldest + 60_000 - now) / 1000) + 1);
    this.#minute.push(now);
    return undefined;
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const [, , , kind, id = searchParams.get("id") ?? crypto.randomUUID()] = pathname.slice(1).split("/");
    if (pathname === "/api/v1/health") return Response.json({ status: "ok" });
    if (pathname === "/api/v1/auth/me") return Response.json({ id: this.user });
    if (pathname === "/api/v1/auth/ws-ticket") return Response.json({ ticket: "t", expires_in: 30 }, { status: 201 });
    if (kind === "changes") {
      return this.#changes(searchParams.get("since") ?? "0", Number(searchParams.get("limit")), searchParams.get("include") === "blob");
    }
    if (pathname.endsWith("/records/fetch")) return this.#fetch((await itemsOf(request))[0]?.["ids"] as string[]);
    if (pathname.endsWith("/records/batch")) return this.#batch((await itemsOf(request)).slice(1) as unknown as Operation[]);
    const here = this.#account.records.get(id);
    const live = here?.bytes == null ? undefined : here;
    const current = live === undefined ? null : etagOf(live);
    if (request.method === "POST") {
      const body = new Uint8Array(await request.arrayBuffer());
      if (live?.bytes == null) return meta(this.#commit(id, searchParams.get("table_name") ?? "", body), 201);
      return hash(live.bytes) === hash(body) ? meta(live, 200) : problem(409, "conflict");
    }
    if (live?.bytes == null) return problem(404, "not_found");
    const bytes = request.method === "PUT" ? new Uint8Array(await request.arrayBuffer()) : null;
    const ifMatch = request.headers.get("If-Match");
    if (ifMatch !== null && ifMatch !== current) return problem(412, "precondition_failed", { etag: current });
    switch (request.method) {
      case "PUT":
        return meta(this.#commit(id, live.table, bytes), 200);
      case "DELETE":
        this.#commit(id, live.table, null);
        return new Response(null, { status: 204 });
      default: {
        if (this.lost.has(id)) return problem(502, "upstream_error");
        const headers = { "X-Checksum": hash(live.bytes), ETag: etagOf(live) };
        return new Response(request.method === "HEAD" ? null : new Uint8Array(live.bytes), { headers });
      }
    }
  }

  #commit(id: string, table: string, bytes: Uint8Array | null): Stored {
    const account = this.#account;
    const revision = Math.max(account.records.get(id)?.revision ?? 0, this.#floor) + 1;
    const stored = { id, table, bytes, revision, seq: (account.lastSeq += 1) };
    account.records.set(id, stored);
    const { seq } = stored;
    if (!this.isSilent) setImmediate(() => [...this.sockets].forEach((socket) => socket.say({ type: "changes", seq })));
    return stored;
  }

  #fetch(ids: string[]): Response {
    const found = ids.flatMap((id) => this.#account.records.get(id) ?? []).filter(({ bytes }) => bytes !== null);
    const tooLarge = found.filter(({ bytes }) => (bytes?.length ?? 0) > this.room.fetch);
    let size = 0;
    const fits = found.filter((one) => !tooLarge.includes(one) && (size += one.bytes?.length ?? 0) <= this.room.fetch);
    const more = found.filter((one) => !tooLarge.includes(one) && !fits.includes(one)).map(({ id }) => id);
    const missing = ids.filter((id) => !found.some((one) => one.id === id));
    const end = { missing, more, too_large: tooLarge.map(({ id }) => id) };
    return sequence([...fits.map((one) => ({ ...description(one), blob: this.#sent(one) })), end]);
  }

  #sent({ id, bytes }: Stored): Uint8Array | null {
    if (this.lost.has(id)) return null;
    return this.damaged.has(id) ? new TextEncoder().encode("damaged") : bytes;
  }

  #batch(operations: Operation[]): Response {
    if (operations.some(({ table_name: table = "notes" }) => !/^[a-z][a-z0-9_]{0,63}$/.test(table))) {
      return problem(400, "validation_error", { errors: { operations: ["There is no such table."] } });
    }
    return sequence(operations.map((operation) => ({ id: operation.id, ...this.#operate(operation) })));
  }

  #operate({ op, id, table_name: table = "", blob, checksum, if_match, if_none_match }: Operation): object {
    const refused = this.refuse(op, id);
    if (refused !== undefined) return refused;
    const here = this.#account.records.get(id);
    const live = here?.bytes == null ? undefined : here;
    const current = live === undefined ? undefined : etagOf(live);
    if (op === "delete") {
      if (live === undefined) return { status: 204 };
      if (if_match !== undefined && if_match !== current) return { status: 412, code: "precondition_failed", etag: current };
      return { status: 204, seq: this.#commit(id, live.table, null).seq };
    }
    if (blob === undefined || hash(blob) !== checksum) return { status: 400, code: "checksum_mismatch" };
    if (live?.bytes != null && live.table !== table) return { status: 409, code: "conflict" };
    if (live?.bytes != null && hash(live.bytes) === checksum) return { status: 200, revision: live.revision, etag: current, seq: live.seq };
    const isRefused = if_none_match === "*" ? live !== undefined : if_match !== undefined && if_match !== current;
    if (isRefused) return { status: 412, code: "precondition_failed", ...(current === undefined ? {} : { etag: current }) };
    const now = this.#commit(id, table, blob);
    return { status: live === undefined ? 201 : 200, revision: now.revision, etag: etagOf(now), seq: now.seq };
  }

  #changes(since: string, limit: number, withBytes: boolean): Response {
    const { records, lastSeq, prunedSeq } = this.#account;
    const [epoch = 0, position = 0, runAfter = 0] = since === "0" ? [this.#epoch, 0, prunedSeq] : since.split(".").map(Number);
    if (epoch < this.#firstKnownEpoch) return problem(400, "validation_error", { errors: { since: ["Must be 0, or what next said."] } });
    if (epoch !== this.#epoch || position > lastSeq) return problem(410, "resync_required", { reason: "restored" });
    if (runAfter !== 0 ? runAfter !== prunedSeq : since !== "0" && position < prunedSeq) {
      return problem(410, "resync_required", { reason: "pruned" });
    }
    const later = [...records.values()].filter(({ seq }) => seq > position).sort((one, other) => one.seq - other.seq);
    let size = 0;
    const page = later
      .slice(0, limit)
      .filter((one, index) => !withBytes || (size += one.bytes?.length ?? 0) <= this.room.page || index === 0);
    const hasMore = later.length > page.length;
    const reached = hasMore ? (page.at(-1)?.seq ?? position) : Math.max(lastSeq, prunedSeq);
    const changes = page.map((one) => ({
      ...description(one),
      seq: one.seq,
      op: one.bytes === null ? "delete" : "put",
      ...(withBytes && one.bytes !== null ? { blob: one.bytes.length > 65_536 ? null : this.#sent(one) } : {}),
    }));
    return sequence([...changes, { next: `${epoch}.${reached}.${reached < prunedSeq ? prunedSeq : 0}`, has_more: hasMore }]);
  }
}

interface Operation {
  op: string;
  id: string;
  table_name?: string;
  checksum?: string;
  blob?: Uint8Array;
  if_match?: string;
  if_none_match?: string;
}

async function itemsOf(request: Request): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for (let rest: Uint8Array = new Uint8Array(await request.arrayBuffer()); rest.length > 0; ) {
    const [item, behind] = decodeFirst(rest) as [Record<string, unknown>, Uint8Array];
    items.push(item);
    rest = behind;
  }
  return items;
}

/** Cut where a network might cut it. */
function sequence(items: object[]): Response {
  const whole = Buffer.concat(items.map((item) => encode(item)));
  const chunks = Array.from({ length: Math.ceil(whole.length / 1000) }, (_, index) => new Uint8Array(whole.subarray(index * 1000, (index + 1) * 1000)));
  const body = new ReadableStream<Uint8Array>({
    pull: (stream) => {
      const chunk = chunks.shift();
      if (chunk === undefined) stream.close();
      else stream.enqueue(chunk);
    },
  });
  return new Response(body, { headers: { "Content-Type": "application/cbor-seq" } });
}

function etagOf({ revision, bytes }: Stored): string {
  return `"${revision}-${bytes === null ? "" : hash(bytes).slice(0, 16)}"`;
}

function description(one: Stored) {
  const { id, table: table_name, bytes, revision } = one;
  const checksum = bytes === null ? "" : hash(bytes);
  return { id, table_name, checksum, size_bytes: bytes?.length ?? 0, revision, etag: etagOf(one) };
}

function meta(one: Stored, status: number): Response {
  return Response.json({ ...description(one), created_at: "", updated_at: "" }, { status, headers: { ETag: etagOf(one) } });
}
