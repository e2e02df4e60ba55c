import { decodeFirst, encode } from "cborg";

/** RFC 8742: CBOR items one behind the other. Binary bytes cost what they are, and nothing is held but the item that comes. */
export const CBOR_SEQUENCE = "application/cbor-seq";

export type Item = Record<string, unknown>;

export function encodeSequence(items: Iterable<Item>): Uint8Array<ArrayBuffer> {
  const parts = Array.from(items, (item) => encode(item));
  const whole = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Each item as soon as it is there. Throws what ended the stream, or `TypeError`, as `fetch` does, where it ends within an item. */
export async function* decodeSequence(stream: ReadableStream<Uint8Array>): AsyncGenerator<Item> {
  let rest: Uint8Array = new Uint8Array();
  let waiting: Uint8Array[] = [];
  let size = 0;
  // An item that is not there as a whole is tried again when there is twice as much of it: no byte is looked at often.
  let enough = 1;
  for await (const chunk of chunksOf(stream)) {
    waiting.push(chunk);
    size += chunk.length;
    if (size < enough) continue;
    rest = joined(rest, waiting);
    waiting = [];
    for (let item = first(rest); item !== undefined; item = first(rest)) {
      rest = item[1];
      yield item[0];
    }
    size = rest.length;
    enough = 2 * size;
  }
  rest = joined(rest, waiting);
  while (rest.length > 0) {
    const item = first(rest);
    if (item === undefined) throw new TypeError("The answer ends within an item.");
    rest = item[1];
    yield item[0];
  }
}

/** The first item and what is behind it; `undefined` where it is not there as a whole. */
function first(bytes: Uint8Array): [Item, Uint8Array] | undefined {
  if (bytes.length === 0) return undefined;
  try {
    return decodeFirst(bytes) as [Item, Uint8Array];
  } catch {
    return undefined; // what can never be read is noticed at the end
  }
}

function joined(rest: Uint8Array, chunks: Uint8Array[]): Uint8Array {
  if (rest.length === 0 && chunks.length === 1) return chunks[0] as Uint8Array;
  const whole = new Uint8Array(chunks.reduce((total, { length }) => total + length, rest.length));
  whole.set(rest);
  let at = rest.length;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Not every browser's streams can be iterated. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
