import { isProblem } from "../problem.js";

/**
 * Why a feed has to be read again from its beginning. `pruned`: it has forgotten deletions, so what does not come is gone.
 * `restored`: the service went back to a backup, so what does not come is lost there and has to be sent again.
 */
export type Resync = "pruned" | "restored";

export const BEGINNING = "0";

/** The server cannot read the cursor: it is another account's, or the key to it was lost. */
export function isUnknownCursor(error: unknown): boolean {
  return isProblem(error, "validation_error") && error.problem.errors?.["since"] !== undefined;
}

/** `undefined` for any other error. A reason that is not known is taken for the one that deletes nothing. */
export function resyncReason(error: unknown): Resync | undefined {
  if (!isProblem(error, "resync_required")) return undefined;
  return error.problem.reason === "pruned" ? "pruned" : "restored";
}
