"""From a wish to the calls that serve it: which records are meant, and what must be looked up first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from agents.offline_model import matching
from agents.offline_model.intents import Intent
from agents.offline_model.kinds import SHAPES, Kind, Row, kind_of, name_of
from agents.offline_model.language import Language
from agents.offline_model.prompt_reading import Outcome, Situation

MAX_CALLS = 40
_LOOKUP_LIMIT = 200
# Tools that need no record: they are called as they stand.
_WHOLE = ("list_tasks", "list_tasks_due_today", "list_projects", "list_all_projects", "list_checkpoints", "list_notes")


@dataclass(slots=True)
class Step:
    """One wish on its way. ``candidates`` are the records it may mean, where there is not exactly one; ``lookup`` is a
    read that must come first.
    """

    intent: Intent
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    records: list[Row] = field(default_factory=list)
    candidates: list[Row] = field(default_factory=list)
    lookup: tuple[str, dict[str, Any]] | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        return kind_of(self.intent.tool)


def step_for(intent: Intent, outcomes: list[Outcome], situation: Situation, language: Language) -> Step:
    """``outcomes`` are what came of the calls for this wish; where there are any, it has been served."""
    step = Step(intent, outcomes=outcomes)
    if outcomes:
        step.records = [_record(outcome, situation) for outcome in outcomes]
    elif intent.tool in _WHOLE:
        step.calls = [(intent.tool, intent.fields)]
    elif intent.tool.startswith("create_"):
        _plan_creation(step, situation)
    elif intent.tool == "delete_task_comment":
        _plan_comment(step, situation, language)
    elif intent.tool:
        _plan_change(step, situation, language)
    return step


def _plan_creation(step: Step, situation: Situation) -> None:
    intent = step.intent
    fields = intent.fields
    if not fields.keys() & {"title", "name"}:
        return
    if step.kind is Kind.CHECKPOINT and "project_id" not in fields:
        projects = [row for row in situation.projects if row.get("status") != "archived" and "id" in row]
        spoken_of = _spoken_of(Kind.PROJECT, projects, situation)
        step.candidates = spoken_of or projects
        if len(step.candidates) != 1:
            return
        fields = {"project_id": str(step.candidates[0]["id"]), **fields}
    step.calls = [(intent.tool, fields)]


def _plan_change(step: Step, situation: Situation, language: Language) -> None:
    intent, kind = step.intent, step.kind
    found = meant(intent.target, kind, situation, language)
    if language.is_group(intent.target) or len(found) == 1:
        step.records = found
    else:
        step.candidates = found
    if not found:
        step.lookup = (SHAPES[kind].lookup, {"limit": _LOOKUP_LIMIT})
    if intent.fields.get("project_id") == "":
        return
    if found and intent.append and step.records and "content" not in step.records[0]:
        step.lookup = ("get_note", {"note_id": str(step.records[0]["id"])})
        if not any(outcome.name == "get_note" for outcome in situation.outcomes):
            return
    step.calls = [
        (intent.tool, {f"{kind}_id": str(row["id"]), **_fields_for(row, intent, situation.today)})
        for row in step.records[:MAX_CALLS]
    ]


def _plan_comment(step: Step, situation: Situation, language: Language) -> None:
    comments = situation.comments
    if step.intent.target:
        tasks = meant(step.intent.target, Kind.TASK, situation, language)
        if not tasks:
            step.lookup = (SHAPES[Kind.TASK].lookup, {"limit": _LOOKUP_LIMIT})
        if len(tasks) != 1:
            step.candidates = tasks
            return
        task_id = str(tasks[0]["id"])
        comments = [row for row in comments if str(row.get("task_id")) == task_id]
        if not comments:
            step.lookup = ("list_task_comments", {"task_id": task_id})
            return
    found = matching.find(step.intent.comment, comments, "content") if step.intent.comment else comments[-1:]
    if len(found) == 1:
        step.records = found
        step.calls = [("delete_task_comment", {"comment_id": str(found[0]["id"])})]
    else:
        step.candidates = found


def meant(target: str, kind: Kind, situation: Situation, language: Language) -> list[Row]:
    """The records of ``kind`` that the user may mean by ``target``."""
    rows = situation.rows(kind)
    if language.is_group(target):
        return _group(target, rows, language)
    if not language.is_pronoun(target):
        return matching.find(target, rows, SHAPES[kind].title)
    return rows if len(rows) == 1 else _spoken_of(kind, rows, situation)


def _spoken_of(kind: Kind, rows: list[Row], situation: Situation) -> list[Row]:
    """Those of ``rows`` that the latest message to name any of them names."""
    for text in situation.earlier:
        spoken = matching.normal(text)
        named = [row for row in rows if (title := matching.normal(name_of(kind, row))) and title in spoken]
        if named:
            return named
    return []


def _group(target: str, rows: list[Row], language: Language) -> list[Row]:
    words = set(target.lower().split())
    if words & language.groups.done:
        return [row for row in rows if row.get("status") == "done"]
    if words & language.groups.suggested:
        return [row for row in rows if row.get("is_ai_suggested") and not row.get("is_approved")]
    if words & language.groups.open:
        return [row for row in rows if row.get("status") != "done"]
    return rows


def _fields_for(row: Row, intent: Intent, today: date) -> dict[str, Any]:
    if intent.append:
        content = str(row.get("content") or "").rstrip()
        return {**intent.fields, "content": f"{content}\n\n{intent.append}" if content else intent.append}
    if intent.shift_days is None:
        return intent.fields
    try:
        start = date.fromisoformat(str(row.get("due_date", ""))[:10])
    except ValueError:
        start = today
    return {**intent.fields, "due_date": (start + timedelta(days=intent.shift_days)).isoformat()}


def _record(outcome: Outcome, situation: Situation) -> Row:
    """The record a finished call was about, as far as it is known."""
    kind = kind_of(outcome.name)
    record_id = _id_in(outcome.arguments, kind)
    return next((row for row in situation.rows(kind) if str(row.get("id")) == record_id), {"id": record_id})


def _id_in(arguments: Mapping[str, Any], kind: Kind) -> str:
    return str(arguments.get(f"{kind}_id", ""))
