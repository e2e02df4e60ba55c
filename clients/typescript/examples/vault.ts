// End-to-end encryption with WebCrypto: what leaves this file for the server is sealed, and the key never leaves it.

const ROUNDS = 600_000; // OWASP's advice for PBKDF2 with SHA-256
const SALT = 16;
const IV = 12;

type Bytes = Uint8Array<ArrayBuffer>;

/** A sealed blob is: salt, IV, AES-GCM's ciphertext with its tag. The salt is in each, so that any device can begin. */
export class Vault {
  readonly #keys = new Map<string, Promise<CryptoKey>>();
  #salt: Bytes | undefined;

  constructor(private readonly passphrase: string) {}

  /** `place` (a table and an id, say) is bound to the bytes: the server cannot hand them out as something else. */
  async seal(text: string, place: string): Promise<Bytes> {
    const salt = (this.#salt ??= crypto.getRandomValues(new Uint8Array(SALT)));
    const iv = crypto.getRandomValues(new Uint8Array(IV));
    const algorithm = { name: "AES-GCM", iv, additionalData: utf8(place) };
    const sealed = await crypto.subtle.encrypt(algorithm, await this.#key(salt), utf8(text));
    return new Uint8Array(await new Blob([salt, iv, sealed]).arrayBuffer());
  }

  /** Throws an `OperationError` for another passphrase, another place, or changed bytes. */
  async open(blob: Uint8Array, place: string): Promise<string> {
    const bytes = new Uint8Array(blob); // a copy whose buffer is its own
    const salt = (this.#salt ??= bytes.slice(0, SALT));
    const same = salt.every((byte, index) => byte === bytes[index]);
    const algorithm = { name: "AES-GCM", iv: bytes.slice(SALT, SALT + IV), additionalData: utf8(place) };
    const key = await this.#key(same ? salt : bytes.slice(0, SALT));
    return new TextDecoder().decode(await crypto.subtle.decrypt(algorithm, key, bytes.slice(SALT + IV)));
  }

  #key(salt: Bytes): Promise<CryptoKey> {
    const name = salt.join();
    let key = this.#keys.get(name);
    if (key === undefined) this.#keys.set(name, (key = derive(this.passphrase, salt)));
    return key;
  }
}

async function derive(passphrase: string, salt: Bytes): Promise<CryptoKey> {
  const secret = await crypto.subtle.importKey("raw", utf8(passphrase), "PBKDF2", false, ["deriveKey"]);
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS };
  return crypto.subtle.deriveKey(algorithm, secret, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text) as Bytes;
}
