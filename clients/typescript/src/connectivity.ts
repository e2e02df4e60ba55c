/** `reconnecting`: something is being tried again. `offline`: the platform says so, or a request was given up. */
export type ConnectionState = "online" | "reconnecting" | "offline";

export interface ConnectionChange {
  state: ConnectionState;
  /** What the state goes by: the platform's word (`network`), requests, the socket of the synchronisation, or a conversation's. */
  why: "network" | "requests" | "sync" | "chat";
  /** What has gone wrong last, where something has. */
  error?: unknown;
}

export type ConnectionListener = (change: ConnectionChange) => void;

interface Trouble extends ConnectionChange {
  state: "reconnecting" | "offline";
}

const RANK = { online: 0, reconnecting: 1, offline: 2 };
/** A loss that is repaired sooner was none: a socket whose token has ended is replaced in less. */
const GRACE_MS = 3_000;
const FIRST_PROBE_MS = 2_000;
const LAST_PROBE_MS = 60_000;
const REQUESTS = {};
const NETWORK = {};
const OFFLINE: Trouble = { state: "offline", why: "network" };

type Platform = { addEventListener?: typeof addEventListener; removeEventListener?: typeof removeEventListener; navigator?: { onLine?: boolean } };
type Timer = ReturnType<typeof setTimeout>;

/**
 * Whether the server can be reached, as far as anybody has noticed. A change for the worse is told once it has lasted for three
 * seconds, one for the better at once; nothing is told twice.
 */
export class Connectivity {
  readonly #listeners = new Set<ConnectionListener>();
  readonly #troubles = new Map<object, Trouble>();
  #told: ConnectionState = "online";
  #grace: Timer | undefined;
  #probing: Timer | undefined;
  #probes = 0;

  /** `probe`: whether the server answers. It is asked while somebody listens and requests fail, since the app may make none. */
  constructor(
    private readonly probe: () => Promise<boolean>,
    private readonly graceMs = GRACE_MS,
  ) {}

  get state(): ConnectionState {
    return this.#told;
  }

  /** The answer ends it. */
  listen(listener: ConnectionListener): () => void {
    const platform = globalThis as Platform;
    const one: ConnectionListener = (change) => listener(change); // the same function may listen twice
    if (this.#listeners.size === 0) {
      platform.addEventListener?.("online", this.#online);
      platform.addEventListener?.("offline", this.#offline);
      this.#look(platform.navigator?.onLine === false);
    }
    this.#listeners.add(one);
    if (this.#troubles.has(REQUESTS)) this.#probeLater();
    return () => {
      if (!this.#listeners.delete(one) || this.#listeners.size > 0) return;
      platform.removeEventListener?.("online", this.#online);
      platform.removeEventListener?.("offline", this.#offline);
      clearTimeout(this.#probing);
      this.#probing = undefined;
    };
  }

  /** Any answer of the server's own, a refusal too. */
  answered(): void {
    this.#probes = 0;
    clearTimeout(this.#probing);
    this.#probing = undefined;
    const isNews = this.#troubles.delete(REQUESTS);
    if (this.#troubles.delete(NETWORK) || isNews) this.#update("requests");
  }

  /** No answer came, or that of a gateway with nothing behind it. */
  unanswered(error: unknown, isTriedAgain: boolean): void {
    const wasOffline = this.#troubles.get(REQUESTS)?.state === "offline"; // another attempt is no progress
    this.#troubles.set(REQUESTS, { state: isTriedAgain && !wasOffline ? "reconnecting" : "offline", why: "requests", error });
    this.#update("requests");
    this.#probeLater();
  }

  /** `socket` was lost, and is being replaced. */
  lost(socket: object, why: "sync" | "chat", error?: unknown): void {
    this.#troubles.set(socket, { state: "reconnecting", why, ...(error === undefined ? {} : { error }) });
    this.#update(why);
  }

  /** It is open again, or nobody wants it any more. */
  settled(socket: object, why: "sync" | "chat"): void {
    if (this.#troubles.delete(socket)) this.#update(why);
  }

  readonly #online = (): void => {
    this.#troubles.delete(NETWORK);
    this.#update("network");
    this.#probes = 0;
    if (this.#troubles.has(REQUESTS)) void this.#ask();
  };

  readonly #offline = (): void => {
    this.#troubles.set(NETWORK, OFFLINE);
    this.#tell("network"); // there is no doubt about it
  };

  /** What became of the network while nobody listened; told when whoever listens from now on has what `listen` gives. */
  #look(isOffline: boolean): void {
    if (isOffline) this.#troubles.set(NETWORK, OFFLINE);
    else if (!this.#troubles.delete(NETWORK)) return;
    queueMicrotask(() => (isOffline ? this.#tell("network") : this.#update("network")));
  }

  #worst(): Trouble | undefined {
    return [...this.#troubles.values()].sort((one, other) => RANK[other.state] - RANK[one.state])[0];
  }

  #update(why: ConnectionChange["why"]): void {
    const now = this.#worst()?.state ?? "online";
    if (RANK[now] <= RANK[this.#told]) return this.#tell(why);
    this.#grace ??= unref(setTimeout(() => this.#tell(why), this.graceMs));
  }

  #tell(why: ConnectionChange["why"]): void {
    const change = this.#worst() ?? { state: "online", why };
    clearTimeout(this.#grace);
    this.#grace = undefined;
    if (change.state === this.#told) return;
    this.#told = change.state;
    for (const listener of [...this.#listeners]) {
      try {
        listener({ ...change });
      } catch (error) {
        queueMicrotask(() => {
          throw error; // the listener's own fault, as with any event; it must not fail the request that noticed
        });
      }
    }
  }

  #probeLater(): void {
    if (this.#listeners.size === 0 || this.#probing !== undefined) return;
    const pause = Math.min(FIRST_PROBE_MS * 2 ** this.#probes, LAST_PROBE_MS) * (0.5 + Math.random() / 2);
    this.#probes += 1;
    this.#probing = unref(setTimeout(() => void this.#ask(), pause));
  }

  async #ask(): Promise<void> {
    const isThere = await this.probe().catch(() => false);
    clearTimeout(this.#probing);
    this.#probing = undefined;
    if (isThere) this.answered();
    else if (this.#troubles.has(REQUESTS)) this.#probeLater();
  }
}

/** A timer that does not keep Node running. */
function unref(timer: Timer): Timer {
  (timer as { unref?: () => void }).unref?.();
  return timer;
}
