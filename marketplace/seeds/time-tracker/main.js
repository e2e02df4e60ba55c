// Time Tracker: a clock runs while a task is in progress.

import { timesheet } from "./timesheet.js";

const CLOCKS = "clocks";

export async function activate(adiuva) {
  adiuva.tasks.onChange((task, before) => tick(adiuva.store, task, before));
  adiuva.command("Write this week's timesheet", () => write(adiuva));
}

async function tick(store, task, before) {
  const clocks = (await store.get(CLOCKS)) ?? {};
  const clock = clocks[task.id] ?? { started: null, spans: [] };
  const runs = task.status === "in_progress";
  if (runs && before?.status !== "in_progress") {
    clock.started = Date.now();
  } else if (!runs && clock.started !== null) {
    clock.spans.push([clock.started, Date.now()]);
    clock.started = null;
  }
  clocks[task.id] = clock;
  await store.set(CLOCKS, clocks);
}

async function write(adiuva) {
  const clocks = (await adiuva.store.get(CLOCKS)) ?? {};
  const tasks = await adiuva.tasks.list();
  const projects = await adiuva.projects.list();
  await adiuva.notes.create({ title: "Timesheet", content: timesheet(clocks, tasks, projects, Date.now()) });
}
