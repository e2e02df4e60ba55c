import type { Api } from "./client.js";
import { isProblem } from "./problem.js";
import type { Change } from "./types.js";

/**
 * `page`: apply `changes`, then keep `next` for the next time. `resync`: the feed starts again from 0, because deletions
 * since `since` are no longer known; when it has ended, drop the local records that did not come.
 */
export type FeedEvent = { type: "page"; changes: Change[]; next: number } | { type: "resync" };

/** What has changed since; ends when there is no more. */
export async function* changes(
  api: Api,
  options: { since?: number; limit?: number; signal?: AbortSignal } = {},
): AsyncGenerator<FeedEvent, void, undefined> {
  const { limit = 200, signal } = options;
  let since = options.since ?? 0;
  for (;;) {
    const page = await read(api, since, limit, signal);
    if (page === "resync") {
      since = 0;
      yield { type: "resync" };
      continue;
    }
    if (page.changes.length > 0 || page.next !== since) yield { type: "page", changes: page.changes, next: page.next };
    if (!page.has_more) return;
    since = page.next;
  }
}

async function read(api: Api, since: number, limit: number, signal: AbortSignal | undefined) {
  try {
    const { data } = await api.GET("/api/v1/storage/changes", {
      params: { query: { since, limit } },
      ...(signal === undefined ? {} : { signal }),
    });
    return data as NonNullable<typeof data>;
  } catch (error) {
    if (since !== 0 && isProblem(error, "resync_required")) return "resync";
    throw error;
  }
}
