"""The playbook: the built-in plans, the messages that ask for one, and the plans of plan mode (docs/api.md § 6).

Every user has the built-in plans, whose ids are their names.
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async

from chat.plans.builder import ExecutionPlanBuilder
from chat.plans.cache import plan_cache
from chat.plans.execution_plan import ExecutionPlan
from chat.plans.templates import EXTRACT_TASKS, WEEKLY_SUMMARY, PromptTemplate, templates
from chat.turns import ChatTurn

CREATE_TASKS = "create_tasks_from_project"
WEEKLY_NOTE = "generate_weekly_note"


def create_tasks_from_project(
    variables: Mapping[str, Any], *, name: str = "Create tasks from a project", plan_id: str | None = None
) -> ExecutionPlan:
    """``variables`` of the extracting template; without any the project is taken from the client's context."""
    return _extract_and_create(EXTRACT_TASKS, variables, name=name, plan_id=plan_id)


def generate_weekly_note(
    variables: Mapping[str, Any], *, name: str = "Write a note about the week", plan_id: str | None = None
) -> ExecutionPlan:
    return _extract_and_create(WEEKLY_SUMMARY, variables, name=name, plan_id=plan_id)


def _extract_and_create(
    template: PromptTemplate, variables: Mapping[str, Any], *, name: str, plan_id: str | None
) -> ExecutionPlan:
    assert template.extracts is not None  # noqa: S101 - both callers name an extracting template
    builder = ExecutionPlanBuilder(name, plan_id=plan_id).add_llm_step(
        template.template_id, variables, step_id="extract"
    )
    return builder.add_data_step(
        "create_record", template.extracts.table, data_from_step="extract", step_id="create"
    ).build()


PLAYBOOKS: Mapping[str, ExecutionPlan] = {
    plan.plan_id: plan
    for plan in (
        create_tasks_from_project({}, plan_id=CREATE_TASKS),
        generate_weekly_note({}, plan_id=WEEKLY_NOTE),
    )
}


# A message begins with its request; the rest is material.
_MATCHED_CHARACTERS = 2_000
# In English, Italian and German; each pattern matches within one sentence.
_TASKS = r"(?:tasks?|to-?dos?|action items?|attività|compiti|aufgaben)"
_PROJECT = r"(?:projects?|progett[oi]|projekt\w*|plan|brief|piano|documents?|minutes|verbale|protokoll)"
# "Make all tasks for the project urgent" is a change: these verbs need a word that makes the project the source.
_TAKE = (
    r"(?:extract\w*|deriv\w*|make|turn|break|split|pull|get|collect|list"
    r"|estra\w*|ricava\w*|scomponi|suddividi|trasforma|fai"
    r"|extrahier\w*|leite|mach\w*|zerleg\w*|hol\w*)"
)
_CREATE = r"(?:creat\w*|generat\w*|draft\w*|plan|crea\w*|genera\w*|erstell\w*|erzeug\w*|plane)"
_SOURCE = r"(?:from|out of|based on|da|dal|dalla|dallo|dai|aus|von|vom|anhand)"
_INTO = r"(?:into|as|in|come)"
_FOR = r"(?:for|per|für|zu|zum)"


def _within(*words: str) -> re.Pattern[str]:
    """The words in this order, close to one another."""
    return re.compile(r"[^.!?\n]{0,60}".join(rf"\b{word}\b" for word in words))


