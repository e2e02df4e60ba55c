import type { LoggedIn } from "../accounts/authentication.js";
import { answerIn, beginHandOff, type HandOff } from "../accounts/handoff.js";
import type { Json } from "../accounts/json.js";
import type { Session } from "../session.js";
import { Loopback, PAGES, type LoopbackPage, type PageLanguage } from "./loopback.js";
import { SignInError } from "./sign_in_error.js";

/** Whose provider is asked: an organisation's by its id, or the one that an address belongs to. */
export type SignOnTarget = { organization: string } | { email: string };

/** What an address's domain says; of accounts it says nothing. */
export interface SignOnDiscovery {
  /** Whether its organisation has a provider. */
  sso: boolean;
  /** Whether members log in there, and nowhere else. */
  enforced: boolean;
  start_url: string | null;
}

export interface SignInOptions {
  /** Opens the system's browser: in Electron `shell.openExternal`. It is given http and https addresses only. */
  openBrowser: (url: string) => unknown;
  /** Milliseconds until the user must be back; ten minutes, as the server has it, unless given. */
  timeout?: number;
  signal?: AbortSignal;
  /** Of the page in the browser; English unless given. */
  locale?: PageLanguage;
  /** Texts instead of those. */
  page?: LoopbackPage;
}

/** A sign-in that the browser has gone off with. */
export interface PendingSignOn<Result> {
  /** To be opened in the system's browser. */
  url: string;
  /**
   * With the address that the browser came back to. Throws `SignInError`; after `wrong_answer` the right one may still come,
   * since any page can call an app by its scheme. Else as `client.signInWith`.
   */
  finish(returned: string | URL): Promise<Result>;
}

/** The one-time code of a sign-in, and what makes it worth something. */
export interface Grant {
  code: string;
  code_verifier: string;
}

type Redeem<Result> = (grant: Grant, signal?: AbortSignal) => Promise<Result>;

const TEN_MINUTES = 600_000;
const APP_ADDRESS = "adiuva://sso";
/** What the server says of a flow (docs/api.md § 16); any other word is its fault. */
const REFUSALS = ["access_denied", "server_error", "temporarily_unavailable"] as const;

/** Sign-on at an organisation's provider, in the system's browser (RFC 8252, PKCE). */
export class SignOn {
  constructor(
    private readonly url: string,
    private readonly json: Json,
    private readonly session: Session,
    private readonly logIn: Redeem<LoggedIn>,
  ) {}

  discover(email: string, signal?: AbortSignal): Promise<SignOnDiscovery> {
    return this.json.post("auth/sso/discover", { email }, { signal, isRepeatable: true });
  }

  signIn(target: SignOnTarget, options: SignInOptions): Promise<LoggedIn> {
    return this.#inBrowser(target, this.logIn, options);
  }

  /** For the account whose session this is; it may not have become another's meanwhile. */
  link(target: SignOnTarget, options: SignInOptions): Promise<void> {
    return this.#inBrowser(target, this.#linking(), options);
  }

  beginSignIn(target: SignOnTarget, redirectUri?: string): Promise<PendingSignOn<LoggedIn>> {
    return this.#begin(target, this.logIn, redirectUri);
  }

  beginLink(target: SignOnTarget, redirectUri?: string): Promise<PendingSignOn<void>> {
    return this.#begin(target, this.#linking(), redirectUri);
  }

  #linking(): Redeem<void> {
    const { signal: session } = this.session;
    return async (grant, signal) => {
      session.throwIfAborted();
      await this.json.post("auth/sso/link", grant, { signal });
    };
  }

  async #inBrowser<Result>(target: SignOnTarget, redeem: Redeem<Result>, options: SignInOptions): Promise<Result> {
    const { signal, locale = "en", page = PAGES[locale] } = options;
    signal?.throwIfAborted();
    const loopback = await Loopback.open(page, locale);
    try {
      const handOff = await beginHandOff(await this.#startUrl(target, signal), loopback.address);
      const answer = loopback.next((url) => answerIn(url, handOff) !== undefined);
      const returned = await within(options, Promise.race([answer, open(handOff.url, options).then(() => answer)]));
      return await redeem(grantOf(returned, loopback.address, handOff), signal);
    } finally {
      loopback.close();
    }
  }

  async #begin<Result>(target: SignOnTarget, redeem: Redeem<Result>, redirectUri = APP_ADDRESS): Promise<PendingSignOn<Result>> {
    const handOff = await beginHandOff(await this.#startUrl(target), redirectUri);
    let isOver = false;
    const finish = async (returned: string | URL): Promise<Result> => {
      if (isOver) throw new SignInError("wrong_answer", "This sign-in has had its answer.");
      try {
        const grant = grantOf(returned, redirectUri, handOff);
        isOver = true;
        return await redeem(grant);
      } catch (error) {
        isOver ||= !(error instanceof SignInError && error.code === "wrong_answer");
        throw error;
      }
    };
    return { url: handOff.url, finish };
  }

  async #startUrl(target: SignOnTarget, signal?: AbortSignal): Promise<string> {
    if ("organization" in target) return this.#checked(`${this.url}/api/v1/auth/sso/start?organization=${encodeURIComponent(target.organization)}`);
    const { sso, start_url: start } = await this.discover(target.email, signal);
    if (!sso || start === null) throw new SignInError("no_sign_on", "The address belongs to no organisation with sign-on.");
    return this.#checked(start);
  }

  /** What the system does with any other scheme is not for a server to choose; nor does one with TLS lead to one without. */
  #checked(start: string): string {
    const schemes = this.url.startsWith("https:") ? ["https:"] : ["http:", "https:"];
    if (URL.canParse(start) && schemes.includes(new URL(start).protocol)) return start;
    throw new SignInError("cannot_open", "The server names an address that is not the web's.");
  }
}

/** The browser may be open before `openBrowser` says so, or after the answer has come. */
async function open(url: string, { openBrowser }: SignInOptions): Promise<void> {
  try {
    await openBrowser(url);
  } catch (cause) {
    throw new SignInError("cannot_open", "The system's browser cannot be opened.", { cause });
  }
}

async function within<Value>({ timeout = TEN_MINUTES, signal }: SignInOptions, answer: Promise<Value>): Promise<Value> {
  let end = (): void => {};
  const over = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new SignInError("timeout", "Nobody came back from the browser in time.")), timeout);
    const abort = (): void => reject(signal?.reason as Error);
    signal?.addEventListener("abort", abort, { once: true });
    end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    if (signal?.aborted === true) abort();
  });
  try {
    return await Promise.race([answer, over]);
  } finally {
    end();
  }
}

/** Throws `SignInError`. */
function grantOf(returned: string | URL, redirectUri: string, handOff: HandOff): Grant {
  const answer = URL.canParse(String(returned)) && placeOf(returned) === placeOf(redirectUri) ? answerIn(new URL(returned), handOff) : undefined;
  if (answer === undefined) throw new SignInError("wrong_answer", "This is not the answer to this sign-in.");
  if ("code" in answer) return { code: answer.code, code_verifier: handOff.verifier };
  const code = REFUSALS.find((one) => one === answer.error) ?? "server_error";
  throw new SignInError(code, `No sign-in came of it: ${code}.`);
}

/** Systems hand `adiuva://sso?…` on as `adiuva://sso/?…`, too. */
function placeOf(address: string | URL): string {
  const { protocol, host, pathname } = new URL(address);
  return `${protocol}//${host}${pathname.replace(/\/$/, "")}`;
}
