import { ChecksumMismatch } from "./problem.js";

/**
 * Sealed bytes to upload. A stream needs its checksum beforehand (WebCrypto hashes nothing piece by piece), and `open`
 * is called again for each attempt; in a browser once, since there a Blob is made of it first.
 */
export type Sealed =
  | Uint8Array
  | ArrayBuffer
  | Blob
  | { open: () => ReadableStream<Uint8Array>; checksum: string };

/** Lower-case hex SHA-256, as the API writes checksums. */
export async function sha256(bytes: Uint8Array | ArrayBuffer | Blob): Promise<string> {
  const source = bytes instanceof Blob ? await bytes.arrayBuffer() : bytes;
  const digest = await crypto.subtle.digest("SHA-256", source as BufferSource);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function checksumOf(sealed: Sealed): Promise<string> {
  return "open" in sealed ? sealed.checksum : sha256(sealed);
}

/**
 * What can be sent from here. Chromium streams a body over HTTP/2 only (`net::ERR_H2_OR_QUIC_REQUIRED`), other browsers not at
 * all, and no page is told which one it has: there a stream becomes a Blob, which Chromium keeps on disk where it is large.
 */
export async function sendable(sealed: Sealed): Promise<Sealed> {
  return "open" in sealed && isBrowser() ? new Response(sealed.open()).blob() : sealed;
}

/** A page, a renderer or a worker of theirs: their `fetch` is not Node's, even where a renderer has `process`. */
function isBrowser(): boolean {
  return "document" in globalThis || "WorkerGlobalScope" in globalThis;
}

/** In bytes; a stream's is not known. */
export function sizeOf(sealed: Sealed | undefined): number | undefined {
  if (sealed === undefined || "open" in sealed) return undefined;
  return sealed instanceof Blob ? sealed.size : sealed.byteLength;
}

/** The options of a `Request` with these bytes. `duplex` is asked for by the Fetch standard where a stream is sent. */
export function bodyOf(sealed: Sealed): RequestInit {
  if (!("open" in sealed)) return { body: sealed as BodyInit };
  return { body: sealed.open(), duplex: "half" } as RequestInit;
}

/** The whole body. Throws `ChecksumMismatch` when it is not what `X-Checksum` names. */
export async function verified(response: Response): Promise<Uint8Array> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const expected = response.headers.get("X-Checksum") ?? "none";
  const actual = await sha256(bytes);
  if (actual !== expected) throw new ChecksumMismatch(expected, actual);
  return bytes;
}

/** Base64, for the JSON bodies of vectors. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  }
  return btoa(text);
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
