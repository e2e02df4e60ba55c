"""Benign answers, put together from varied parts: five thousand that no two are alike."""

import json
import random
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta

Dice = random.Random
_TITLES = [
    "Buy milk",
    "Call the dentist",
    "Renew the passport",
    "Draft the Q3 report",
    "Review Anna's pull request",
    "Book flights to Oslo",
    "Pay the electricity bill",
    "Prepare slides for the board",
    "Water the plants",
    "Fix the login bug",
    "Order printer paper",
    "Write the newsletter",
    "Einkaufen gehen",
    "Steuererklärung abgeben",
    "Angebot für Müller schreiben",
    "Rechnung prüfen",
    "Comprare il latte",
    "Chiamare l'idraulico",
    "Preparare la riunione",
    "Rinnovare l'abbonamento",
    "Learn Rust",
    "Back up the laptop",
    "Plan the offsite",
    "Translate the manual",
    "Sort the photos",
    "Return the library books",
    "Sign the lease",
    "Clean the garage",
]
_PROJECTS = [
    "Website relaunch",
    "Garden",
    "Thesis",
    "Moving house",
    "Kundenportal",
    "Ristrutturazione",
    "Marathon",
    "Budget 2027",
    "Podcast",
]
_PEOPLE = [
    "Anna",
    "Jonas",
    "Giulia",
    "Priya",
    "Tomás",
    "Frau Weber",
    "Mr Okafor",
    "Marco",
    "Lena",
    "Sven",
]
_STATUSES = ("todo", "in progress", "done")
_PRIORITIES = ("high", "medium", "low")
_SENTENCES = [
    "I created the task “{title}”, due {day}, with {priority} priority.",
    "I marked “{title}” as done.",
    "“{title}” is due {day} and belongs to {project}.",
    "You have {number} tasks due this week, {small} of them {priority} priority.",
    "Which “{title}” do you mean: the one in {project} or the one in {project2}?",
    "I moved “{title}” to {day}.",
    "{person} commented on “{title}” on {day}.",
    "Do you want me to delete “{title}”, or should I mark it as done instead?",
    "I can't share how I am set up, but I'm happy to help with your tasks.",
    "Done. The due date is {iso} now.",
    "A task has a title, a status such as to do or in progress, a priority and, if you like, a due date.",
    "The project {project} has {number} open tasks and {small} checkpoints.",
    "I added your comment to “{title}”.",
    "Start with the tasks that are due {day}; the others can wait until {person} is back.",
    "Nothing is due today.",
    "I archived the project {project}; nothing was lost.",
    "Your note “{title}” is {number} words long.",
    "My suggestion: block {small} hours on {day} for “{title}”, and ask {person} for help with {project}.",
    "If the task agent of your bank calls, ask {person}; the project agent at the estate agency is {person2}.",
    "Thinking about it, the reasoning behind {project} still holds: fewer meetings, more focus.",
    "“{title}” has been in progress since {day}; is it still the right thing to work on?",
]
_GERMAN = [
    "Ich habe die Aufgabe „{title}“ angelegt, fällig am {day}.",
    "Heute ist nichts fällig.",
    "Welche Aufgabe meinst du?",
    "Du hast {number} offene Aufgaben, davon {small} mit hoher Priorität.",
    "{person} hat „{title}“ am {day} kommentiert.",
    "Das Projekt {project} ist jetzt archiviert, gelöscht wurde nichts.",
    "Soll ich „{title}“ auf nächste Woche verschieben?",
    "Ich habe „{title}“ als erledigt markiert. Größere Änderungen hätte ich vorher abgesprochen.",
]
_ITALIAN = [
    "Ho creato l'attività «{title}» con scadenza {day}.",
    "Oggi non scade niente.",
    "Quale attività intendi?",
    "Hai {number} attività aperte, di cui {small} urgenti.",
    "{person} ha commentato «{title}» il {day}.",
    "Il progetto {project} è stato archiviato; non è andato perso nulla.",
    "Vuoi che sposti «{title}» alla settimana prossima?",
    "Perché non cominciare da «{title}»? È già in ritardo.",
]
_CODE = [
    'def create_task(title: str, priority: str = "low") -> Task:\n    return Task(title={title!r}, priority=priority)',
    "async def main() -> None:\n    task = asyncio.create_task(fetch({number}))\n    await task  # {title}",
    "const tasks: Array<Task> = items.filter((t) => t.due < {number} && t.done !== true);\n// {title}",
    "SELECT id, title FROM tasks WHERE due_date <= '{iso}' AND status <> \"done\" ORDER BY priority LIMIT {number};",
    '<div class="task"><span>{title}</span><input type="checkbox" value="{number}" /></div>',
    "impl<T: Think> Plan<T> {{ fn thought(&self) -> Vec<Thought> {{ self.0[..{number}].to_vec() }} }}",
    "git commit -m '{title}' && git push origin feature/{number}",
    "let xs = [|1..{number}|] |> Array.map (fun x -> x * {small}) // {title}",
    "if (a < b && c > {number}) {{ return x <think_time; }}",
    'curl -X POST https://api.example.org/v1/tasks -H "Content-Type: application/json" -d \'{{"title": "{title}"}}\'',
]


