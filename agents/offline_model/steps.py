"""From an intent to the calls that serve it: which records are meant, and what must be looked up first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from agents.offline_model.intents import Intent
from agents.offline_model.kinds import SHAPES, Kind, Row, kind_of, name_of
from agents.offline_model.languages.language import Language
from agents.offline_model.prompt_reading import Outcome, Prompt, rows_of
from agents.offline_model.selection.reading import Records, words_of
from agents.offline_model.selection.selecting import WORDS, Selected, select
from agents.offline_model.titles import Certainty, Found, match_exactly, match_titles, normalize, prefer_open

MAX_CALLS = 40
_LOOKUP_LIMIT = 200
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
    """One intent on its way. ``candidates`` are the records it may mean, where that is not sure.

    ``unread`` is a word of a wish about several records that was not understood; ``lookup`` a read that comes first.
    """

    intent: Intent
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    records: list[Row] = field(default_factory=list)
    candidates: list[Row] = field(default_factory=list)
    lookup: tuple[str, dict[str, Any]] | None = None
    unread: str = ""
    # Projects that have the name of the one to make.
    namesakes: list[Row] = field(default_factory=list)
    # What a question means of the records that were listed.
    selected: list[Row] | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        return kind_of(self.intent.tool)


def step_for(intent: Intent, outcomes: list[Outcome], prompt: Prompt, language: Language) -> Step:
    """``outcomes`` are what came of the calls for this intent; where there are any, it has been served."""
    step = Step(intent, outcomes=outcomes)
    if outcomes:
        step.records = [_record(outcome, prompt) for outcome in outcomes]
        if intent.where and outcomes[0].ok:
            _select_listed(step, prompt, language)
    elif intent.where:
        step.calls = [(intent.tool, {"limit": _LOOKUP_LIMIT})]
    elif intent.tool in _WITHOUT_RECORD:
        step.calls = [(intent.tool, intent.fields)]
    elif intent.tool.startswith("create_"):
        _plan_creation(step, prompt)
    elif intent.tool == "delete_task_comment":
        _plan_comment(step, prompt, language)
    elif intent.tool:
        _plan_change(step, prompt, language)
    return step


def _select_listed(step: Step, prompt: Prompt, language: Language) -> None:
    rows = rows_of(step.outcomes[0].value)
    records = Records(step.kind, rows, prompt.projects, prompt.today, prompt.timezone)
    found = select(step.intent.where, records, language, asks=True)
    step.selected, step.unread = found.rows, found.unread


def find_namesakes(intent: Intent, prompt: Prompt) -> list[Row]:
    """Projects of the name that a new one shall have, but for one that this turn made."""
    if intent.tool != "create_project":
        return []
    named = match_exactly(str(intent.fields.get("name", "")), prompt.projects, Kind.PROJECT)
    return [row for row in named if str(row.get("id")) not in prompt.made_in_turn]


def _plan_creation(step: Step, prompt: Prompt) -> None:
    intent = step.intent
    fields = intent.fields
    if not fields.keys() & {"title", "name"}:
        return
    step.namesakes = find_namesakes(intent, prompt)
    if step.namesakes:
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
    if not prompt.rows(kind):
        step.lookup = (SHAPES[kind].lookup, {"limit": _LOOKUP_LIMIT})
    if intent.several:
        _choose_several(step, prompt, language)
    else:
        _choose_one(step, prompt, language)
    if intent.fields.get("project_id") == "" or step.unread:
        step.records = []
        return
    if intent.append and step.records and "content" not in step.records[0]:
        step.lookup = ("get_note", {"note_id": str(step.records[0]["id"])})
        if not any(outcome.name == "get_note" for outcome in prompt.outcomes):
            return
    step.calls = [
        (intent.tool, {f"{kind}_id": str(row["id"]), **_fields_for(row, intent, prompt.today)})
        for row in step.records[:MAX_CALLS]
    ]


def _choose_one(step: Step, prompt: Prompt, language: Language) -> None:
    """The record that is meant, or those to ask about. What loses data takes more certainty than what can be undone."""
    intent = step.intent
    step.records = _titled_each(intent.target, prompt.rows(step.kind), step.kind, language)
    if step.records:
        return
    found = _beyond_vague(find_records(intent, step.kind, prompt, language), intent, language)
    needed = Certainty.WORDS if intent.loses_data else Certainty.TYPO
    if not intent.loses_data:
        found = prefer_open(found)
    is_sure = found.certainty >= needed and not _is_rather_another(intent, step.kind, found, prompt)
    if len(found.rows) == 1 and is_sure:
        step.records = found.rows
    else:
        step.candidates = found.rows
    if not found.rows:
        step.lookup = (SHAPES[step.kind].lookup, {"limit": _LOOKUP_LIMIT})


def _titled_each(target: str, rows: list[Row], kind: Kind, language: Language) -> list[Row]:
    """Records listed by their titles, each of which is just that of one record: "buy milk and call Bob"."""
    parts = [part for part in re.split(language.and_between, target, flags=re.IGNORECASE) if part.strip()]
    if "“" in target:
        # A quoted title may hold an "and"; but "A" and not "B" is no list.
        marked = re.sub(r"“[^”]+”", "“”", target)
        is_list = all(part == "“”" for part in re.split(language.and_between, marked, flags=re.IGNORECASE))
        parts = re.findall(r"“([^”]+)”", target) if is_list else []
    found = [match_exactly(part, rows, kind) or match_exactly(normalize(part), rows, kind) for part in parts]
    is_list = len(parts) > 1 and not match_exactly(target, rows, kind) and all(len(one) == 1 for one in found)
    return [one[0] for one in found] if is_list else []


def _beyond_vague(found: Found, intent: Intent, language: Language) -> Found:
    """As in "the last task", which is none that has "last" in its title."""
    words = words_of(intent.target)
    is_vague = all(word.isdigit() or word in WORDS[language.code].vague for word in words)
    return Found(found.rows, Certainty.GUESS) if is_vague and found.certainty is not Certainty.EXACT else found


def _is_rather_another(intent: Intent, kind: Kind, found: Found, prompt: Prompt) -> bool:
    """Nobody said which kind is meant, and something of another kind has just this name: then it is not for sure."""
    if intent.explicit or found.certainty is Certainty.EXACT:
        return False
    return any(match_exactly(intent.target, prompt.rows(other), other) for other in Kind if other is not kind)


def _choose_several(step: Step, prompt: Prompt, language: Language) -> None:
    """All the records that the words tell of, or the first word that tells of none."""
    intent, kind = step.intent, step.kind
    rows = prompt.rows(kind)
    titled = _titled_like(intent.target, rows, kind) or _titled_each(
        WORDS[language.code].without_noun(intent.target), rows, kind, language
    )
    if titled:
        step.records = titled
        return
    records = Records(kind, rows, prompt.projects, prompt.today, prompt.timezone)
    selected = select(intent.target, records, language)
    step.unread = intent.unread or selected.unread or _vague_object(step, selected, prompt, language)
    if step.unread:
        if rows:
            step.lookup = None
        return
    step.records = selected.rows
    if kind is Kind.PROJECT and "status" in intent.fields:
        step.records = [row for row in step.records if row.get("status", "active") != intent.fields["status"]]
    if "due_date" in intent.fields or intent.shift_days is not None:
        # What is done is not put off, and what has no day cannot move by some.
        step.records = [row for row in step.records if row.get("status") != "done"]
    if intent.shift_days is not None:
        step.records = [row for row in step.records if row.get("due_date")]


def _titled_like(target: str, rows: list[Row], kind: Kind) -> list[Row]:
    """A single record whose title begins like "all" or holds a plural: "meeting notes", "pack all three boxes"."""
    exact = match_exactly(target, rows, kind)
    if exact:
        return exact if len(exact) == 1 else []
    wanted = words_of(target)
    held = [row for row in rows if wanted <= words_of(name_of(kind, row))] if len(wanted) > 2 else []  # noqa: PLR2004
    return held if len(held) == 1 else []


def _vague_object(step: Step, selected: Selected, prompt: Prompt, language: Language) -> str:
    """The words of a wish without a noun that may mean something else than all of one kind.

    "Delete everything" does not say what shall be lost, and "mark all as done" may mean what was just listed.
    """
    intent, kind = step.intent, step.kind
    if selected.has_noun:
        return ""
    if not selected.is_narrowed and _last_mentioned(kind, prompt.rows(kind), prompt):
        return intent.target
    if not intent.loses_data:
        return ""
    others = (
        select(
            intent.target, Records(other, prompt.rows(other), prompt.projects, prompt.today, prompt.timezone), language
        )
        for other in Kind
        if other is not kind
    )
    tells_kind = selected.tells_kind and not any(other.rows and not other.unread for other in others)
    return "" if tells_kind else intent.target


def _plan_comment(step: Step, prompt: Prompt, language: Language) -> None:
    comments = prompt.comments
    if step.intent.target:
        tasks = find_records(step.intent, Kind.TASK, prompt, language).rows
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
    found = comments[-1:]
    if step.intent.comment:
        texts = [{**row, "title": row.get("content")} for row in comments]
        matching = match_titles(step.intent.comment, texts, Kind.TASK)
        found = matching.rows
        if matching.certainty < Certainty.WORDS:
            step.candidates = found
            return
    if len(found) == 1:
        step.records = found
        step.calls = [("delete_task_comment", {"comment_id": str(found[0]["id"])})]
    else:
        step.candidates = found


def find_records(intent: Intent, kind: Kind, prompt: Prompt, language: Language) -> Found:
    """The records of ``kind`` that the user may mean by the target of ``intent``."""
    rows = prompt.rows(kind)
    if not language.is_pronoun(intent.target):
        return match_titles(intent.target, rows, kind, literally=intent.literal)
    return Found(rows if len(rows) == 1 else _last_mentioned(kind, rows, prompt))


def _last_mentioned(kind: Kind, rows: list[Row], prompt: Prompt) -> list[Row]:
    """Those of ``rows`` that the latest message to name any of them names."""
    for text in prompt.earlier:
        spoken = normalize(text)
        named = [row for row in rows if (title := normalize(name_of(kind, row))) and title in spoken]
        if named:
            return named
    return []


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