_EXTRACTING = [
    _within(_TAKE, _TASKS, _SOURCE, _PROJECT),
    _within(_CREATE, _TASKS, rf"(?:{_SOURCE}|{_FOR})", _PROJECT),
    _within(rf"(?:{_TAKE}|{_CREATE})", _PROJECT, _INTO, _TASKS),
    _within(_SOURCE, _PROJECT, rf"(?:{_TAKE}|{_CREATE})", _TASKS),
]
_ONE_TASK = re.compile(
    r"\b(?:(?:an?|one|another|una?|uno|eine?|einen)\s+|un['’]\s*)(?:new\s+|nuova\s+|neue\s+)?"
    r"(?:task|to-?do|attività|compito|aufgabe)\b"
)
_WEEKLY = [
    re.compile(
        r"\bweekly\s+(?:\w+\s+)?(?:notes?|summary|review|report|recap|digest)\b"
        r"|\b(?:note|summary|review|report|recap|digest|summari[sz]e|sum up)\b[^.!?\n]{0,40}"
        r"\b(?:the|my|this|last|past)\s+week\b"
        r"|\bweek\s+in\s+review\b"
    ),
    re.compile(
        r"\b(?:nota|riepilogo|riassunto|resoconto|report)\b[^.!?\n]{0,30}\b(?:settimana|settimanale)\b"
        r"|\b(?:riassumi|riepiloga)\b[^.!?\n]{0,30}\bsettimana\b"
    ),
    re.compile(
        r"\bwochen(?:notiz|bericht|rückblick|zusammenfassung|übersicht|report)\b"
        r"|\b(?:zusammenfassung|rückblick|bericht|notiz|fasse)\b[^.!?\n]{0,40}\bwoche\b"
    ),
]


def asks_for_tasks(message: str) -> bool:
    """Whether it asks for the tasks of a project; "create a task for the website project" is about one task."""
    request = message[:_MATCHED_CHARACTERS].lower()
    return not _ONE_TASK.search(request) and any(pattern.search(request) for pattern in _EXTRACTING)


def asks_for_weekly_note(message: str) -> bool:
    request = message[:_MATCHED_CHARACTERS].lower()
    return any(pattern.search(request) for pattern in _WEEKLY)


_NAME_CHARACTERS = 80
_MIN_PROJECT_CHARACTERS = 400
_MAX_ID_CHARACTERS = 128


async def make_plan(turn: ChatTurn, agent_names: tuple[str, ...], *, user_id: UUID) -> ExecutionPlan:
    """The plan for ``turn``, remembered among the user's recent ones. ``agent_names``: the router's, in order.

    Raises ``KeyError`` for an agent without a template.
    """
    plan = build_plan(turn.message, turn.context, agent_names)
    # The cache may be a server on the network.
    await sync_to_async(plan_cache.remember, thread_sensitive=False)(plan, user_id=user_id)
    return plan


def build_plan(message: str, context: Mapping[str, Any], agent_names: tuple[str, ...]) -> ExecutionPlan:
    """The steps of the built-in plan that the message asks for, otherwise a step with the message for each agent."""
    name = _name_of(message)
    if asks_for_tasks(message):
        return create_tasks_from_project(_project_variables(message, context), name=name)
    if asks_for_weekly_note(message):
        return generate_weekly_note({}, name=name)
    builder = ExecutionPlanBuilder(name)
    for agent in dict.fromkeys(agent_names):
        builder.add_llm_step(templates.default_of(agent).template_id, {"message": message})
    return builder.build()


def _project_variables(message: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """The project of the context that is named; otherwise the message itself when it seems to be the project's text."""
    beginning = message[:_MATCHED_CHARACTERS].casefold()
    named = [
        str(row["id"])
        for row in context.get("projects", ())
        if isinstance(row.get("id"), str | int) and _is_named(str(row.get("name") or row.get("title") or ""), beginning)
    ]
    if len(named) == 1 and len(named[0]) <= _MAX_ID_CHARACTERS:
        return {"project_id": named[0]}
    if "\n" in message.strip() or len(message) > _MIN_PROJECT_CHARACTERS:
        return {"project_text": message}
    return {}


def _is_named(title: str, text: str) -> bool:
    title = title.strip().casefold()
    # Most titles are not in the message at all: no pattern is compiled for them.
    return bool(title) and title in text and re.search(rf"(?<!\w){re.escape(title)}(?!\w)", text) is not None


def _name_of(message: str) -> str:
    """The beginning of the message on one line, by which a person recognises the plan."""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in message[: _NAME_CHARACTERS * 4]).split())
    return (text if len(text) <= _NAME_CHARACTERS else f"{text[: _NAME_CHARACTERS - 1]}…") or "Plan"
