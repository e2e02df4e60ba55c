import { base64url, randomBytes, utf8 } from "../keys/bytes.js";

/** A login in the system's browser that comes back to the app (RFC 7636, RFC 8252). Keep it until it does. */
export interface HandOff {
  /** To be opened in the system's browser. */
  url: string;
  state: string;
  verifier: string;
}

/** What came back has another `state`, no code, or an error: it is not the answer to this login. */
export class HandOffFailed extends Error {
  override readonly name = "HandOffFailed";

  constructor(readonly reason: string) {
    super(`The browser came back without a login: ${reason}.`);
  }
}

/** `redirectUri`: where the app listens, `http://127.0.0.1:PORT/…`, `http://[::1]:PORT/…` or `adiuva://…`. `page` may have a query of its own. */
export async function beginHandOff(page: string, redirectUri: string): Promise<HandOff> {
  const verifier = base64url(randomBytes(32)); // 43 characters
  const state = base64url(randomBytes(16));
  const digest = await crypto.subtle.digest("SHA-256", utf8(verifier));
  const url = new URL(page);
  url.searchParams.set("code_challenge", base64url(new Uint8Array(digest)));
  url.searchParams.set("code_challenge_method", "S256");
  url.searchParams.set("redirect_uri", redirectUri);
  url.searchParams.set("state", state);
  return { url: url.href, state, verifier };
}

/** The code in the address that the browser came back to. Throws `HandOffFailed`. */
export function codeFrom(returned: string | URL, { state }: HandOff): string {
  const { searchParams } = new URL(returned);
  if (!isSame(searchParams.get("state"), state)) throw new HandOffFailed("the state is another one");
  const code = searchParams.get("code");
  if (code === null) throw new HandOffFailed(searchParams.get("error") ?? "there is no code");
  return code;
}

/** A code or an error, each once, for this `state`; `undefined`: not the answer to this login, whoever sent it. */
export function answerIn(returned: URL, { state }: HandOff): { code: string } | { error: string } | undefined {
  const [given, ...others] = returned.searchParams.getAll("state");
  if (others.length > 0 || !isSame(given, state)) return undefined;
  const codes = returned.searchParams.getAll("code").map((code) => ({ code }));
  const errors = returned.searchParams.getAll("error").map((error) => ({ error }));
  const [answer, ...more] = [...codes, ...errors];
  return more.length > 0 ? undefined : answer;
}

/** In a time that does not tell how much of it is right: on a loopback address any program of the computer may try. */
function isSame(given: string | null | undefined, expected: string): boolean {
  if (given?.length !== expected.length) return false;
  let difference = 0;
  for (let index = 0; index < expected.length; index += 1) difference |= given.charCodeAt(index) ^ expected.charCodeAt(index);
  return difference === 0;
}
