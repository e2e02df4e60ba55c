import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { aesKey, hkdf, randomBytes } from "./bytes.js";
import type { CauseOptions } from "../problem.js";

/** A word is mistyped, missing, or not of the list: the phrase's own checksum says so, and no server is asked. */
export class NotAPhrase extends Error {
  override readonly name = "NotAPhrase";

  constructor(options?: CauseOptions) {
    super("A recovery phrase is the 24 words that were shown, in their order.", options);
  }
}

/** 24 English words (BIP-39): 256 random bits and a checksum. */
export function newPhrase(): string {
  return entropyToMnemonic(randomBytes(32), wordlist);
}

/** The key that the phrase's envelope is sealed with. Its entropy is whole, so nothing slow is needed. Throws `NotAPhrase`. */
export async function keyOfPhrase(phrase: string): Promise<CryptoKey> {
  let entropy: Uint8Array;
  try {
    entropy = mnemonicToEntropy((phrase.toLowerCase().match(/[a-z]+/g) ?? []).join(" "), wordlist);
  } catch (cause) {
    throw new NotAPhrase({ cause });
  }
  if (entropy.length !== 32) throw new NotAPhrase();
  return aesKey(await hkdf(entropy, "adiuva/1/recovery"));
}
