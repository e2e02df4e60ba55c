import { createHash } from "node:crypto";
import { closeSync, createReadStream, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdiuvaClient, MemoryTokens, type AdiuvaClient, type BackupMeta, type ClientOptions } from "../src/index.js";
import { FakeClock } from "./fake_server.js";

interface Upload {
  file: string;
  fd: number;
  offset: number;
  size: number;
  metadata: Record<string, string>;
  key: string;
  location: string | undefined;
}

interface Snapshot {
  meta: BackupMeta;
  file: string;
}

/** What becomes of a request: it is cut after so many bytes of a body, or carried out with its answer lost. */
export type Trouble = { cutAfter: number } | "answer lost" | { status: number; body?: string; headers?: Record<string, string> };

/** Backups and uploads as docs/api.md §§ 7 and 8 have them, over real connections, with the trouble that a test wants. */
export class FakeBackups {
  readonly #folder = mkdtempSync(join(tmpdir(), "backups-"));
  readonly #server: Server;
  readonly uploads = new Map<string, Upload>();
  /** The newest first. */
  readonly snapshots: Snapshot[] = [];
  readonly asked: string[] = [];
  /** Called with each request, `PATCH /storage/uploads/…` say, and how often that came. */
  trouble: (line: string, count: number) => Trouble | undefined = () => undefined;
  knowsRanges = true;

  constructor() {
    this.#server = createServer((request, response) => {
      const line = `${request.method} ${(request.url ?? "").replace("/api/v1", "")}`;
      this.asked.push(line);
      const trouble = this.trouble(line, this.asked.filter((one) => one === line).length);
      this.#answer(line, request, response, trouble).catch(() => response.destroy());
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  client(options: Partial<ClientOptions> = {}): AdiuvaClient {
    const tokens = new MemoryTokens({ access_token: "a", refresh_token: "r", expires_at: Number.POSITIVE_INFINITY });
    return createAdiuvaClient({ baseUrl: this.url, tokens, clock: new FakeClock(), ...options });
  }

  /** As if it had been uploaded. */
  add(bytes: Uint8Array, checksum?: string): BackupMeta {
    const file = this.#newFile();
    const fd = openSync(file, "w");
    writeSync(fd, bytes);
    closeSync(fd);
    const said = { version: "1", timestamp: new Date().toISOString(), checksum: checksum ?? createHash("sha256").update(bytes).digest("hex") };
    return this.#store(file, bytes.length, said);
  }

  read({ id }: BackupMeta): Uint8Array {
    const { file, meta } = this.#find(id) as Snapshot;
    const fd = openSync(file, "r");
    const bytes = new Uint8Array(meta.size_bytes);
    readSync(fd, bytes);
    closeSync(fd);
    return bytes;
  }

  /** The server has forgotten what it had not written yet. */
  forget(offset: number): void {
    for (const upload of this.uploads.values()) {
      upload.offset = offset;
      ftruncateSync(upload.fd, offset);
    }
  }

  async #answer(line: string, request: IncomingMessage, response: ServerResponse, trouble: Trouble | undefined): Promise<void> {
    if (typeof trouble === "object" && "status" in trouble) return void response.writeHead(trouble.status, trouble.headers).end(trouble.body);
    const cutAfter = typeof trouble === "object" ? trouble.cutAfter : Number.POSITIVE_INFINITY;
    const answer = (status: number, headers: Record<string, string> = {}, body?: string): void => {
      if (trouble === "answer lost") response.destroy();
      else response.writeHead(status, headers).end(body);
    };
    const [, method = "", kind = "", id = ""] = /^(\w+) \/(backup\/history|backup|storage\/uploads)\/?([^?]*)/.exec(line) ?? [];
    switch (`${method} ${kind}`) {
      case "POST storage/uploads":
        return this.#create(request, answer);
      case "HEAD storage/uploads":
      case "DELETE storage/uploads":
      case "PATCH storage/uploads": {
        const upload = this.uploads.get(id);
        if (upload === undefined) return answer(...problem(404, "not_found"));
        if (method === "DELETE") this.uploads.delete(id);
        if (method !== "PATCH") return answer(method === "HEAD" ? 200 : 204, stateOf(upload));
        return this.#append(id, upload, request, answer, cutAfter);
      }
      case "PUT backup": {
        const file = this.#newFile();
        const fd = openSync(file, "w");
        let size = 0;
        for await (const bytes of request as AsyncIterable<Uint8Array>) size += writeSync(fd, bytes);
        closeSync(fd);
        const header = (name: string) => String(request.headers[`x-backup-${name}`]);
        const said = { version: header("version"), timestamp: header("timestamp"), checksum: header("checksum") };
        return answer(201, { "Content-Type": "application/json", ETag: `"${said.checksum}"` }, JSON.stringify(this.#store(file, size, said)));
      }
      case "GET backup/history":
        return answer(200, { "Content-Type": "application/json" }, JSON.stringify({ items: this.snapshots.map(({ meta }) => meta) }));
      case "GET backup":
        return this.#download(id, request, response, cutAfter, answer);
      default:
        return answer(...problem(405, "method_not_allowed"));
    }
  }

  #create(request: IncomingMessage, answer: (status: number, headers?: Record<string, string>, body?: string) => void): void {
    const key = String(request.headers["idempotency-key"]);
    let id = [...this.uploads].find(([, upload]) => upload.key === key)?.[0];
    if (id === undefined) {
      const pairs = String(request.headers["upload-metadata"]).split(",").map((pair) => pair.split(" ") as [string, string]);
      const metadata = Object.fromEntries(pairs.map(([name, value]) => [name, Buffer.from(value, "base64").toString()]));
      const file = this.#newFile();
      const size = Number(request.headers["upload-length"]);
      this.uploads.set((id = crypto.randomUUID()), { file, fd: openSync(file, "w+"), offset: 0, size, metadata, key, location: undefined });
    }
    answer(201, { Location: `/api/v1/storage/uploads/${id}` });
  }

  async #append(
    id: string,
    upload: Upload,
    request: IncomingMessage,
    answer: (status: number, headers?: Record<string, string>, body?: string) => void,
    cutAfter: number,
  ): Promise<void> {
    if (Number(request.headers["upload-offset"]) !== upload.offset) return answer(...problem(409, "conflict"));
    const hash = createHash("sha256");
    const start = upload.offset;
    for await (const bytes of request as AsyncIterable<Uint8Array>) {
      const kept = bytes.subarray(0, cutAfter - (upload.offset - start));
      writeSync(upload.fd, kept, 0, kept.length, upload.offset);
      hash.update(kept);
      upload.offset += kept.length;
      if (upload.offset - start >= cutAfter) return void request.destroy();
    }
    if (request.headers["upload-checksum"] !== `sha256 ${hash.digest("base64")}`) {
      upload.offset = start;
      return answer(...problem(460, "checksum_mismatch"));
    }
    if (upload.offset === upload.size && upload.location === undefined) {
      closeSync(upload.fd);
      const { version = "", timestamp = "", checksum = "" } = upload.metadata;
      if (checksum !== (await hashOfFile(upload.file))) {
        this.uploads.delete(id);
        return answer(...problem(400, "checksum_mismatch"));
      }
      upload.location = `/api/v1/backup/${this.#store(upload.file, upload.size, { version, timestamp, checksum }).id}`;
    }
    answer(204, stateOf(upload));
  }

