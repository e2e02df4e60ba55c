// What is said, and when nothing is (null). Slack reads &, < and > as markup.

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

export function doneTask(task, before) {
  return task.status === "done" && before?.status !== "done" ? `:white_check_mark: ${escaped(task.title)}` : null;
}

export function reachedCheckpoint(checkpoint, before) {
  return checkpoint.is_approved && !before?.is_approved ? `:checkered_flag: ${escaped(checkpoint.title)}` : null;
}

export function digest(tasks) {
  const open = tasks.filter((task) => task.status !== "done");
  return open.length === 0 ? null : ["Due today:", ...open.map((task) => `• ${escaped(task.title)}`)].join("\n");
}
