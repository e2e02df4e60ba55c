"""From an intent to the calls that serve it: which records are meant, and what must be looked up first."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from difflib import SequenceMatcher
from typing import Any

from agents.offline_model.intents import Intent
from agents.offline_model.kinds import SHAPES, Kind, Row, kind_of, name_of
from agents.offline_model.languages.language import Language
from agents.offline_model.prompt_reading import Outcome, Prompt

MAX_CALLS = 40
_LOOKUP_LIMIT = 200
_ALIKE = 0.82
_ARTICLES = (
    r"the|my|a|an|this|that|il|lo|la|i|gli|le|un|uno|una|l|mio|mia|miei|mie|del|della|dello|dell|di"
    r"|der|die|das|den|dem|des|ein|eine|einen|einer|mein|meine|meinen|meiner"
)
_NOUNS = (
    r"tasks?|to-?dos?|reminders?|items?|one|notes?|projects?|checkpoints?|milestones?|attivita|attività|compit[oi]"
    r"|promemoria|progett[oi]|not[ae]|aufgaben?|projekte?s?|notiz(?:en)?|meilensteine?s?"
)
_FILLER = re.compile(
    rf"^(?:{_ARTICLES})\s+|^(?:{_NOUNS})\s+(?:(?:called|named|titled|to|about|for|chiamat[oa]|su|namens|zu)\s+)?"
    rf"|\s+(?:{_NOUNS})$"
)
# Tools that need no record: they are called as they stand.
_WITHOUT_RECORD = (
    "list_tasks",
    "list_tasks_due_today",
    "list_projects",
    "list_all_projects",
    "list_checkpoints",
    "list_notes",
)


@dataclass(slots=True)
class Step:
    """One intent on its way. ``candidates`` are the records it may mean, where there is not exactly one;
    ``lookup`` is a read that must come first.
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


def step_for(intent: Intent, outcomes: list[Outcome], prompt: Prompt, language: Language) -> Step:
    """``outcomes`` are what came of the calls for this intent; where there are any, it has been served."""
    step = Step(intent, outcomes=outcomes)
    if outcomes:
        step.records = [_record(outcome, prompt) for outcome in outcomes]
    elif intent.tool in _WITHOUT_RECORD:
        step.calls = [(intent.tool, intent.fields)]
    elif intent.tool.startswith("create_"):
        _plan_creation(step, prompt)
    elif intent.tool == "delete_task_comment":
        _plan_comment(step, prompt, language)
    elif intent.tool:
        _plan_change(step, prompt, language)
    return step


def _plan_creation(step: Step, prompt: Prompt) -> None:
    intent = step.intent
    fields = intent.fields
    if not fields.keys() & {"title", "name"}:
        return
    if step.kind is Kind.CHECKPOINT and "project_id" not in fields:
        projects = [row for row in prompt.projects if row.get("status") != "archived" and "id" in row]
        mentioned = _last_mentioned(Kind.PROJECT, projects, prompt)
        step.candidates = mentioned or projects
        if len(step.candidates) != 1:
            return
        fields = {"project_id": str(step.candidates[0]["id"]), **fields}
    step.calls = [(intent.tool, fields)]


def _plan_change(step: Step, prompt: Prompt, language: Language) -> None:
    intent, kind = step.intent, step.kind
    found = find_records(intent.target, kind, prompt, language)
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
        if not any(outcome.name == "get_note" for outcome in prompt.outcomes):
            return
    step.calls = [
        (intent.tool, {f"{kind}_id": str(row["id"]), **_fields_for(row, intent, prompt.today)})
        for row in step.records[:MAX_CALLS]
    ]


def _plan_comment(step: Step, prompt: Prompt, language: Language) -> None:
    comments = prompt.comments
    if step.intent.target:
        tasks = find_records(step.intent.target, Kind.TASK, prompt, language)
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
    found = match_titles(step.intent.comment, comments, "content") if step.intent.comment else comments[-1:]
    if len(found) == 1:
        step.records = found
        step.calls = [("delete_task_comment", {"comment_id": str(found[0]["id"])})]
    else:
        step.candidates = found


def find_records(target: str, kind: Kind, prompt: Prompt, language: Language) -> list[Row]:
    """The records of ``kind`` that the user may mean by ``target``."""
    rows = prompt.rows(kind)
    if language.is_group(target):
        return _group(target, rows, language)
    if not language.is_pronoun(target):
        return match_titles(target, rows, SHAPES[kind].title)
    return rows if len(rows) == 1 else _last_mentioned(kind, rows, prompt)


def _last_mentioned(kind: Kind, rows: list[Row], prompt: Prompt) -> list[Row]:
    """Those of ``rows`` that the latest message to name any of them names."""
    for text in prompt.earlier:
        spoken = normalize(text)
        named = [row for row in rows if (title := normalize(name_of(kind, row))) and title in spoken]
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


def _record(outcome: Outcome, prompt: Prompt) -> Row:
    """The record a finished call was about, as far as it is known."""
    kind = kind_of(outcome.name)
    record_id = _id_in(outcome.arguments, kind)
    return next((row for row in prompt.rows(kind) if str(row.get("id")) == record_id), {"id": record_id})


def _id_in(arguments: Mapping[str, Any], kind: Kind) -> str:
    return str(arguments.get(f"{kind}_id", ""))


def normalize(text: str) -> str:
    """Lower case words, without what people put around a title."""
    text = " ".join(re.findall(r"[^\W_]+", text.casefold()))
    while (shorter := _FILLER.sub("", text).strip()) not in (text, ""):
        text = shorter
    return text


def match_titles(named: str, rows: Sequence[Row], key: str = "title") -> list[Row]:
    """The rows that ``named`` may mean: one if it is clear, several if it is not, none if there is none.

    An id, the same title, a title that holds all the words, one that is held by the words, one spelled nearly so: the
    first of these that finds any decides. Of several, the only one that is still open is meant.
    """
    by_id = [row for row in rows if str(row.get("id")) == named.strip()]
    if by_id:
        return by_id
    wanted = normalize(named)
    if not wanted:
        return []
    words = set(wanted.split())
    titles = [(row, normalize(str(row.get(key) or row.get("title") or ""))) for row in rows]
    stages = (
        [row for row, title in titles if title == wanted],
        [row for row, title in titles if words <= set(title.split())],
        [row for row, title in titles if title and set(title.split()) <= words],
        [row for row, title in titles if SequenceMatcher(None, title, wanted).ratio() >= _ALIKE],
    )
    found = next((stage for stage in stages if stage), [])
    still_open = [row for row in found if row.get("status") not in ("done", "archived")]
    return still_open if len(still_open) == 1 else found
