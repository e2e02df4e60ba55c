import { toBase64 } from "../bytes.js";
import type { Identity } from "../accounts/identity.js";
import type { Json } from "../accounts/json.js";
import { isProblem } from "../problem.js";
import { ApprovalRequest, PendingApproval, type KeyRequest } from "./approval.js";
import { aesKey, hkdf, randomBytes, type Bytes } from "./bytes.js";
import { CannotOpen, openEnvelope, sealEnvelope, type Envelope, type EnvelopeInput, type EnvelopeKind } from "./envelopes.js";
import { newExchangeKeys } from "./exchange.js";
import { MasterKey } from "./master.js";
import { keyOfPhrase } from "./phrase.js";
import { unseenPhrase, type UnseenPhrase } from "./unseen.js";

/**
 * `unlocked`: the master key is here. `locked`: there is one, and nothing here opens it (an account whose password is
 * derived has had one from the beginning). `none`: no sign of one, after a login without a password.
 * `changed`: the server shows another one than this device knows; only the user can say whether that may be
 * (`client.forgetAccount`), and until then nothing is sealed with it.
 */
export type KeyState = "unlocked" | "locked" | "none" | "changed";

/** A way to the master key. `secret`: what the passkey's PRF extension gives. */
export type Way =
  | { password: string }
  | { phrase: string }
  | { device: { ref: string; key: Uint8Array } }
  | { passkey: { ref: string; secret: Uint8Array } };

/** The master key is needed, and is not here: `client.keys.unlock`. */
export class Locked extends Error {
  override readonly name = "Locked";

  constructor() {
    super("The master key is not unlocked on this device.");
  }
}

const MAIN = "main";
const NEW = { "If-None-Match": "*" };

/**
 * The master key on this device, and its envelopes on the server. What takes more than one step ends with the session that it
 * was begun in: a key must not come to whoever logs in meanwhile.
 */
export class Keys {
  #state: KeyState = "none";
  #master: MasterKey | undefined;
  /** Of the session before, until a login has found out whose it is: it may be the last copy. */
  #kept: MasterKey | undefined;
  /** Of the password of this login, kept while it may have to seal an envelope of its own. */
  #wrapping: CryptoKey | undefined;
  #unseen: UnseenPhrase | undefined;

  constructor(
    private readonly json: Json,
    private readonly identity: Identity,
  ) {}

  get state(): KeyState {
    return this.#state;
  }

