"""What the offline model answers, in the words of the request's language; small talk included."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from agents.offline_model.kinds import Kind, Row, kind_of, name_of
from agents.offline_model.languages import LANGUAGES, language_of
from agents.offline_model.languages.language import Language
from agents.offline_model.prompt_reading import Outcome, Prompt, rows_of
from agents.offline_model.record_answers import find_answer
from agents.offline_model.steps import MAX_CALLS, Step

_MOST_LISTED = 20
_LONGEST_NOTE = 4_000
# What it says of itself, in every language.
HELP = "\n".join(language.answers["help"] for language in LANGUAGES)
_LONGEST_SMALL_TALK = 200
_SMALL_TALK = [
    (re.compile(pattern, re.IGNORECASE), language.answers[key].format(help=language.answers["help"]))
    for language in LANGUAGES
    for pattern, key in language.small_talk
]


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """Fills a language's sentences: counts, days, states."""

    language: Language
    today: date

    def render(self, key: str, **values: str) -> str:
        return self.language.answers[key].format(**values)

    def status(self, value: str) -> str:
        return self.render("status done" if value == "done" else value)

    def count(self, kind: Kind, number: int) -> str:
        return self.render(f"one {kind}") if number == 1 else f"{number} {self.render(f'many {kind}')}"

    def day(self, value: str) -> str:
        """As "tomorrow (Monday, 23 November)", with the year where it is another one."""
        try:
            day = date.fromisoformat(value[:10])
        except ValueError:
            return value
        full = self.render(
            "day",
            weekday=self.render("weekdays").split()[day.weekday()],
            day=str(day.day),
            month=self.render("months").split()[day.month - 1],
            year=f" {day.year}" if day.year != self.today.year else "",
        )
        one = timedelta(days=1)
        near = {self.today: "today", self.today + one: "tomorrow", self.today - one: "yesterday"}.get(day)
        return self.render("near", near=self.render(near), day=full) if near else self.render("on day", day=full)


def shorten(text: str, most: int = 80) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def answer_small_talk(request: str) -> str | None:
    """The answer to a greeting or a question about the assistant itself, if ``request`` is nothing else."""
    text = " ".join(re.sub(r"[^\w\s']", " ", request[:_LONGEST_SMALL_TALK]).split())
    if not text:
        return LANGUAGES[0].answers["help"]
    return next((reply for pattern, reply in _SMALL_TALK if pattern.fullmatch(text)), None)


def compose_answer(steps: Sequence[Step], prompt: Prompt, language: Language) -> str:
    """The answer to the whole request."""
    phrases = Phrasebook(language, prompt.today)
    understood = [step for step in steps if step.intent.tool]
    said = [_say(step, phrases) for step in steps if step.intent.says]
    if not understood:
        question = " ".join(step.intent.target for step in steps if not step.intent.says)
        parts = [part for part in (*said, _answer_question(question, prompt, phrases)) if part]
        return "\n\n".join(parts) or phrases.render("only plain requests", help=language.answers["help"])
    in_turn = prompt.previous_results is not None
    own = [step for step in understood if step.intent.tool in prompt.tools]
    parts = [
        (_answer_question(prompt.request, prompt, phrases) if step.unread and step.outcomes else "")
        or _phrase_step(step, phrases, language)
        for step in own or understood[:1]
    ]
    if 0 < len(own) < len(understood) and not in_turn:
        parts.append(phrases.render("rest elsewhere"))
    parts += said
    missed = [step.intent.target for step in steps if not step.intent.tool and not step.intent.says]
    if missed and not prompt.previous_results:
        parts.append(phrases.render("missed", clause=shorten(missed[0])))
    return "\n".join(part for part in parts if part)


def _say(step: Step, phrases: Phrasebook) -> str:
    values = {name: shorten(str(value)) for name, value in step.intent.fields.items()}
    return phrases.render(step.intent.says, **values)


def _answer_question(question: str, prompt: Prompt, phrases: Phrasebook) -> str:
    """From what is known of a record that ``question`` names, or from a note that speaks of it; else nothing."""
    found = find_answer(question, prompt, phrases.language)
    if found is None:
        return ""
    kind, row, text = found
    title = f"“{shorten(name_of(kind, row))}”"
    if kind is Kind.NOTE:
        return phrases.render("note says", title=title, text=text[:_LONGEST_NOTE] or phrases.render("empty"))
    facts = _facts({"status": "todo", **row} if kind is Kind.TASK else row, phrases, every=True)
    description = shorten(str(row.get("description") or ""), 300)
    return f"{title}{facts}{f': {description}' if description else ''}"


