import { createAdiuvaClient, MemoryAccounts, type AccountStore, type AdiuvaClient, type Argon2id, type ClientOptions, type Envelope, type Kdf } from "../src/index.js";
import { hash, problem } from "./fake_server.js";

/** As good as none, and quick: what these tests are about is who gets what. */
export const quick: Argon2id = async (password, salt, { iterations }) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.of(...password, ...salt, iterations)));

const STRANGERS: Kdf = { algorithm: "argon2id", salt: btoa("a made-up salt.."), memory_kib: 65_536, iterations: 3, parallelism: 4 };
export const TOTP = "246810";

interface Asked {
  id: string;
  asker: string;
  public_key: string;
  device_name: string;
  state: string;
  blob?: string;
}

interface Kept {
  id: string;
  email: string;
  password: string;
  kdf: Kdf | null;
  envelopes: Map<string, Envelope>;
  requests: Map<string, Asked>;
  secondFactor: boolean;
}

type Body = Record<string, unknown> & { email: string; password: string; kdf?: Kdf; envelopes?: Envelope[] };

/** Accounts and keys as docs/api.md §§ 3 and 13 have them, honest unless a test makes it lie. */
export class FakeAccounts {
  readonly accounts = new Map<string, Kept>();
  readonly sessions = new Map<string, Kept>();
  readonly challenges = new Map<string, { account: Kept; locked?: boolean }>();
  /** Every body that was sent, with its route. */
  readonly sent: { line: string; text: string }[] = [];
  fresh = true;
  /** May answer in the server's place. */
  before: (line: string, body: Body) => Response | undefined = () => undefined;
  /** May change what is answered. */
  lie: (line: string, answer: unknown) => unknown = (_, answer) => answer;

  client(accounts: AccountStore = new MemoryAccounts(), options: Partial<ClientOptions> = {}): AdiuvaClient {
    return createAdiuvaClient({ baseUrl: "http://fake", fetch: this.fetch, accounts, argon2id: quick, ...options });
  }

