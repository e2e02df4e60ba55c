import { fromBase64, sha256, toBase64 } from "../bytes.js";
import { randomBytes, utf8, type Bytes } from "./bytes.js";
import { MasterKey } from "./master.js";
import type { CauseOptions } from "../problem.js";

export type EnvelopeKind = "password" | "recovery" | "device" | "passkey";

/** A master key, sealed for one way to it. `ref` tells those of a kind apart: `^[a-z0-9][a-z0-9_-]{0,63}$`. */
export interface EnvelopeInput {
  kind: EnvelopeKind;
  ref: string;
  /** Base64. */
  blob: string;
  checksum: string;
  key_id: string;
}

export interface Envelope extends EnvelopeInput {
  etag: string;
  created_at: string;
  updated_at: string;
}

const VERSION = 1;
const IV = 12;

/** No key on this device opens it, or it holds another key than it says. */
export class CannotOpen extends Error {
  override readonly name = "CannotOpen";

  constructor(what: string, options?: CauseOptions) {
    super(`This does not open ${what}.`, options);
  }
}

/** The blob is a version byte, an IV, and AES-256-GCM's ciphertext with its tag. What it is for is bound to it: see `place`. */
export async function sealEnvelope(master: MasterKey, kind: EnvelopeKind, ref: string, wrapping: CryptoKey): Promise<EnvelopeInput> {
  const blob = await sealKey(master, wrapping, place(kind, ref, master.id));
  return { kind, ref, blob: toBase64(blob), checksum: await sha256(blob), key_id: master.id };
}

/** Throws `CannotOpen`. */
export function openEnvelope({ kind, ref, blob, key_id }: EnvelopeInput, wrapping: CryptoKey): Promise<MasterKey> {
  return openKey(fromBase64(blob), wrapping, place(kind, ref, key_id), key_id, `the envelope ${kind}/${ref}`);
}

/**
 * An account is bound by the id of its key, which a device remembers. Its other names do not do: the address may change,
 * and the server makes the id only when it has the first envelope.
 */
function place(kind: string, ref: string, keyId: string): string {
  return ["envelope", kind, ref, keyId].join("\n");
}

export async function sealKey(master: MasterKey, wrapping: CryptoKey, place: string): Promise<Bytes> {
  const iv = randomBytes(IV);
  const algorithm = { name: "AES-GCM", iv, additionalData: utf8(`adiuva/${VERSION}\n${place}`) };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, wrapping, master.reveal()));
  return Uint8Array.of(VERSION, ...iv, ...sealed);
}

export async function openKey(blob: Uint8Array, wrapping: CryptoKey, place: string, keyId: string, what: string): Promise<MasterKey> {
  if (blob[0] !== VERSION) throw new CannotOpen(what);
  const algorithm = {
    name: "AES-GCM",
    iv: blob.slice(1, 1 + IV),
    additionalData: utf8(`adiuva/${VERSION}\n${place}`),
  };
  let master: MasterKey;
  try {
    master = await MasterKey.of(new Uint8Array(await crypto.subtle.decrypt(algorithm, wrapping, blob.slice(1 + IV))));
  } catch (cause) {
    throw new CannotOpen(what, { cause });
  }
  // AES-GCM alone lets a blob be made that opens to something under each of two keys.
  if (master.id !== keyId) throw new CannotOpen(what);
  return master;
}
