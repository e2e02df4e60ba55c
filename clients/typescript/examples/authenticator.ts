// What an authenticator app does (RFC 6238): six digits of an HMAC over the half minutes since 1970.
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The code that `secret` (base32) gives at a time. `later`: how many half minutes from then. */
export async function codeOf(secret: string, later = 0, now = Date.now()): Promise<string> {
  const step = new DataView(new ArrayBuffer(8));
  step.setBigUint64(0, BigInt(Math.floor(now / 30_000) + later));
  const key = await crypto.subtle.importKey("raw", fromBase32(secret), { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, step));
  const digits = mac.getUint32(mac.getUint8(19) & 15) & 0x7fffffff;
  return String(digits % 1_000_000).padStart(6, "0");
}

function fromBase32(text: string): Uint8Array<ArrayBuffer> {
  let bits = "";
  for (const letter of text.replace(/=+$/, "")) bits += ALPHABET.indexOf(letter).toString(2).padStart(5, "0");
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}
