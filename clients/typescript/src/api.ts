import type { Client } from "openapi-fetch";
import type { paths } from "./schema.js";

/** Every JSON route, typed by openapi.json. Errors are thrown (`AdiuvaProblem`), so `data` is there. */
export type Api = Client<paths>;

/** The body of an answer: `const me = await ok(client.api.GET("/api/v1/auth/me"))`. */
export async function ok<Data>(answer: Promise<{ data?: Data }>): Promise<NonNullable<Data>> {
  return (await answer).data as NonNullable<Data>;
}