  /** Throws `Locked`. */
  get master(): MasterKey {
    if (this.#master === undefined) throw new Locked();
    return this.#master;
  }

  /** Forgets the key, here only. */
  lock(): void {
    this.#master = undefined;
    this.#kept = undefined;
    this.#wrapping = undefined;
    if (this.#unseen?.firstOf === undefined) this.#unseen = undefined; // else it may be all there is of an account's key
    this.#state = "locked";
  }

  /** Another session begins: the key is out of use until `settle` has found out whose session it is. */
  leave(): void {
    const kept = this.#master ?? this.#kept;
    this.lock();
    this.#kept = kept;
  }

  /** The same in a session that asks for no key. */
  begin(): void {
    this.lock();
    this.#state = "none";
  }

  async envelopes(session = this.json.ofSession()): Promise<Envelope[]> {
    const { items } = await this.json.get<{ items: Envelope[] }>("keys/envelopes?limit=50", { signal: session });
    session.throwIfAborted();
    return items;
  }

  /**
   * After a login: opens what the password opens. A key that is here already stays if it is this account's: after a reset
   * on another device it may be the last one, and the new password gets its envelope from here. Where something fails on the
   * way, it is there for the next login.
   */
  async settle(wrapping: CryptoKey | undefined): Promise<KeyState> {
    const session = this.json.ofSession();
    this.leave();
    const here = this.#kept;
    this.#wrapping = wrapping;
    const email = await this.identity.email();
    const { keyId } = await this.identity.known(email);
    const envelopes = await this.envelopes(session);
    try {
      if (wrapping !== undefined) {
        const state = await this.#open(envelopes, "password", wrapping, session);
        this.#wrapping = undefined;
        return state;
      }
    } catch (error) {
      if (!(error instanceof CannotOpen)) throw error;
      session.throwIfAborted();
    }
    if (here?.id !== keyId) this.#kept = undefined;
    if (here !== undefined && here.id === keyId) {
      await this.adopt(here, session);
      await this.#sealForPassword(session);
    } else if (wrapping === undefined && this.#mayStart(email, keyId, envelopes)) {
      this.#state = "none";
    }
    return this.#state;
  }

  /** Takes over a key that the password's envelope of this very login holds. */
  async adopt(master: MasterKey, session = this.json.ofSession()): Promise<KeyState> {
    const email = await this.identity.email();
    const { keyId } = await this.identity.known(email);
    session.throwIfAborted();
    if (keyId !== undefined && keyId !== master.id) return (this.#state = "changed");
    await this.identity.remember(email, { keyId: master.id });
    session.throwIfAborted();
    this.#master = master;
    this.#kept = undefined;
    return (this.#state = "unlocked");
  }

  /** Throws `CannotOpen`, `NotAPhrase`, and `WeakKdf` or the problem of a wrong password. */
  async unlock(way: Way): Promise<KeyState> {
    const session = this.json.ofSession();
    const [kind, wrapping, ref] = await this.#wayIn(way);
    const state = await this.#open(await this.envelopes(session), kind, wrapping, session, ref);
    await this.#sealForPassword(session);
    return state;
  }

  /**
   * A new master key, for a user who has lost every way to the old one and says so: what that one has sealed stays sealed.
   * Only where no envelope is left, after a login with the password, and once this device has forgotten the old one
   * (`client.forgetAccount`). Two devices at once make one. Throws `Locked`.
   */
  async startOver(): Promise<KeyState> {
    const session = this.json.ofSession();
    const wrapping = this.#wrapping;
    const { keyId } = await this.identity.known(await this.identity.email());
    if (wrapping === undefined || keyId !== undefined || (await this.envelopes(session)).length > 0) throw new Locked();
    const master = await MasterKey.make();
    try {
      await this.put(await sealEnvelope(master, "password", MAIN, wrapping), NEW, session);
    } catch (error) {
      if (!isProblem(error, "precondition_failed")) throw error;
      return this.#open(await this.envelopes(session), "password", wrapping, session);
    }
    const state = await this.adopt(master, session);
    this.#wrapping = undefined;
    return state;
  }

  /**
   * The first master key of an account that was made at sign-on and has no password, and its recovery phrase, shown once. Only
   * in the state `none`. Of two devices at once one makes it, and is asked by the other (`requestApproval`). Throws `Locked`.
   */
  async start(): Promise<string> {
    const session = this.json.ofSession();
    const email = await this.identity.email();
    const { keyId } = await this.identity.known(email);
    const envelopes = await this.envelopes(session);
    if (this.#state !== "none" || !this.#mayStart(email, keyId, envelopes)) throw new Locked();
    const own = this.#unseen?.firstOf === email ? this.#unseen : await unseenPhrase(await MasterKey.make(), email);
    session.throwIfAborted();
    this.#unseen = own;
    try {
      if (envelopes.length === 0) await this.#deliver(own, session, NEW);
    } catch (error) {
      if (!isProblem(error, "precondition_failed")) throw error;
      this.#forget(own);
      this.lock();
      throw new Locked(); // another device was first
    }
    await this.adopt(own.master, session);
    this.#forget(own);
    return own.phrase;
  }

  /** There is no key yet, or one of an earlier `start` whose answer was lost. */
  #mayStart(email: string, keyId: string | undefined, envelopes: Envelope[]): boolean {
    const own = this.#unseen?.firstOf === email ? this.#unseen : undefined;
    const isOwn = ({ checksum }: Envelope): boolean => checksum === own?.envelope.checksum;
    return (keyId === undefined || keyId === own?.master.id) && envelopes.every(isOwn);
  }

  #forget(own: UnseenPhrase): void {
    if (this.#unseen === own) this.#unseen = undefined;
  }

  /**
   * 24 words to be written down, shown once. An earlier phrase opens nothing any more. Where it rejects for want of an answer,
   * nobody knows which phrase counts: call it again, it then gives the same one.
   */
  async makeRecoveryPhrase(): Promise<string> {
    const session = this.json.ofSession();
    const { master } = this;
    const own = this.#unseen?.master.id === master.id ? this.#unseen : await unseenPhrase(master);
    session.throwIfAborted();
    this.#unseen = own;
    await this.#deliver(own, session);
    this.#forget(own);
    return own.phrase;
  }

  /** Where no answer comes that says whether the envelope was taken, the list of them does. */
  async #deliver({ envelope }: UnseenPhrase, session: AbortSignal, headers: Record<string, string> = {}): Promise<void> {
    try {
      await this.put(envelope, headers, session);
    } catch (error) {
      const isThere = isProblem(error, "precondition_failed"); // this one from an attempt before, or another device's
      if (isProblem(error) && error.status < 500 && !isThere) throw error;
      const there = await this.envelopes(session).catch((unread: unknown) => {
        throw isThere ? unread : error;
      });
      if (!there.some(({ checksum }) => checksum === envelope.checksum)) throw error;
    }
  }

  /**
   * A key that unlocks this device without a password: keep it where the system seals it (Electron's `safeStorage`).
   * `ref` names the device; removing its envelope ends it.
   */
  async addDevice(ref: string): Promise<Bytes> {
    const session = this.json.ofSession();
    const { master } = this;
    const key = randomBytes(32);
    await this.put(await sealEnvelope(master, "device", ref, await deviceKey(key)), {}, session);
    return key;
  }

  /** `secret`: 32 bytes or more of the passkey's PRF extension. */
  async addPasskey(ref: string, secret: Uint8Array): Promise<void> {
    const session = this.json.ofSession();
    const { master } = this;
    await this.put(await sealEnvelope(master, "passkey", ref, await passkeyKey(secret)), {}, session);
  }

  /** The last one stays: the problem is `last_envelope`. */
  async remove(kind: EnvelopeKind, ref: string): Promise<void> {
    await this.json.delete(`keys/envelopes/${kind}/${ref}`);
  }

  /** On a new device: asks one that is unlocked. The request's `fingerprint` is shown to be compared. */
  async requestApproval(deviceName: string): Promise<ApprovalRequest> {
    const session = this.json.ofSession();
    const own = await newExchangeKeys();
    const body = { public_key: toBase64(own.publicKey), device_name: deviceName };
    const made = await this.json.post<KeyRequest>("keys/requests", body, { signal: session });
    return ApprovalRequest.of(this.json, made, own, async (master) => {
      session.throwIfAborted();
      const state = await this.adopt(master, session);
      await this.#sealForPassword(session);
      return state;
    });
  }

  /** On an unlocked device: requests that nobody has answered yet, newest first. */
  async pendingApprovals(): Promise<PendingApproval[]> {
    const session = this.json.ofSession();
    const { items } = await this.json.get<{ items: KeyRequest[] }>("keys/requests");
    session.throwIfAborted();
    return Promise.all(items.map((request) => PendingApproval.of(this.json, request, this.master, session)));
  }

  /** The same, of the one that `/sync`'s `key_request` named. */
  async pendingApproval(id: string): Promise<PendingApproval> {
    const session = this.json.ofSession();
    const request = await this.json.get<KeyRequest>(`keys/requests/${id}`);
    session.throwIfAborted();
    return PendingApproval.of(this.json, request, this.master, session);
  }

  /** After a change of password: `wrapping`, which has no envelope yet, or `undefined`. The old one's must seal nothing any more. */
  passwordChanged(wrapping: CryptoKey | undefined): void {
    this.#wrapping = wrapping;
  }

  /** For a new password: every envelope that the old one's key has sealed, sealed anew. Throws `CannotOpen`. */
  async resealed(old: CryptoKey | undefined, wrapping: CryptoKey): Promise<{ master: MasterKey | undefined; envelopes: EnvelopeInput[] }> {
    const session = this.json.ofSession();
    const there = await this.envelopes(session);
    const refs = there.filter(({ kind }) => kind === "password").map(({ ref }) => ref);
    if (this.#master === undefined && old !== undefined && refs.length > 0) await this.#open(there, "password", old, session);
    const master = this.#master;
    if (master === undefined) {
      if (refs.length > 0) throw new CannotOpen("the password's envelope");
      return { master, envelopes: [] };
    }
    const names = refs.length > 0 ? refs : [MAIN];
    return { master, envelopes: await Promise.all(names.map((ref) => sealEnvelope(master, "password", ref, wrapping))) };
  }

  /** Once it is on its way it is not cut off: a phrase that has its envelope must be shown. */
  async put({ kind, ref, ...content }: EnvelopeInput, headers: Record<string, string> = {}, session = this.json.ofSession()): Promise<void> {
    session.throwIfAborted();
    await this.json.put(`keys/envelopes/${kind}/${ref}`, content, { headers });
  }

  /** After a reset the password has no envelope: once the key is here, it gets one again. */
  async #sealForPassword(session: AbortSignal): Promise<void> {
    const wrapping = this.#wrapping;
    if (wrapping === undefined || this.#master === undefined) return;
    try {
      await this.put(await sealEnvelope(this.#master, "password", MAIN, wrapping), NEW, session);
    } catch (error) {
      if (!isProblem(error, "precondition_failed")) throw error; // there is one
    }
    if (this.#wrapping === wrapping) this.#wrapping = undefined;
  }

  async #wayIn(way: Way): Promise<[EnvelopeKind, CryptoKey, string?]> {
    if ("phrase" in way) return ["recovery", await keyOfPhrase(way.phrase)];
    if ("device" in way) return ["device", await deviceKey(way.device.key), way.device.ref];
    if ("passkey" in way) return ["passkey", await passkeyKey(way.passkey.secret), way.passkey.ref];
    return ["password", (await this.identity.secrets(await this.identity.currentEmail(), way.password)).wrapping];
  }

  async #open(envelopes: Envelope[], kind: EnvelopeKind, wrapping: CryptoKey, session: AbortSignal, ref?: string): Promise<KeyState> {
    let failure = new CannotOpen(`an envelope of the kind ${kind}: there is none`);
    for (const envelope of envelopes) {
      if (envelope.kind !== kind || (ref !== undefined && envelope.ref !== ref)) continue;
      try {
        return await this.adopt(await openEnvelope(envelope, wrapping), session);
      } catch (error) {
        if (!(error instanceof CannotOpen)) throw error;
        failure = error;
      }
    }
    throw failure;
  }
}

async function deviceKey(key: Uint8Array): Promise<CryptoKey> {
  return aesKey(await hkdf(key, "adiuva/1/device"));
}

async function passkeyKey(secret: Uint8Array): Promise<CryptoKey> {
  if (secret.length < 32) throw new RangeError("A passkey's secret has at least 32 bytes.");
  return aesKey(await hkdf(secret, "adiuva/1/passkey"));
}