def merge_answers(prompt: Prompt) -> str:
    """One answer out of those of several agents."""
    answers = [str(result.get("answer") or "").strip() for result in prompt.previous_results or ()]
    language = language_of(prompt.request)
    merged = "\n".join(dict.fromkeys(filter(None, answers)))
    return merged or Phrasebook(language, prompt.today).render("elsewhere")


def _phrase_step(step: Step, phrases: Phrasebook, language: Language) -> str:
    if step.unread:
        key = "unread question" if step.outcomes else "unread"
        return phrases.render(key, word=shorten(step.unread), plural=phrases.render(f"many {step.kind}"))
    if step.outcomes:
        pairs = zip(step.outcomes, step.records, strict=True)
        lines = [_phrase_outcome(step, outcome, record, phrases) for outcome, record in pairs]
        if len(lines) >= MAX_CALLS:
            lines.append(phrases.render("partly", number=str(len(lines))))
        return "\n".join(lines)
    if step.namesakes:
        key = "namesake archived" if step.namesakes[0].get("status") == "archived" else "namesake"
        return phrases.render(key, name=shorten(name_of(Kind.PROJECT, step.namesakes[0])))
    if step.calls:
        return phrases.render("elsewhere")
    if step.candidates:
        return _ask_which(step, phrases)
    return _ask_for_missing(step, phrases, language)


def _ask_for_missing(step: Step, phrases: Phrasebook, language: Language) -> str:
    intent, kind = step.intent, step.kind
    if intent.tool.startswith("create_"):
        is_named = bool(intent.fields.keys() & {"title", "name"})
        return phrases.render("which project" if is_named else f"name the {kind}")
    if intent.tool == "delete_task_comment":
        return phrases.render("which comment")
    if intent.fields.get("project_id") == "":
        return phrases.render("which project")
    if intent.several:
        return phrases.render("no match", plural=phrases.render(f"many {kind}"))
    question = phrases.render(f"which {kind}")
    if intent.target and not language.is_pronoun(intent.target):
        return phrases.render(f"no such {kind}", name=shorten(intent.target), question=question)
    return question


def _ask_which(step: Step, phrases: Phrasebook) -> str:
    kind = Kind.PROJECT if step.intent.tool == "create_checkpoint" else step.kind
    names = [f"“{shorten(name_of(kind, row) or str(row.get('content') or ''))}”" for row in step.candidates[:5]]
    if len(names) == 1:
        key = "delete this one" if step.intent.tool.startswith("delete_") else "this one"
        return phrases.render(key, name=names[0])
    return phrases.render("several", names=f"{', '.join(names[:-1])}{phrases.render('and')}{names[-1]}")


def _phrase_outcome(step: Step, outcome: Outcome, record: Row, phrases: Phrasebook) -> str:
    if not outcome.ok:
        return phrases.render("failed", reason=_reason(outcome, phrases))
    tool, kind = outcome.name, kind_of(outcome.name)
    title = f"“{shorten(name_of(kind, record) or step.intent.target)}”"
    listed = rows_of(outcome.value) if step.selected is None else step.selected
    rows = [row for row in listed if not step.intent.open_only or row.get("status") != "done"]
    sentences: dict[str, Callable[[], str]] = {
        "add_task_comment": lambda: phrases.render("commented", title=title),
        "delete_task_comment": lambda: phrases.render("comment deleted"),
        "list_task_comments": lambda: _phrase_comments(title, rows, phrases),
        "create": lambda: _phrase_creation(kind, outcome.arguments, phrases),
        "update": lambda: _phrase_update(kind, title, outcome.arguments, phrases),
        "delete": lambda: phrases.render("deleted", the=phrases.render(f"the {kind}"), title=title),
        "get": lambda: _phrase_record(kind, rows, phrases),
        "list": lambda: _phrase_list(outcome, rows, phrases),
    }
    return (sentences.get(tool) or sentences[tool.split("_")[0]])()


def _reason(outcome: Outcome, phrases: Phrasebook) -> str:
    error = outcome.error.removeprefix("Nothing was done").lstrip(":;, ")
    return shorten(error or phrases.render("it did not work"), 200)


