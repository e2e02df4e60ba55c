import { aesKey, base64url, hkdf, randomBytes, type Bytes } from "./bytes.js";

const BYTES = 32;

/**
 * What an account's data is sealed with. It is random, leaves the device only inside envelopes, and does not change
 * with the password.
 */
export class MasterKey {
  readonly #bytes: Bytes;

  private constructor(
    bytes: Bytes,
    /** Names the key and no other one (`key_id`): a hash of it that says nothing about it. */
    readonly id: string,
  ) {
    this.#bytes = bytes;
  }

  static make(): Promise<MasterKey> {
    return MasterKey.of(randomBytes(BYTES));
  }

  static async of(bytes: Uint8Array): Promise<MasterKey> {
    if (bytes.length !== BYTES) throw new RangeError(`A master key has ${BYTES} bytes, not ${bytes.length}.`);
    return new MasterKey(new Uint8Array(bytes), base64url(await hkdf(bytes, "adiuva/1/key-id", 16)));
  }

  /** A secret of its own for each `purpose`: never use one for two things. */
  derive(purpose: string, length = 32): Promise<Bytes> {
    return hkdf(this.#bytes, `adiuva/1/use/${purpose}`, length);
  }

  /** The same, as a key for AES-256-GCM that cannot be read back. */
  async aesKey(purpose: string): Promise<CryptoKey> {
    return aesKey(await this.derive(purpose));
  }

  /** For envelopes, and for nothing else. */
  reveal(): Bytes {
    return this.#bytes.slice();
  }
}
