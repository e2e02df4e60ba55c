/** Bytes whose buffer is their own, as WebCrypto wants them. */
export type Bytes = Uint8Array<ArrayBuffer>;

export const utf8 = (text: string): Bytes => new TextEncoder().encode(text) as Bytes;

export const randomBytes = (length: number): Bytes => crypto.getRandomValues(new Uint8Array(length));

/** Base64url without padding. */
export function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** HKDF-SHA-256 (RFC 5869): bytes of their own for each `info`. */
export async function hkdf(secret: Uint8Array, info: string, length = 32, salt: Uint8Array = new Uint8Array()): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", new Uint8Array(secret), "HKDF", false, ["deriveBits"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(salt), info: utf8(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, length * 8));
}

/** A key for AES-256-GCM that cannot be read back. */
export function aesKey(bytes: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", new Uint8Array(bytes), "AES-GCM", false, ["encrypt", "decrypt"]);
}
