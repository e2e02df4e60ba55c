// Vectors that the server can compare and cannot read. The embedding is a toy (a bag of hashed words) where an app
// would run a local model. The disguise keeps distances: every axis is moved and perhaps turned around, by a secret.
import type { MasterKey } from "../src/index.js";
import { utf8 } from "../src/keys/bytes.js";

const DIMENSION = 256;

export class Meaning {
  #disguise: Promise<{ axis: number; sign: number }[]> | undefined;

  constructor(private readonly master: MasterKey) {}

  async vector(text: string): Promise<number[]> {
    const plain = new Array<number>(DIMENSION).fill(0);
    for (const word of text.toLowerCase().match(/\p{L}{4,}/gu) ?? []) {
      const [axis = 0] = new Uint32Array(await crypto.subtle.digest("SHA-256", utf8(word)));
      plain[axis % DIMENSION]! += 1;
    }
    const disguise = await (this.#disguise ??= this.#make());
    return disguise.map(({ axis, sign }) => sign * plain[axis]!);
  }

  async #make(): Promise<{ axis: number; sign: number }[]> {
    const secret = await this.master.derive("meaning");
    const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-512" }, false, ["sign"]);
    const drawn = await Promise.all(
      Array.from({ length: DIMENSION }, async (_, axis) => {
        const [place = 0, turn = 0] = new Uint32Array(await crypto.subtle.sign("HMAC", key, utf8(`axis ${axis}`)));
        return { axis, place, sign: turn % 2 === 0 ? 1 : -1 };
      }),
    );
    return drawn.sort((one, other) => one.place - other.place);
  }
}
