import { ok } from "../api.js";
import { AdiuvaProblem, UnexpectedResponse } from "../problem.js";
import { AdiuvaTimeoutError } from "../timeouts.js";
import type { Run } from "./run.js";

/** So many records in a row are not answered for what they are. */
export const MOST_SILENT = 6;

/** A transfer broke off, was late, or came no further than a proxy. The renewal of the tokens says nothing of what was to follow it. */
export function isBroken(error: unknown): error is Error {
  if (error instanceof AdiuvaTimeoutError) return !error.where.endsWith("/auth/refresh");
  return error instanceof TypeError || error instanceof UnexpectedResponse; // what `fetch` and its bodies throw is a TypeError
}

/** Gives back what has ended one transfer where the server still answers something small; where it does not, throws it. */
export async function unlessAway(run: Run, error: unknown): Promise<Error> {
  run.signal.throwIfAborted();
  if (!isBroken(error) || !(await isThere(run))) throw error;
  return error;
}

async function isThere({ api, pace, signal }: Run): Promise<boolean> {
  try {
    await pace.turn(() => ok(api.GET("/api/v1/health", { signal })), signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof AdiuvaProblem || (error instanceof UnexpectedResponse && error.status < 502); // else a proxy has nobody behind it
  }
}
