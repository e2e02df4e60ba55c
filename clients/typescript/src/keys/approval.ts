import { fromBase64, toBase64 } from "../bytes.js";
import type { Json } from "../accounts/json.js";
import { systemClock } from "../clock.js";
import { fingerprintOf, openFrom, sealFor, type ExchangeKeys } from "./exchange.js";
import type { MasterKey } from "./master.js";
import type { KeyState } from "./ring.js";

/** A request of docs/api.md § 13, as far as its side is told. */
export interface KeyRequest {
  id: string;
  fingerprint: string;
  expires_in?: number;
  state?: "pending" | "answered" | "denied" | "expired";
  public_key?: string;
  device_name?: string;
  blob?: string | null;
}

/** Nobody said yes: the other device has denied it, or ten minutes are over. */
export class NotApproved extends Error {
  override readonly name = "NotApproved";

  constructor(readonly state: "denied" | "expired") {
    super(`The request is ${state}.`);
  }
}

/** The server names another fingerprint than the key has: it has been exchanged. */
export class FingerprintMismatch extends Error {
  override readonly name = "FingerprintMismatch";

  constructor() {
    super("The fingerprint is not the key's.");
  }
}

/** Another device's answer. It is not in use before somebody has compared the `confirmation`. */
export interface Answer {
  /** The device that has answered shows the same one; if it does not, somebody else has answered: drop this. */
  confirmation: string;
  /** Both show the same: takes over the key, in the session that has asked for it. In another one it throws `SignedOut`. */
  accept(): Promise<KeyState>;
}

const POLL_MS = 2_000;

/** On the new device. Its private key is here only: a request that the app does not keep is made again. */
export class ApprovalRequest {
  private constructor(
    readonly id: string,
    /** To be shown; a person compares it with what the unlocked device shows. */
    readonly fingerprint: string,
    private readonly json: Json,
    private readonly own: ExchangeKeys,
    private readonly adopt: (master: MasterKey) => Promise<KeyState>,
  ) {}

  static async of(json: Json, made: KeyRequest, own: ExchangeKeys, adopt: (master: MasterKey) => Promise<KeyState>): Promise<ApprovalRequest> {
    return new ApprovalRequest(made.id, await fingerprintOf(own.publicKey), json, own, adopt);
  }

  /** Asks until there is an answer. Throws `NotApproved`, `CannotOpen`, and the reason of an aborted `signal`. */
  async answer({ signal, every = POLL_MS }: { signal?: AbortSignal; every?: number } = {}): Promise<Answer> {
    const until = this.json.ofSession(signal);
    for (;;) {
      const { state, blob } = await this.json.get<KeyRequest>(`keys/requests/${this.id}`, { signal: until });
      if (state === "denied" || state === "expired") throw new NotApproved(state);
      if (state === "answered" && typeof blob === "string") {
        const { master, confirmation } = await openFrom(fromBase64(blob), this.id, this.own);
        return { confirmation, accept: () => this.adopt(master) };
      }
      await systemClock.sleep(every, until);
    }
  }
}

/** On an unlocked device. */
export class PendingApproval {
  private constructor(
    readonly id: string,
    readonly deviceName: string,
    /** Computed here from the key itself. Approve only when the new device shows the same. */
    readonly fingerprint: string,
    private readonly publicKey: Uint8Array,
    private readonly json: Json,
    private readonly master: MasterKey,
    private readonly session: AbortSignal,
  ) {}

  /** Throws `FingerprintMismatch`. */
  static async of(json: Json, request: KeyRequest, master: MasterKey, session: AbortSignal): Promise<PendingApproval> {
    const publicKey = fromBase64(request.public_key ?? "");
    const fingerprint = await fingerprintOf(publicKey);
    if (request.fingerprint !== fingerprint) throw new FingerprintMismatch();
    return new PendingApproval(request.id, request.device_name ?? "", fingerprint, publicKey, json, master, session);
  }

  /**
   * Hands over the master key, and gives what the new device must show as well before it takes it. One answer counts. Throws
   * `SignedOut` where somebody has logged out or in since the request was asked for.
   */
  async approve(): Promise<{ confirmation: string }> {
    const { blob, confirmation } = await sealFor(this.publicKey, this.id, this.master);
    this.session.throwIfAborted();
    await this.json.put(`keys/requests/${this.id}`, { blob: toBase64(blob) });
    return { confirmation };
  }

  async deny(): Promise<void> {
    await this.json.put(`keys/requests/${this.id}`, { denied: true });
  }
}
