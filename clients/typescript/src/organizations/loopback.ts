import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { nodeHttp } from "../node.js";
import { SignInError } from "./sign_in_error.js";

/** What the browser shows once the app has its answer. Plain text. */
export interface LoopbackPage {
  title: string;
  /** The provider has answered: how it ended is shown by the app. */
  done: string;
  /** It has refused, or could not. */
  failed: string;
}

export type PageLanguage = keyof typeof PAGES;

export const PAGES = {
  en: {
    title: "Adiuva",
    done: "You can close this window and go back to Adiuva.",
    failed: "You are not signed in. You can close this window and try again in Adiuva.",
  },
  de: {
    title: "Adiuva",
    done: "Sie können dieses Fenster schließen und zu Adiuva zurückkehren.",
    failed: "Sie sind nicht angemeldet. Sie können dieses Fenster schließen und es in Adiuva noch einmal versuchen.",
  },
  it: {
    title: "Adiuva",
    done: "Può chiudere questa finestra e tornare ad Adiuva.",
    failed: "L’accesso non è riuscito. Può chiudere questa finestra e riprovare in Adiuva.",
  },
} satisfies Record<string, LoopbackPage>;

const HOST = "127.0.0.1"; // no "localhost": what it resolves to is not ours to say (RFC 8252 § 8.3)
const PATH = "/signed-in";
/** For a browser that is slow to read the page; then it is cut off. */
const LINGER_MS = 1000;

const HEADERS = {
  "Cache-Control": "no-store",
  Connection: "close",
  "Content-Security-Policy": "default-src 'none'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** Listens for one answer of the system's browser (RFC 8252 § 7.3), on a port of the system's choice. */
export class Loopback {
  #isAnswer: ((url: URL) => boolean) | undefined;
  #arrived: (url: URL) => void = () => {};
  readonly #origin: string;
  readonly #answer = new Promise<URL>((resolve) => (this.#arrived = resolve));

  private constructor(
    private readonly server: Server,
    private readonly page: LoopbackPage,
    private readonly language: string,
  ) {
    this.#origin = `http://${HOST}:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => this.#respond(request, response));
  }

  /** Throws `SignInError` `cannot_listen`: in a renderer, or where the system does not let it. */
  static async open(page: LoopbackPage, language: string): Promise<Loopback> {
    try {
      const { createServer } = await nodeHttp();
      const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 5000 });
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host: HOST, port: 0, exclusive: true }, () => {
          server.off("error", reject);
          resolve();
        });
      });
      return new Loopback(server, page, language);
    } catch (cause) {
      const why = "Nothing can listen on 127.0.0.1 here. In Electron this is for the main process; `beginSignIn` needs no listener.";
      throw new SignInError("cannot_listen", why, { cause });
    }
  }

  get address(): string {
    return `${this.#origin}${PATH}`;
  }

  /** The first request that `isAnswer`. Whatever else is asked for changes nothing. */
  next(isAnswer: (url: URL) => boolean): Promise<URL> {
    this.#isAnswer = isAnswer;
    return this.#answer;
  }

  /** From now on nobody listens on that port. */
  close(): void {
    this.#isAnswer = undefined;
    this.server.close();
    this.server.closeIdleConnections();
    setTimeout(() => this.server.closeAllConnections(), LINGER_MS).unref();
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    response.on("error", () => {}); // the browser is gone: nobody is left to be told
    // A page in the browser may reach this port under a name of its own (DNS rebinding): the name gives it away.
    if (request.headers.host !== new URL(this.#origin).host) return refuse(response, 400);
    const url = asked(this.#origin, request.url ?? "");
    if (url === undefined) return refuse(response, 400);
    if (request.method !== "GET" || url.pathname !== PATH) return refuse(response, 404);
    if (this.#isAnswer?.(url) !== true) return refuse(response, 400);
    this.#isAnswer = undefined;
    this.server.close();
    response.writeHead(200, { ...HEADERS, "Content-Type": "text/html; charset=utf-8" });
    response.once("close", () => this.#arrived(url)); // the page first: the app may end its process after that
    response.end(pageOf(this.page, this.language, url.searchParams.has("error")));
  }
}

/** An absolute form (`GET http://elsewhere/`) is for proxies. */
function asked(origin: string, target: string): URL | undefined {
  return target.startsWith("/") && URL.canParse(origin + target) ? new URL(origin + target) : undefined;
}

function refuse(response: ServerResponse, status: 400 | 404): void {
  response.writeHead(status, { ...HEADERS, "Content-Type": "text/plain; charset=utf-8" });
  response.end(status === 404 ? "Not found\n" : "Bad request\n");
}

function pageOf(page: LoopbackPage, language: string, hasFailed: boolean): string {
  const [lang, title, text] = [language, page.title, hasFailed ? page.failed : page.done].map(escaped);
  return `<!doctype html>
<html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,"><title>${title}</title></head>
<body><main><h1>${title}</h1><p>${text}</p></main></body></html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
