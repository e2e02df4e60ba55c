"""What the offline model does with a message about the records of a small office: its calls, by the records' titles.

Today is Sunday, 22 November 2026.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents import prompting
from agents.llm import messages as message
from agents.offline_model.provider import next_reply
from agents.registry import registry
from agents.run_context import RunContext
from tests.agents.support import SUNDAY

AGENTS = ("task_agent", "project_agent", "note_agent", "checkpoint_agent")
_NAMES = {"type": "array", "items": {"type": "string", "enum": list(AGENTS)}}
_ROUTER = {"type": "json_schema", "json_schema": {"schema": {"type": "object", "properties": {"agents": _NAMES}}}}


def _project(key: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"id": f"10000000-0000-4000-8000-00000000{key}", "name": name, "status": "active", **fields}


WEBSITE = _project("0001", "Website")
UMZUG = _project("0002", "Umzug")
TRASLOCO = _project("0003", "Trasloco")
GARDEN = _project("0004", "Garden")
OLD_SHOP = _project("0005", "Old shop", status="archived")
PROJECTS = [WEBSITE, UMZUG, TRASLOCO, GARDEN, OLD_SHOP]


def _record(title: str, project: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    record_id = str(uuid.uuid5(uuid.NAMESPACE_URL, title))
    return {"id": record_id, "title": title, **({"project_id": project["id"]} if project else {}), **fields}


HIGH: dict[str, Any] = {"priority": "high"}
LOW: dict[str, Any] = {"priority": "low"}
TASKS = [
    _record("Contact form", WEBSITE, status="todo", due_date="2026-11-20", **HIGH),
    _record("Imprint page", WEBSITE, status="in_progress", due_date="2026-11-25", **LOW),
    _record("Choose a font", WEBSITE, status="done", due_date="2026-11-10", **LOW),
    _record("Kisten packen", UMZUG, status="todo", due_date="2026-11-22"),
    _record("Strom ummelden", UMZUG, status="done"),
    _record("Prenotare il furgone", TRASLOCO, status="todo", due_date="2026-11-30", **HIGH),
    _record("Water the roses", GARDEN, status="todo", due_date="2026-11-18", **LOW),
    _record("Buy milk", status="todo", due_date="2026-11-22", tags=["shopping"]),
    _record("Buy bread", status="done", tags=["shopping"], **LOW),
    _record("Call Anna", status="todo", due_date="2026-11-27", assignee="Ben"),
    _record("Call Bob", status="in_progress", due_date="2026-12-04"),
    _record("Pay rent", status="todo", **HIGH),
]
CHECKPOINTS = [
    _record("Beta", WEBSITE, due_date="2026-12-01", is_ai_suggested=False, is_approved=True),
    _record("Launch", WEBSITE, due_date="2026-12-20", is_ai_suggested=True, is_approved=False),
    _record("Schlüsselübergabe", UMZUG, due_date="2026-11-30", is_ai_suggested=True, is_approved=False),
]
NOTES = [
    _record("Kick-off minutes", WEBSITE, content="# Agreed\n- The logo is blue\n- Ben writes the imprint"),
    _record("Pasta", content="Salt the water. Nine minutes, then drain it."),
    _record("Einkaufsliste", content="- Brot\n- Käse"),
]
CONTEXT: Mapping[str, Any] = {
    "user_profile": {"name": "Eva", "timezone": "Europe/Berlin"},
    "recent_tasks": TASKS,
    "projects": PROJECTS,
    "checkpoints": CHECKPOINTS,
    "notes": NOTES,
}
_TITLES = {
    str(row["id"]): str(row.get("title") or row.get("name"))
    for rows in (TASKS, PROJECTS, CHECKPOINTS, NOTES)
    for row in rows
}


@dataclass(frozen=True, slots=True)
class Calls:
    """``deeds`` are the titles of what each tool is called for, without reads; ``changes`` the different fields given.

    ``text`` is the answer of an agent that calls nothing.
    """

    text: str
    deeds: dict[str, set[str]]
    changes: list[dict[str, Any]]
    reads: list[tuple[str, dict[str, Any]]]


def put(
    text: str,
    context: Mapping[str, Any] = CONTEXT,
    *,
    before: Sequence[tuple[str, str]] = (),
    results: Sequence[Mapping[str, Any]] | None = None,
) -> Calls:
    """The first calls of each agent that ``text`` is for.

    ``before``: what the user said, and what was answered. ``results``: what other agents of the turn did.
    """
    history = [
        {"role": role, "content": content}
        for pair in before
        for role, content in zip(("user", "assistant"), pair, strict=True)
    ]
    run = RunContext.of({**context, "conversation_history": history}, now=SUNDAY)
    asked = [message.system("Pick the assistants."), *prompting.history(run), message.user(text)]
    chosen = json.loads(next_reply(asked, {"response_format": _ROUTER}).text)["agents"]
    found = Calls("", {}, [], [])
    texts = []
    for agent in chosen:
        tools = [tool.schema() for tool in registry.get(agent)(user_id=uuid.UUID(int=1)).get_tools()]
        reply = next_reply(prompting.messages(agent, text, run, previous_results=results), {"tools": tools})
        texts.append(reply.text)
        for call in reply.calls:
            _add(found, call.name, json.loads(call.arguments))
    return Calls("\n".join(filter(None, texts)), found.deeds, found.changes, found.reads)


def _add(found: Calls, tool: str, arguments: dict[str, Any]) -> None:
    if tool.startswith(("list_", "get_")):
        found.reads.append((tool, arguments))
        return
    own = next((key for key in arguments if key.endswith("_id") and key.removesuffix("_id") in tool), "")
    title = _TITLES.get(str(arguments.get(own))) or str(arguments.get("title") or arguments.get("name"))
    found.deeds.setdefault(tool, set()).add(title)
    fields = {key: value for key, value in arguments.items() if key != own}
    if fields not in found.changes:
        found.changes.append(fields)