  async #download(id: string, request: IncomingMessage, response: ServerResponse, cutAfter: number, answer: (...refusal: ReturnType<typeof problem>) => void): Promise<void> {
    const snapshot = id === "" ? this.snapshots[0] : this.#find(id);
    if (snapshot === undefined) return answer(...problem(404, "not_found"));
    const { meta, file } = snapshot;
    const etag = `"${meta.checksum}"`;
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    const start = range !== null && this.knowsRanges && request.headers["if-range"] === etag ? Number(range[1]) : 0;
    response.writeHead(start === 0 ? 200 : 206, {
      "Content-Length": meta.size_bytes - start,
      ETag: etag,
      "X-Checksum": meta.checksum,
      "X-Backup-Version": meta.version,
      "X-Backup-Timestamp": meta.timestamp,
      ...(start === 0 ? {} : { "Content-Range": `bytes ${start}-${meta.size_bytes - 1}/${meta.size_bytes}` }),
    });
    let sent = 0;
    for await (const bytes of createReadStream(file, { start }) as AsyncIterable<Uint8Array>) {
      const kept = bytes.subarray(0, cutAfter - sent);
      if (response.destroyed) return;
      if (!response.write(kept)) await drained(response);
      if ((sent += kept.length) >= cutAfter) return void response.destroy();
    }
    response.end();
  }

  #store(file: string, size_bytes: number, said: { version: string; timestamp: string; checksum: string }): BackupMeta {
    const meta = { id: crypto.randomUUID(), ...said, size_bytes, chunk_count: null, created_at: new Date().toISOString() };
    this.snapshots.unshift({ meta, file });
    return meta;
  }

  #find(id: string): Snapshot | undefined {
    return this.snapshots.find(({ meta }) => meta.id === id);
  }

  #newFile(): string {
    return join(this.#folder, crypto.randomUUID());
  }
}

function stateOf({ offset, size, location, metadata }: Upload): Record<string, string> {
  const done = location === undefined ? {} : { "Content-Location": location, ETag: `"${metadata["checksum"]}"` };
  return { "Upload-Offset": String(offset), "Upload-Length": String(size), ...done };
}

function problem(status: number, code: string): [number, Record<string, string>, string] {
  const body = { type: `urn:adiuva:problem:${code}`, title: "", status, detail: "", code, request_id: "r" };
  return [status, { "Content-Type": "application/problem+json" }, JSON.stringify(body)];
}

/** Also when the connection ends before. */
async function drained(response: ServerResponse): Promise<void> {
  const ended = new AbortController();
  const { signal } = ended;
  await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })]).finally(() => ended.abort());
}

async function hashOfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(file) as AsyncIterable<Uint8Array>) hash.update(bytes);
  return hash.digest("hex");
}
