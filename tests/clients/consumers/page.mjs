import { tell } from "./story.mjs";

/** The story as the page's text. */
export async function show(client) {
  const api = new URL(location.href).searchParams.get("api");
  document.body.textContent = await tell(client, api).catch((error) => `${error.stack}`);
}