def _phrase_creation(kind: Kind, fields: dict[str, Any], phrases: Phrasebook) -> str:
    title = shorten(name_of(kind, fields))
    if fields.get("is_ai_suggested"):
        return phrases.render("suggested", title=title)
    parts = []
    if fields.get("due_date"):
        parts.append(phrases.render("with due", value=phrases.day(fields["due_date"])))
    if fields.get("priority"):
        parts.append(phrases.render("with priority", value=phrases.render(fields["priority"])))
    if fields.get("status"):
        parts.append(phrases.render("with status", value=phrases.status(fields["status"])))
    details = f", {', '.join(parts)}" if parts else ""
    return phrases.render("created", the=phrases.render(f"the {kind}"), title=title, details=details)


def _phrase_update(kind: Kind, title: str, fields: dict[str, Any], phrases: Phrasebook) -> str:
    if fields.get("status") == "done":
        return phrases.render("done", title=title)
    if kind is Kind.PROJECT and "status" in fields:
        return phrases.render("archived" if fields["status"] == "archived" else "restored", title=title)
    if fields.get("is_approved"):
        return phrases.render("approved", title=title)
    own = f"{kind}_id"
    changes = [_change(name, value, phrases) for name, value in fields.items() if name not in (own, "is_approved")]
    return phrases.render("changed", title=title, changes=phrases.render("and").join(changes))


def _change(name: str, value: Any, phrases: Phrasebook) -> str:
    if name == "status":
        return phrases.render("changed status", value=phrases.status(value))
    if name == "priority":
        return phrases.render("changed priority", value=phrases.render(str(value)))
    if name == "due_date":
        return phrases.render("changed due", value=phrases.day(value)) if value else phrases.render("changed no due")
    if name in ("title", "name"):
        return phrases.render("changed title", value=shorten(str(value)))
    return phrases.render({"project_id": "changed project"}.get(name, f"changed {name}"))


def _phrase_record(kind: Kind, rows: list[Row], phrases: Phrasebook) -> str:
    if not rows:
        return phrases.render(f"which {kind}")
    row = rows[0]
    text = str(row.get("content") or row.get("description") or "").strip()
    return f"“{shorten(name_of(kind, row))}”\n\n{text[:_LONGEST_NOTE] or phrases.render('empty')}"


def _phrase_list(outcome: Outcome, rows: list[Row], phrases: Phrasebook) -> str:
    kind = kind_of(outcome.name)
    is_today = outcome.name == "list_tasks_due_today"
    if not rows:
        if is_today:
            return phrases.render("nothing due")
        return (
            phrases.render("no match", plural=phrases.render(f"many {kind}"))
            if outcome.arguments
            else phrases.render(f"no {kind}")
        )
    count = phrases.count(kind, len(rows))
    head = phrases.render("due today" if is_today else "found", count=count)
    untitled = phrases.render("untitled")
    lines = [f"- {shorten(name_of(kind, row) or untitled)}{_facts(row, phrases)}" for row in rows[:_MOST_LISTED]]
    if len(rows) > _MOST_LISTED:
        lines.append(phrases.render("more", number=str(len(rows) - _MOST_LISTED)))
    return "\n".join([head, *lines])


def _facts(row: Row, phrases: Phrasebook, *, every: bool = False) -> str:
    """What tells records apart in a list; ``every`` fact answers a question about one."""
    facts = []
    if every and row.get("status") == "todo":
        facts.append(phrases.status("todo"))
    if isinstance(row.get("due_date"), str):
        facts.append(phrases.render("with due", value=phrases.day(row["due_date"])))
    if row.get("priority") in ("high", "low"):
        facts.append(phrases.render("fact priority", value=phrases.render(row["priority"])))
    if row.get("status") in ("done", "in_progress"):
        facts.append(phrases.status(row["status"]))
    if row.get("status") == "archived":
        facts.append(phrases.render("fact archived"))
    if row.get("is_ai_suggested") and not row.get("is_approved"):
        facts.append(phrases.render("fact suggested"))
    return f" ({', '.join(facts)})" if facts else ""


def _phrase_comments(title: str, rows: list[Row], phrases: Phrasebook) -> str:
    if not rows:
        return phrases.render("no comments", title=title)
    lines = [f"- {shorten(str(row.get('content', '')), 200)}" for row in rows]
    return "\n".join([phrases.render("comments", title=title), *lines])
