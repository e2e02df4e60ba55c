import assert from "node:assert/strict";
import { test } from "node:test";
import { CannotOpen, fromBase64, NotAPhrase, toBase64, WeakKdf, WeakPassword, type Kdf } from "../src/index.js";
import { hkdf } from "../src/keys/bytes.js";
import { openEnvelope, sealEnvelope } from "../src/keys/envelopes.js";
import { fingerprintOf, newExchangeKeys, openFrom, sealFor } from "../src/keys/exchange.js";
import { checkedKdf, newKdf } from "../src/keys/kdf.js";
import { MasterKey } from "../src/keys/master.js";
import { keyOfPhrase, newPhrase } from "../src/keys/phrase.js";
import { argon2id, checkPassword, secretsOf } from "../src/keys/secrets.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index);
const KDF: Kdf = { algorithm: "argon2id", salt: toBase64(counting(16)), memory_kib: 65_536, iterations: 3, parallelism: 4 };

test("Argon2id and HKDF are those of RFC 9106's reference code and of RFC 5869", async () => {
  const cost = { memory_kib: 65_536, iterations: 2, parallelism: 1 };
  const expected = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"; // phc-winner-argon2, src/test.c
  assert.equal(hex(await argon2id(utf8("password"), utf8("somesalt"), cost)), expected);

  const third = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"; // A.3
  assert.equal(hex(await hkdf(new Uint8Array(22).fill(0x0b), "", 42)), third);
});

test("what other implementations of docs/api.md derive and seal is derived and opened here", async () => {
  // Made with Python's `cryptography`, of the master key 00 01 … 1f.
  const blob = "AQABAgMEBQYHCAkKCyZwQrDFH0EMpQPY9+MdzobZX7JEYPmzeDMqzaFilF8YLSs/CadIjRdglmzObEfxCg==";
  const { login, wrapping } = await secretsOf("Käsekuchen mit Kirschen".normalize("NFD"), KDF);
  assert.equal(login, "gvA6HmfbkhWywZDlS2r1fFLFYUK6ULXcYYGLuhLd0zM");

  const envelope = { kind: "password", ref: "main", blob, checksum: "", key_id: "mYU2tmQTOjSzqcNd-jv_qQ" } as const;
  assert.deepEqual((await openEnvelope(envelope, wrapping)).reveal(), counting(32));
});

test("an envelope opens with its key, at its place, and to the key that it names", async () => {
  const master = await MasterKey.make();
  const key = await keyOfPhrase(newPhrase());
  const envelope = await sealEnvelope(master, "recovery", "main", key);
  assert.equal((await openEnvelope(envelope, key)).id, master.id);

  const bytes = fromBase64(envelope.blob);
  bytes[20]! ^= 1;
  const others = [
    { ...envelope, kind: "password" as const },
    { ...envelope, ref: "other" },
    { ...envelope, key_id: (await MasterKey.make()).id },
    { ...envelope, blob: toBase64(bytes) },
    { ...envelope, blob: "" },
  ];
  for (const other of others) await assert.rejects(openEnvelope(other, key), CannotOpen);
  await assert.rejects(openEnvelope(envelope, await keyOfPhrase(newPhrase())), CannotOpen);
});

test("each use of a master key has a secret of its own", async () => {
  const master = await MasterKey.make();
  const again = await MasterKey.of(master.reveal());
  assert.equal(again.id, master.id);
  assert.deepEqual(await again.derive("notes"), await master.derive("notes"));
  assert.notDeepEqual(await master.derive("notes"), await master.derive("vectors"));
  assert.equal((await master.derive("seed", 64)).length, 64);
});

test("a derivation that is too cheap, too dear, or cheaper than it was is refused", () => {
  assert.equal(checkedKdf(KDF), KDF);
  assert.equal(checkedKdf(newKdf(), KDF).memory_kib, 65_536);
  const refused: Partial<Record<keyof Kdf, unknown>>[] = [
    { memory_kib: 19_455 },
    { memory_kib: 1_048_577 },
    { iterations: 1 },
    { iterations: 17 },
    { iterations: 2.5 },
    { memory_kib: "65536" },
    { parallelism: 0 },
    { algorithm: "pbkdf2" },
    { salt: toBase64(new Uint8Array(15)) },
    { salt: toBase64(new Uint8Array(33)) },
    { salt: "no base64" },
    { salt: undefined },
  ];
  for (const change of refused) assert.throws(() => checkedKdf({ ...KDF, ...change } as Kdf), WeakKdf, JSON.stringify(change));
  assert.throws(() => checkedKdf({ ...KDF, memory_kib: 32_768 }, KDF), WeakKdf);
  assert.throws(() => checkedKdf({ ...KDF, iterations: 2 }, KDF), WeakKdf);
  checkedKdf({ ...KDF, memory_kib: 131_072 }, KDF);
});

test("a recovery phrase is 24 words, however they are typed, and a wrong word is noticed", async () => {
  assert.equal(newPhrase().split(" ").length, 24);
  const phrase = `${"abandon ".repeat(23)}art`; // BIP-39's vector of 256 bits of zero
  const envelope = await sealEnvelope(await MasterKey.make(), "recovery", "main", await keyOfPhrase(phrase));
  await openEnvelope(envelope, await keyOfPhrase(`  ${phrase.toUpperCase().replaceAll(" ", ",\n ")}. `));
  for (const wrong of [phrase.replace("art", "abandon"), "abandon ".repeat(11) + "about", "", "six geese"]) {
    await assert.rejects(keyOfPhrase(wrong), NotAPhrase);
  }
});

test("an approval opens on the device that asked, for the request it is of", async () => {
  const [asking, other] = [await newExchangeKeys(), await newExchangeKeys()];
  const master = await MasterKey.make();
  const { blob, confirmation } = await sealFor(asking.publicKey, "r1", master);

  const opened = await openFrom(blob, "r1", asking);
  assert.deepEqual([opened.master.id, opened.confirmation], [master.id, confirmation]);
  await assert.rejects(openFrom(blob, "r2", asking), CannotOpen);
  await assert.rejects(openFrom(blob, "r1", other), CannotOpen);
  await assert.rejects(openFrom(new Uint8Array(200), "r1", asking), CannotOpen);

  // A server that answers in the other device's place: it opens, and the confirmations differ.
  const forged = await openFrom((await sealFor(asking.publicKey, "r1", await MasterKey.make())).blob, "r1", asking);
  assert.notEqual(forged.confirmation, confirmation);
  assert.match(await fingerprintOf(asking.publicKey), /^[0-9a-f]{20}$/);
});

test("a password has eight characters, counted as people see them", () => {
  checkPassword("12345678");
  assert.throws(() => checkPassword("1234567"), WeakPassword);
  assert.throws(() => checkPassword("👍👍👍👍"), WeakPassword);
});
