import { sha256 } from "../bytes.js";
import { aesKey, hkdf, type Bytes } from "./bytes.js";
import { CannotOpen, openKey, sealKey } from "./envelopes.js";
import type { MasterKey } from "./master.js";

const CURVE = { name: "ECDH", namedCurve: "P-256" }; // X25519 is not in the WebCrypto of every Electron and browser in use
const POINT = 65;
const KEY_ID = 22;

/** The new device's half: its private key stays where it was made, and lives as long as the request does. */
export interface ExchangeKeys {
  privateKey: CryptoKey;
  publicKey: Bytes;
}

export async function newExchangeKeys(): Promise<ExchangeKeys> {
  const pair = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
  return { privateKey: pair.privateKey, publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)) };
}

/** What people compare (docs/api.md § 13): the first 20 hex digits of the SHA-256 of a public key. */
export async function fingerprintOf(publicKey: Uint8Array): Promise<string> {
  return (await sha256(publicKey)).slice(0, 20);
}

/** An answer, and what both devices show of it. */
export interface Approval {
  blob: Bytes;
  confirmation: string;
}

/** The unlocked device's half. `requestId` is bound to the answer. */
export async function sealFor(publicKey: Uint8Array, requestId: string, master: MasterKey): Promise<Approval> {
  const own = await newExchangeKeys();
  const wrapping = await sharedKey(own.privateKey, publicKey, publicKey, own.publicKey);
  const sealed = await sealKey(master, wrapping, place(requestId, master.id));
  const keyId = new TextEncoder().encode(master.id);
  return { blob: Uint8Array.of(...own.publicKey, ...keyId, ...sealed), confirmation: await confirmationOf(publicKey, own.publicKey) };
}

/** Throws `CannotOpen`. */
export async function openFrom(blob: Uint8Array, requestId: string, own: ExchangeKeys): Promise<{ master: MasterKey; confirmation: string }> {
  const what = "the other device's answer";
  const sender = blob.slice(0, POINT);
  const keyId = new TextDecoder().decode(blob.slice(POINT, POINT + KEY_ID));
  const wrapping = await sharedKey(own.privateKey, sender, own.publicKey, sender).catch((cause: unknown) => {
    throw new CannotOpen(what, { cause }); // no point of the curve
  });
  const master = await openKey(blob.slice(POINT + KEY_ID), wrapping, place(requestId, keyId), keyId, what);
  return { master, confirmation: await confirmationOf(own.publicKey, sender) };
}

function place(requestId: string, keyId: string): string {
  return ["approval", requestId, keyId].join("\n");
}

async function sharedKey(own: CryptoKey, theirs: Uint8Array, asking: Uint8Array, answering: Uint8Array): Promise<CryptoKey> {
  const point = await crypto.subtle.importKey("raw", new Uint8Array(theirs), CURVE, false, []);
  const secret = await crypto.subtle.deriveBits({ name: "ECDH", public: point }, own, 256);
  return aesKey(await hkdf(new Uint8Array(secret), "adiuva/1/approval", 32, Uint8Array.of(...asking, ...answering)));
}

/** Both public keys: one who answers in the other device's place cannot have the same. */
async function confirmationOf(asking: Uint8Array, answering: Uint8Array): Promise<string> {
  return (await sha256(Uint8Array.of(...asking, ...answering))).slice(0, 20);
}
