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

/** `redirectUri`: where the app listens, `http://127.0.0.1:PORT/…`, `http://[::1]:PORT/…` or `adiuva://…`. */
export async function beginHandOff(page: string, redirectUri: string): Promise<HandOff> {
  const verifier = base64url(randomBytes(32));
  const state = base64url(randomBytes(16));
  const digest = await crypto.subtle.digest("SHA-256", utf8(verifier));
  const query = new URLSearchParams({
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
    redirect_uri: redirectUri,
    state,
  });
  return { url: `${page}?${query}`, state, verifier };
}

/** The code in the address that the browser came back to. Throws `HandOffFailed`. */
export function codeFrom(returned: string | URL, { state }: HandOff): string {
  const { searchParams } = new URL(returned);
  if (searchParams.get("state") !== state) throw new HandOffFailed("the state is another one");
  const code = searchParams.get("code");
  if (code === null) throw new HandOffFailed(searchParams.get("error") ?? "there is no code");
  return code;
}
