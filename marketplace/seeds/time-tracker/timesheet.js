// A Markdown table of the last seven days: minutes by project and task.

const MINUTE = 60_000;
const WEEK = 7 * 24 * 60 * MINUTE;

export function timesheet(clocks, tasks, projects, now) {
  const names = new Map(projects.map((project) => [project.id, project.name]));
  const rows = tasks
    .map((task) => ({ task, minutes: minutesOf(clocks[task.id], now) }))
    .filter(({ minutes }) => minutes > 0)
    .map(({ task, minutes }) => `| ${cell(names.get(task.project_id) ?? "–")} | ${cell(task.title)} | ${minutes} |`);
  return ["| Project | Task | Minutes |", "|---|---|---:|", ...rows.sort()].join("\n");
}

function minutesOf(clock, now) {
  const spans = clock?.spans.filter(([, end]) => end > now - WEEK) ?? [];
  return Math.round(spans.reduce((sum, [start, end]) => sum + end - start, 0) / MINUTE);
}

function cell(text) {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
