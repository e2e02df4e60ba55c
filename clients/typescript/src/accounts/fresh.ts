import { isProblem } from "../problem.js";

/**
 * Does `work`; if the session is not fresh enough for it (`reauthentication_required`), `reauthenticate` asks the user and
 * calls `client.reauthenticate`, and `work` is done once more. It was refused before, so that is no second time.
 */
export async function whileFresh<Value>(work: () => Promise<Value>, reauthenticate: () => Promise<void>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (!isProblem(error, "reauthentication_required")) throw error;
  }
  await reauthenticate();
  return work();
}
