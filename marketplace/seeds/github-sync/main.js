// GitHub Sync: issues become tasks, and a task that is done closes its issue.

import { GitHub } from "./github.js";

const EVERY_MINUTES = 10;

export async function activate(adiuva) {
  const github = new GitHub(await adiuva.settings.secret("token"));
  const repositories = (await adiuva.settings.get("repositories")) ?? [];
  adiuva.schedule(EVERY_MINUTES, () => pull(adiuva, github, repositories));
  adiuva.tasks.onChange((task) => push(github, task));
  await pull(adiuva, github, repositories);
}

async function pull(adiuva, github, repositories) {
  for (const repository of repositories) {
    const project = await projectOf(adiuva, repository);
    const known = new Map((await adiuva.tasks.list({ project_id: project.id })).map((task) => [task.external_id, task]));
    for (const issue of await github.issues(repository)) {
      const fields = {
        title: issue.title,
        status: issue.state === "closed" ? "done" : "todo",
        external_id: `${repository}#${issue.number}`,
        project_id: project.id,
      };
      const task = known.get(fields.external_id);
      if (task === undefined) {
        await adiuva.tasks.create(fields);
      } else if (task.title !== fields.title || (fields.status === "done" && task.status !== "done")) {
        await adiuva.tasks.update(task.id, fields);
      }
    }
  }
}

async function push(github, task) {
  const [repository, number] = (task.external_id ?? "").split("#");
  if (number !== undefined && task.status === "done") {
    await github.close(repository, Number(number));
  }
}

async function projectOf(adiuva, repository) {
  const projects = await adiuva.projects.list();
  return projects.find((project) => project.name === repository) ?? adiuva.projects.create({ name: repository });
}
