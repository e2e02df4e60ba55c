const MOST_HOPS = 10;

interface Cookie {
  value: string;
  path: string;
}

/** Follows redirects and keeps cookies, each for its host and path, as far as a sign-in needs that. */
export class Browser {
  readonly #cookies = new Map<string, Map<string, Cookie>>();

  /** The page at the end. */
  async open(address: string): Promise<Response> {
    let url = new URL(address);
    for (let hops = 0; hops < MOST_HOPS; hops += 1) {
      const response = await fetch(url, { redirect: "manual", headers: { Cookie: this.#cookiesFor(url) } });
      this.#keep(url, response);
      const next = response.headers.get("Location");
      if (next === null) return response;
      url = new URL(next, url);
    }
    throw new Error(`no end of redirects at ${url.origin}${url.pathname}`);
  }

  #cookiesFor({ host, pathname }: URL): string {
    const cookies = [...(this.#cookies.get(host) ?? [])].filter(([, { path }]) => pathname.startsWith(path));
    return cookies.map(([name, { value }]) => `${name}=${value}`).join("; ");
  }

  #keep({ host }: URL, { headers }: Response): void {
    const jar = this.#cookies.get(host) ?? new Map<string, Cookie>();
    this.#cookies.set(host, jar);
    for (const line of headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(/;\s*/);
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      const path = attributes.find((one) => /^path=/i.test(one))?.slice("path=".length) ?? "/";
      if (attributes.some((one) => /^max-age=0$/i.test(one))) jar.delete(name);
      else jar.set(name, { value, path });
    }
  }
}
