// Slack Notifier: what happens to tasks and checkpoints, told to one channel.

import { digest, doneTask, reachedCheckpoint } from "./messages.js";

const DIGEST_AT = "08:00";

export async function activate(adiuva) {
  const webhook = await adiuva.settings.secret("webhook");
  const tell = (text) => (text === null ? undefined : post(webhook, text));
  adiuva.tasks.onChange((task, before) => tell(doneTask(task, before)));
  adiuva.checkpoints.onChange((checkpoint, before) => tell(reachedCheckpoint(checkpoint, before)));
  adiuva.daily(DIGEST_AT, async () => tell(digest(await adiuva.tasks.list({ due: "today" }))));
}

async function post(webhook, text) {
  const response = await fetch(webhook, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ text }),
  });
  if (!response.ok) {
    throw new Error(`Slack answered ${response.status}`);
  }
}
