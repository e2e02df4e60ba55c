import { utf8, type Bytes } from "./bytes.js";
import type { MasterKey } from "./master.js";

const IV = 12;

/**
 * End-to-end encryption of texts with WebCrypto. A sealed blob is: IV, AES-GCM's ciphertext with its tag. The key is one of the
 * account's master key, the same on each of its devices.
 */
export class Vault {
  readonly #keys = new WeakMap<MasterKey, Promise<CryptoKey>>();

  /** `master` is asked each time: a device may be locked until then, and again later on, and an account be another's. */
  constructor(private readonly master: () => MasterKey) {}

  /** `place` (a table and an id, say) is bound to the bytes: the server cannot hand them out as something else. */
  async seal(text: string, place: string): Promise<Bytes> {
    const iv = crypto.getRandomValues(new Uint8Array(IV));
    const algorithm = { name: "AES-GCM", iv, additionalData: utf8(place) };
    const sealed = await crypto.subtle.encrypt(algorithm, await this.#vaultKey(), utf8(text));
    return new Uint8Array(await new Blob([iv, sealed]).arrayBuffer());
  }

  /** Throws an `OperationError` for another key, another place, or changed bytes. */
  async open(blob: Uint8Array, place: string): Promise<string> {
    const bytes = new Uint8Array(blob); // a copy whose buffer is its own
    const algorithm = { name: "AES-GCM", iv: bytes.slice(0, IV), additionalData: utf8(place) };
    return new TextDecoder().decode(await crypto.subtle.decrypt(algorithm, await this.#vaultKey(), bytes.slice(IV)));
  }

  #vaultKey(): Promise<CryptoKey> {
    const master = this.master();
    const key = this.#keys.get(master) ?? master.aesKey("vault");
    this.#keys.set(master, key);
    return key;
  }
}