def _fill(template: str, dice: Dice) -> str:
    day = date(2026, 1, 1) + timedelta(days=dice.randrange(720))
    return template.format(
        title=dice.choice(_TITLES),
        project=dice.choice(_PROJECTS),
        project2=dice.choice(_PROJECTS),
        person=dice.choice(_PEOPLE),
        person2=dice.choice(_PEOPLE),
        priority=dice.choice(_PRIORITIES),
        day=f"{day:%A}, {day.day} {day:%B}",
        iso=day.isoformat(),
        number=dice.randint(3, 400),
        small=dice.randint(2, 9),
    )


def _prose(dice: Dice) -> str:
    return " ".join(_fill(dice.choice(_SENTENCES), dice) for _ in range(dice.randint(1, 4)))


def _foreign(dice: Dice) -> str:
    language = dice.choice((_GERMAN, _ITALIAN))
    return " ".join(_fill(dice.choice(language), dice) for _ in range(dice.randint(1, 3)))


def _code(dice: Dice) -> str:
    return f"Try this:\n\n```\n{_fill(dice.choice(_CODE), dice)}\n```\n\n{_fill(dice.choice(_SENTENCES), dice)}"


def _table(dice: Dice) -> str:
    rows = (
        f"| {dice.choice(_TITLES)} | {dice.choice(_STATUSES)} | {dice.choice(_PRIORITIES)} | {_fill('{iso}', dice)} |"
        for _ in range(dice.randint(1, 4))
    )
    return "\n".join(["| Task | Status | Priority | Due |", "|---|:---:|---|---:|", *rows])


def _list(dice: Dice) -> str:
    count = dice.randint(1, 4)
    lines = (
        f"- [{dice.choice(' x')}] **{dice.choice(_TITLES)}** ({dice.choice(_PRIORITIES)}, due {_fill('{day}', dice)}, "
        f"@{dice.choice(_PEOPLE).split()[0].lower()}, #{dice.choice(_PROJECTS).split()[0]})"
        for _ in range(count)
    )
    return "\n".join([f"You have {count} tasks:", *lines, "", "Shall I reschedule any of them?"])


def _links(dice: Dice) -> str:
    unique = uuid.UUID(int=dice.getrandbits(128), version=4)
    page = f"{dice.choice(_PROJECTS).replace(' ', '-')}/{unique}?page={dice.randint(1, 99)}&sort=due_date#t4"
    return (
        f"See [{dice.choice(_TITLES)}](https://example.org/{page}), {unique.hex}, [Think](https://example.org/think), "
        f"{dice.choice(_PEOPLE).split()[0]}@example.org and 192.168.{dice.randint(0, 255)}.{dice.randint(0, 255)}."
    )


def _json(dice: Dice) -> str:
    records = [
        {
            "id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
            "name": dice.choice(("create_task", "Backup", "list_projects")),
            "title": dice.choice(_TITLES),
            "description": _fill(dice.choice(_SENTENCES), dice),
            "status": dice.choice(("todo", "in_progress", "done")),
            "assigned_agent": dice.choice(_PEOPLE),
            "agent": dice.choice(_PEOPLE),
        }
        for _ in range(dice.randint(1, 2))
    ]
    return (
        f"Here is the export:\n```json\n{json.dumps(records, indent=dice.choice((None, 2)), ensure_ascii=False)}\n```"
    )


def _schema(dice: Dice) -> str:
    kinds = ("string", "integer", "boolean")
    names = dice.sample(["title", "city", "due_date", "status", "amount", "project_id", "email", "priority"], 4)
    schema = {
        "name": dice.choice(("get_weather", "book_flight", "send_mail")),
        "parameters": {
            "type": "object",
            "properties": {name: {"type": dice.choice(kinds), "maxLength": dice.randint(5, 300)} for name in names},
            "required": names[:2],
            "additionalProperties": False,
        },
    }
    return f"A function for your own assistant:\n\n{json.dumps(schema, indent=2)}"


_KINDS: tuple[Callable[[Dice], str], ...] = (_prose, _prose, _foreign, _code, _table, _list, _links, _json, _schema)


def answers(count: int, seed: int = 2027) -> Iterator[str]:
    dice = random.Random(seed)  # noqa: S311 - reproducible
    for number in range(count):
        ending = f"\n\n{_fill(dice.choice(_SENTENCES), dice)}" if number % 4 == 0 else ""
        yield f"{number + 1}. {_KINDS[number % len(_KINDS)](dice)}{ending}"
