import { sealEnvelope, type EnvelopeInput } from "./envelopes.js";
import type { MasterKey } from "./master.js";
import { keyOfPhrase, newPhrase } from "./phrase.js";

/**
 * A recovery phrase whose envelope is on its way. Until it is known to be there, nobody has been shown the phrase, though the
 * server may have taken it: so each further attempt sends the same.
 */
export interface UnseenPhrase {
  phrase: string;
  envelope: EnvelopeInput;
  master: MasterKey;
  /** Whose first key it is, where it is one. Then nothing else opens it, and nothing has been sealed with it. */
  firstOf?: string;
}

export async function unseenPhrase(master: MasterKey, firstOf?: string): Promise<UnseenPhrase> {
  const phrase = newPhrase();
  const envelope = await sealEnvelope(master, "recovery", "main", await keyOfPhrase(phrase));
  return { phrase, envelope, master, ...(firstOf === undefined ? {} : { firstOf }) };
}
