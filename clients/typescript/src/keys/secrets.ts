import { argon2id as ofHashWasm } from "hash-wasm";
import { aesKey, base64url, hkdf, utf8, type Bytes } from "./bytes.js";
import { saltOf, type Kdf } from "./kdf.js";

/** Argon2id (RFC 9106, version 1.3) with 32 bytes of output. An app may bring its own, in a worker say: `ClientOptions.argon2id`. */
export type Argon2id = (
  password: Uint8Array,
  salt: Uint8Array,
  parameters: Pick<Kdf, "memory_kib" | "iterations" | "parallelism">,
) => Promise<Uint8Array>;

export const argon2id: Argon2id = (password, salt, { memory_kib: memorySize, iterations, parallelism }) =>
  ofHashWasm({ password, salt, memorySize, iterations, parallelism, hashLength: 32, outputType: "binary" });

/** What a password is worth: one secret for the server, and one that it never sees. Neither tells anything about the other. */
export interface PasswordSecrets {
  /** Sent as `password`. */
  login: string;
  /** Seals the master key. */
  wrapping: CryptoKey;
}

export async function secretsOf(password: string, kdf: Kdf, derive: Argon2id = argon2id): Promise<PasswordSecrets> {
  const secret = await derive(passwordBytes(password), saltOf(kdf) ?? new Uint8Array(), kdf);
  const [login, wrapping] = await Promise.all([hkdf(secret, "adiuva/1/login"), hkdf(secret, "adiuva/1/password")]);
  return { login: base64url(login), wrapping: await aesKey(wrapping) };
}

/** The same however the keyboard composes it: passwords are taken in NFC. */
function passwordBytes(password: string): Bytes {
  return utf8(password.normalize("NFC"));
}

const SHORTEST = 8;

/** The server sees a derived secret only, so what a password must have is the client's to ask for. */
export class WeakPassword extends Error {
  override readonly name = "WeakPassword";

  constructor() {
    super(`A password has at least ${SHORTEST} characters.`);
  }
}

export function checkPassword(password: string): void {
  if ([...password.normalize("NFC")].length < SHORTEST) throw new WeakPassword();
}
