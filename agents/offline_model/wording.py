"""Fills a language's sentences: counts, days, states."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from agents.offline_model.kinds import Kind, Row, kind_of, name_of
from agents.offline_model.language import Language
from agents.offline_model.prompt_reading import Outcome, Situation, rows_of
from agents.offline_model.steps import Step
from agents.offline_model.understanding import language_of


@dataclass(frozen=True, slots=True)
class Speaker:
    language: Language
    today: date

    def say(self, key: str, **values: str) -> str:
        return self.language.answers[key].format(**values)

    def status(self, value: str) -> str:
        return self.say("status done" if value == "done" else value)

    def count(self, kind: Kind, number: int) -> str:
        return self.say(f"one {kind}") if number == 1 else f"{number} {self.say(f'many {kind}')}"

    def day(self, value: str) -> str:
        """As "tomorrow (Monday, 23 November)", with the year where it is another one."""
        try:
            day = date.fromisoformat(value[:10])
        except ValueError:
            return value
        full = self.say(
            "day",
            weekday=self.say("weekdays").split()[day.weekday()],
            day=str(day.day),
            month=self.say("months").split()[day.month - 1],
            year=f" {day.year}" if day.year != self.today.year else "",
        )
        one = timedelta(days=1)
        near = {self.today: "today", self.today + one: "tomorrow", self.today - one: "yesterday"}.get(day)
        return self.say("near", near=self.say(near), day=full) if near else self.say("on day", day=full)


def shortened(text: str, most: int = 80) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


_MOST_LISTED = 20
_LONGEST_NOTE = 4_000


def report(steps: Sequence[Step], situation: Situation, language: Language) -> str:
    """The answer to the whole request."""
    speaker = Speaker(language, situation.today)
    understood = [step for step in steps if step.intent.tool]
    if not understood:
        return speaker.say("only plain requests", help=language.answers["help"])
    in_turn = situation.previous_results is not None
    own = [step for step in understood if step.intent.tool in situation.tools]
    parts = [_sentence(step, speaker, language) for step in own or understood[:1]]
    if 0 < len(own) < len(understood) and not in_turn:
        parts.append(speaker.say("rest elsewhere"))
    missed = [step.intent.target for step in steps if not step.intent.tool]
    if missed and not situation.previous_results:
        parts.append(speaker.say("missed", clause=shortened(missed[0])))
    return "\n".join(part for part in parts if part)


def together(situation: Situation) -> str:
    """One answer out of those of several agents."""
    answers = [str(result.get("answer") or "").strip() for result in situation.previous_results or ()]
    language = language_of(situation.request)
    return "\n".join(answer for answer in answers if answer) or Speaker(language, situation.today).say("elsewhere")


def _sentence(step: Step, speaker: Speaker, language: Language) -> str:
    if step.outcomes:
        pairs = zip(step.outcomes, step.records, strict=True)
        return "\n".join(_outcome(step, outcome, record, speaker) for outcome, record in pairs)
    if step.calls:
        return speaker.say("elsewhere")
    if step.candidates:
        return _which(step, speaker)
    return _what_is_missing(step, speaker, language)


def _what_is_missing(step: Step, speaker: Speaker, language: Language) -> str:
    intent, kind = step.intent, step.kind
    if intent.tool.startswith("create_"):
        is_named = bool(intent.fields.keys() & {"title", "name"})
        return speaker.say("which project" if is_named else f"name the {kind}")
    if intent.tool == "delete_task_comment":
        return speaker.say("which comment")
    if intent.fields.get("project_id") == "":
        return speaker.say("which project")
    question = speaker.say(f"which {kind}")
    if intent.target and not language.is_pronoun(intent.target):
        return speaker.say(f"no such {kind}", name=shortened(intent.target), question=question)
    return question


def _which(step: Step, speaker: Speaker) -> str:
    kind = Kind.PROJECT if step.intent.tool == "create_checkpoint" else step.kind
    names = [f"“{shortened(name_of(kind, row) or str(row.get('content') or ''))}”" for row in step.candidates[:5]]
    if len(names) == 1:
        return speaker.say("this one", name=names[0])
    return speaker.say("several", names=f"{', '.join(names[:-1])}{speaker.say('and')}{names[-1]}")


def _outcome(step: Step, outcome: Outcome, record: Row, speaker: Speaker) -> str:
    if not outcome.ok:
        return speaker.say("failed", reason=_reason(outcome, speaker))
    tool, kind = outcome.name, kind_of(outcome.name)
    title = f"“{shortened(name_of(kind, record) or step.intent.target)}”"
    rows = rows_of(outcome.value)
    sentences: dict[str, Callable[[], str]] = {
        "add_task_comment": lambda: speaker.say("commented", title=title),
        "delete_task_comment": lambda: speaker.say("comment deleted"),
        "list_task_comments": lambda: _listed_comments(title, rows, speaker),
        "create": lambda: _created(kind, outcome.arguments, speaker),
        "update": lambda: _updated(kind, title, outcome.arguments, speaker),
        "delete": lambda: speaker.say("deleted", the=speaker.say(f"the {kind}"), title=title),
        "get": lambda: _opened(kind, rows, speaker),
        "list": lambda: _listed(outcome, rows, speaker),
    }
    return (sentences.get(tool) or sentences[tool.split("_")[0]])()


def _reason(outcome: Outcome, speaker: Speaker) -> str:
    said = outcome.error.removeprefix("Nothing was done").lstrip(":;, ")
    return shortened(said or speaker.say("it did not work"), 200)


def _created(kind: Kind, fields: dict[str, Any], speaker: Speaker) -> str:
    title = shortened(name_of(kind, fields))
    if fields.get("is_ai_suggested"):
        return speaker.say("suggested", title=title)
    parts = []
    if fields.get("due_date"):
        parts.append(speaker.say("with due", value=speaker.day(fields["due_date"])))
    if fields.get("priority"):
        parts.append(speaker.say("with priority", value=speaker.say(fields["priority"])))
    if fields.get("status"):
        parts.append(speaker.say("with status", value=speaker.status(fields["status"])))
    details = f", {', '.join(parts)}" if parts else ""
    return speaker.say("created", the=speaker.say(f"the {kind}"), title=title, details=details)


def _updated(kind: Kind, title: str, fields: dict[str, Any], speaker: Speaker) -> str:
    if fields.get("status") == "done":
        return speaker.say("done", title=title)
    if kind is Kind.PROJECT and "status" in fields:
        return speaker.say("archived" if fields["status"] == "archived" else "restored", title=title)
    if fields.get("is_approved"):
        return speaker.say("approved", title=title)
    own = f"{kind}_id"
    changes = [_change(name, value, speaker) for name, value in fields.items() if name not in (own, "is_approved")]
    return speaker.say("changed", title=title, changes=speaker.say("and").join(changes))


def _change(name: str, value: Any, speaker: Speaker) -> str:
    if name == "status":
        return speaker.say("changed status", value=speaker.status(value))
    if name == "priority":
        return speaker.say("changed priority", value=speaker.say(str(value)))
    if name == "due_date":
        return speaker.say("changed due", value=speaker.day(value)) if value else speaker.say("changed no due")
    if name in ("title", "name"):
        return speaker.say("changed title", value=shortened(str(value)))
    return speaker.say({"project_id": "changed project"}.get(name, f"changed {name}"))


def _opened(kind: Kind, rows: list[Row], speaker: Speaker) -> str:
    if not rows:
        return speaker.say(f"which {kind}")
    row = rows[0]
    text = str(row.get("content") or row.get("description") or "").strip()
    return f"“{shortened(name_of(kind, row))}”\n\n{text[:_LONGEST_NOTE] or speaker.say('empty')}"


def _listed(outcome: Outcome, rows: list[Row], speaker: Speaker) -> str:
    kind = kind_of(outcome.name)
    is_today = outcome.name == "list_tasks_due_today"
    if not rows:
        if is_today:
            return speaker.say("nothing due")
        return (
            speaker.say("no match", plural=speaker.say(f"many {kind}"))
            if outcome.arguments
            else speaker.say(f"no {kind}")
        )
    count = speaker.count(kind, len(rows))
    head = speaker.say("due today" if is_today else "found", count=count)
    untitled = speaker.say("untitled")
    lines = [f"- {shortened(name_of(kind, row) or untitled)}{_facts(row, speaker)}" for row in rows[:_MOST_LISTED]]
    if len(rows) > _MOST_LISTED:
        lines.append(speaker.say("more", number=str(len(rows) - _MOST_LISTED)))
    return "\n".join([head, *lines])


def _facts(row: Row, speaker: Speaker) -> str:
    facts = []
    if isinstance(row.get("due_date"), str):
        facts.append(speaker.say("with due", value=speaker.day(row["due_date"])))
    if row.get("priority") in ("high", "low"):
        facts.append(speaker.say("fact priority", value=speaker.say(row["priority"])))
    if row.get("status") in ("done", "in_progress"):
        facts.append(speaker.status(row["status"]))
    if row.get("status") == "archived":
        facts.append(speaker.say("fact archived"))
    if row.get("is_ai_suggested") and not row.get("is_approved"):
        facts.append(speaker.say("fact suggested"))
    return f" ({', '.join(facts)})" if facts else ""


def _listed_comments(title: str, rows: list[Row], speaker: Speaker) -> str:
    if not rows:
        return speaker.say("no comments", title=title)
    lines = [f"- {shortened(str(row.get('content', '')), 200)}" for row in rows]
    return "\n".join([speaker.say("comments", title=title), *lines])