  get only(): Kept {
    return [...this.accounts.values()][0]!;
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname } = new URL(request.url);
    const text = await request.text();
    const line = `${request.method} ${pathname.replace("/api/v1/", "")}`;
    this.sent.push({ line, text });
    const body = (text === "" ? {} : JSON.parse(text)) as Body;
    const response = this.before(line, body) ?? this.#answer(line, body, request);
    if (!response.ok || response.status === 204) return response;
    return Response.json(this.lie(line, await response.json()), { status: response.status });
  };

  #answer(line: string, body: Body, request: Request): Response {
    switch (line) {
      case "POST auth/prelogin":
        return Response.json({ kdf: this.accounts.get(body.email)?.kdf ?? STRANGERS });
      case "POST auth/register":
        return this.#register(body);
      case "POST auth/login": {
        const account = this.accounts.get(body.email);
        if (account?.password !== body.password) return problem(401, "invalid_credentials");
        return this.#tokensOrFactor(account);
      }
      case "POST auth/login/second-factor":
        return this.#secondFactor(body);
      case "POST auth/password/reset/confirm":
        return this.#reset(body);
    }
    const token = request.headers.get("Authorization")?.slice("Bearer ".length) ?? "";
    const account = this.sessions.get(token);
    if (account === undefined) return problem(401, "invalid_token");
    return this.#known(line, body, request, account, token);
  }

  #known(line: string, body: Body, request: Request, account: Kept, token: string): Response {
    const [, ...path] = line.split(" ")[1]!.split("/");
    switch (line) {
      case "GET auth/me":
        return Response.json({ id: account.id, email: account.email });
      case "POST auth/password":
        if (body["current_password"] !== account.password) return problem(400, "validation_error");
        return this.#changePassword(account, body);
      case "POST auth/reauthenticate":
        if (body.password !== account.password && body["code"] !== TOTP) return problem(401, "invalid_credentials");
        this.fresh = true;
        return new Response(null, { status: 204 });
      case "POST auth/factors/totp":
        if (!this.fresh) return problem(403, "reauthentication_required");
        return Response.json({ id: "f", secret: "S", otpauth_uri: "otpauth://totp/x" }, { status: 201 });
      case "POST auth/factors/f/confirm":
        account.secondFactor = body["code"] === TOTP;
        return Response.json({ recovery_codes: ["one", "two"] });
      case "GET keys/envelopes":
        return Response.json({ items: [...account.envelopes.values()] });
      case "GET keys/requests":
        return Response.json({ items: [...account.requests.values()].filter(({ state }) => state === "pending").map(shown) });
      case "POST keys/requests": {
        const id = crypto.randomUUID();
        const asked = { id, asker: token, public_key: String(body["public_key"]), device_name: String(body["device_name"]), state: "pending" };
        account.requests.set(id, asked);
        return Response.json({ id, fingerprint: fingerprint(asked.public_key), expires_in: 600 }, { status: 201 });
      }
    }
    if (path[0] === "requests") return this.#request(account, path[1]!, body, request, token);
    const name = path.slice(1).join("/");
    if (request.method === "DELETE") {
      if (account.envelopes.size === 1) return problem(409, "last_envelope");
      account.envelopes.delete(name);
      return new Response(null, { status: 204 });
    }
    if (account.envelopes.has(name) && request.headers.get("If-None-Match") === "*") return problem(412, "precondition_failed");
    const [kind, ref] = name.split("/");
    keep(account, { ...body, kind, ref } as unknown as Envelope);
    return Response.json(account.envelopes.get(name));
  }

  #request(account: Kept, id: string, body: Body, { method }: Request, token: string): Response {
    const found = account.requests.get(id)!;
    if (method === "PUT") {
      if (found.state !== "pending") return problem(409, "conflict");
      Object.assign(found, body["denied"] === true ? { state: "denied" } : { state: "answered", blob: body["blob"] });
    }
    return Response.json({ ...shown(found), ...(found.asker === token ? { blob: found.blob } : {}) });
  }

  #register({ email, password, kdf = undefined, envelopes = [] }: Body): Response {
    if (this.accounts.has(email)) return problem(409, "email_taken");
    const id = crypto.randomUUID();
    const account: Kept = { id, email, password, kdf: kdf ?? null, envelopes: new Map(), requests: new Map(), secondFactor: false };
    for (const envelope of envelopes) keep(account, envelope);
    this.accounts.set(email, account);
    return this.#tokens(account);
  }

  #changePassword(account: Kept, body: Body): Response {
    const { kdf = null, envelopes = [] } = body;
    const given = new Set(envelopes.map(({ kind, ref }) => `${kind}/${ref}`));
    const missing = [...account.envelopes.keys()].some((name) => name.startsWith("password/") && !given.has(name));
    if (missing) return problem(400, "validation_error", { errors: { envelopes: ["To be sealed anew."] } });
    Object.assign(account, { password: body["new_password"], kdf });
    for (const envelope of envelopes) keep(account, envelope);
    this.sessions.clear();
    return this.#tokens(account);
  }

  #reset(body: Body): Response {
    const account = this.accounts.get(String(body["token"]).replace("mailed to ", ""));
    if (account === undefined) return problem(400, "validation_error", { errors: { token: ["Unknown."] } });
    const had = account.envelopes.size > 0;
    for (const name of account.envelopes.keys()) if (name.startsWith("password/")) account.envelopes.delete(name);
    Object.assign(account, { password: body["new_password"], kdf: body.kdf ?? null });
    this.sessions.clear();
    return this.#tokensOrFactor(account, had && account.envelopes.size === 0);
  }

  #secondFactor(body: Body): Response {
    const challenge = this.challenges.get(String(body["challenge_id"]));
    if (challenge === undefined || body["code"] !== TOTP) return problem(401, "invalid_credentials");
    return this.#tokens(challenge.account, challenge.locked);
  }

  #tokensOrFactor(account: Kept, locked?: boolean): Response {
    if (!account.secondFactor) return this.#tokens(account, locked);
    const id = crypto.randomUUID();
    this.challenges.set(id, { account, ...(locked === undefined ? {} : { locked }) });
    const fields = { challenge_id: id, methods: ["totp", "recovery_code"], expires_in: 300 };
    return problem(403, "second_factor_required", fields as object);
  }

  #tokens(account: Kept, locked?: boolean): Response {
    const token = crypto.randomUUID();
    this.sessions.set(token, account);
    return Response.json({ access_token: token, refresh_token: `r-${token}`, token_type: "bearer", expires_in: 900, locked });
  }
}

function keep(account: Kept, { kind, ref, blob, checksum, key_id }: Envelope): void {
  const bytes = Buffer.from(blob, "base64");
  if (hash(bytes) !== checksum) throw new Error("the checksum is wrong");
  account.envelopes.set(`${kind}/${ref}`, { kind, ref, blob, checksum, key_id, etag: "", created_at: "", updated_at: "" });
}

function shown({ asker, blob, ...rest }: Asked): object {
  return { ...rest, fingerprint: fingerprint(rest.public_key) };
}

const fingerprint = (publicKey: string): string => hash(Buffer.from(publicKey, "base64")).slice(0, 20);
