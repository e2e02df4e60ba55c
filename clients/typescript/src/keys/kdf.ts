import { fromBase64, toBase64 } from "../bytes.js";

/** How the two secrets come from a password (docs/api.md § 13). The server keeps it in clear, and is not believed blindly. */
export interface Kdf {
  algorithm: "argon2id";
  /** Base64 of 16 to 32 random bytes. */
  salt: string;
  memory_kib: number;
  iterations: number;
  parallelism: number;
}

/** RFC 9106 § 4's second recommendation. What the server makes up for unknown addresses looks the same: do not change one alone. */
export const KDF_PARAMETERS = { algorithm: "argon2id", memory_kib: 65_536, iterations: 3, parallelism: 4 } as const;
const SALT_BYTES = 16;

/**
 * Below the lower bounds (OWASP's least for Argon2id) a server that wants the password could have it derived so cheaply that
 * it guesses it from the login secret; above the upper ones it could keep a device busy for minutes, or take its memory.
 */
const BOUNDS = { memory_kib: [19_456, 1_048_576], iterations: [2, 16], parallelism: [1, 16] } as const;

/** The server named parameters that this client does not derive with. Nothing has been sent but the address. */
export class WeakKdf extends Error {
  override readonly name = "WeakKdf";

  constructor(
    readonly kdf: Kdf,
    reason: string,
  ) {
    super(`The server asks for a derivation that is refused: ${reason}.`);
  }
}

/** For a new password: always a new salt. */
export function newKdf(): Kdf {
  return { ...KDF_PARAMETERS, salt: toBase64(crypto.getRandomValues(new Uint8Array(SALT_BYTES))) };
}

/** `kdf`, if it may be used. `known`: that of this account's last login on this device. Throws `WeakKdf`. */
export function checkedKdf(kdf: Kdf, known?: Kdf): Kdf {
  const refuse = (reason: string): never => {
    throw new WeakKdf(kdf, reason);
  };
  if (kdf.algorithm !== "argon2id") refuse(`the algorithm ${String(kdf.algorithm)} is unknown`);
  for (const [name, [least, most]] of Object.entries(BOUNDS) as [keyof typeof BOUNDS, readonly [number, number]][]) {
    const value: unknown = kdf[name];
    if (!Number.isInteger(value)) refuse(`${name} is no whole number`);
    if (kdf[name] < least || kdf[name] > most) refuse(`${name} is ${kdf[name]}, not ${least} to ${most}`);
  }
  const length = saltOf(kdf)?.length ?? 0;
  if (length < 16 || length > 32) refuse("the salt is not base64 of 16 to 32 bytes");
  for (const name of ["memory_kib", "iterations"] as const) {
    if (known !== undefined && kdf[name] < known[name]) refuse(`${name} was ${known[name]} and is ${kdf[name]}`);
  }
  return kdf;
}

export function saltOf(kdf: Kdf): Uint8Array<ArrayBuffer> | undefined {
  try {
    return fromBase64(kdf.salt);
  } catch {
    return undefined;
  }
}
