import { createAdiuvaClient, MemoryTokens, type AdiuvaClient, type ClientOptions, type TokenStore } from "../src/index.js";

/** A server with demo data: `make run`. */
export const baseUrl = process.env["ADIUVA_URL"] ?? "http://localhost:8000";
export const DEMO_PASSWORD = "adiuva-demo-1";
/** Demo accounts have no derivation; nor have these tests, most of which are about something else. */
export const PLAIN = { plain: true };

export const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;

export function aStranger(): { email: string; password: string } {
  return { email: `${crypto.randomUUID()}@example.com`, password: "a long sentence is best" };
}

export async function demo(tier: "pro" | "power" | "team", options: Partial<ClientOptions> = {}): Promise<AdiuvaClient> {
  const client = createAdiuvaClient({ baseUrl, ...options });
  await client.login({ email: `demo-${tier}@example.com`, password: DEMO_PASSWORD }, PLAIN);
  return client;
}

/** `fetch`, with a list of what was asked for; `instead` may answer in its place. */
export function watched(instead: (request: Request, count: number) => Response | undefined = () => undefined) {
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const line = `${request.method} ${new URL(request.url).pathname}`;
    asked.push(line);
    const count = asked.filter((one) => one === line).length;
    return instead(request, count) ?? globalThis.fetch(request);
  };
  return { asked, fetch };
}

/** As after half an hour: the access token is not accepted any more. */
export async function spoilAccess(tokens: TokenStore): Promise<void> {
  const kept = await tokens.load();
  if (kept === undefined) throw new Error("nobody is logged in");
  await tokens.save({ ...kept, access_token: `${kept.access_token.slice(0, -4)}AAAA` });
}

export { MemoryTokens };
