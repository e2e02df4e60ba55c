import type { Change } from "../types.js";
import type { Resync } from "./feed.js";
import { DELETION, isUnsent, type LocalRecord, type ResyncRule } from "./store.js";

/**
 * `rebase`: the bytes here stay, as a change to the server's state; where they differ from it they are sent. `take`: they
 * become the server's. `forget`: the record goes from this device. `ask`: both have changed, and the app decides.
 */
export type Step = "nothing" | "rebase" | "take" | "forget" | "ask";

/** What a change in the feed means for the record here; `resync` while the feed is read again from its beginning. */
export function stepFor(here: LocalRecord | undefined, change: Change, resync?: ResyncRule): Step {
  if (change.op === "delete") return here === undefined ? "nothing" : stepForDeletion(here, change, resync);
  if (here === undefined) return "take";
  const { base, checksum } = here;
  if (base?.etag === change.etag) return "nothing";
  // The same bytes under another revision, here or where they come from: an answer that was lost, or a restored service.
  if (change.checksum === checksum || change.checksum === base?.checksum) return "rebase";
  // Sent from here: what is here now was written after it.
  if (change.checksum === here.offered) return "rebase";
  if (resync?.reason === "restored" && base !== null) {
    if (change.revision < base.revision) return "rebase";
    // Revisions given since a restore are above all given before. So this one may have been made in ignorance of what is
    // here, unless the device knows as high a one from before.
    if (change.revision === base.revision || change.revision > resync.known) return "ask";
  }
  return isUnsent(here) ? "ask" : "take";
}

/** What it means that a feed, read from its beginning to its end, has not told of the record here. */
export function stepForAbsent(here: LocalRecord, resync: Resync): Step {
  if (here.base === null || resync === "pruned") return stepForGone(here);
  return stepForLost(here);
}

function stepForDeletion(here: LocalRecord, { revision }: Change, resync: ResyncRule | undefined): Step {
  // Deleted, made anew, and lost: what is here is the later of the two.
  const isLater = resync?.reason === "restored" && here.base !== null && revision < here.base.revision;
  return isLater ? stepForLost(here) : stepForGone(here);
}

function stepForLost(here: LocalRecord): Step {
  return here.checksum === null ? "forget" : "rebase";
}

function stepForGone(here: LocalRecord): Step {
  if (here.base === null) return "nothing"; // made here: its time to be sent is yet to come
  if (here.checksum === null) return "forget";
  if (isUnsent(here)) return here.offered === DELETION ? "rebase" : "ask"; // deleted from here, and then written anew
  // A deletion that was taken back: whether it was this one nobody knows.
  return here.offered === DELETION ? "ask" : "forget";
}
