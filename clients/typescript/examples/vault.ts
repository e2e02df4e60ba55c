// End-to-end encryption with WebCrypto: what leaves this file for the server is sealed, and the key never leaves it.
import type { MasterKey } from "../src/index.js";

const IV = 12;

type Bytes = Uint8Array<ArrayBuffer>;

/** A sealed blob is: IV, AES-GCM's ciphertext with its tag. The key is the account's, the same on each of its devices. */
export class Vault {
  #key: Promise<CryptoKey> | undefined;

  /** `master` is asked when something is to be sealed or opened: a device may be locked until then. */
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
    return (this.#key ??= this.master().aesKey("vault"));
  }
}

export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text) as Bytes;
}
