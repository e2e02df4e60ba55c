"""One item of a map run: the model, the instruction, and one record with the tools that were named."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adiuva.api.errors import UpstreamError
from agents import prompting, prompts, tool_loop
from agents.actions import Action, Table
from agents.events import ActionEmitted
from agents.llm import messages as message
from agents.llm.factory import get_llm
from agents.llm.messages import Message
from agents.llm.port import REFUSED
from agents.registry import registry
from agents.run_context import RunContext
from agents.tools.base import Tool
from agents.tools.records import CONTEXT_KEYS, RunRecords

_NOBODY = UUID(int=0)
# The argument of a tool that names a record of the table.
_ID_FIELDS: Mapping[str, Table] = {
    "task_id": "tasks",
    "comment_id": "task_comments",
    "project_id": "projects",
    "checkpoint_id": "checkpoints",
    "note_id": "notes",
}
# What the records of a table never hold.
_FOREIGN_FIELDS: Mapping[Table, frozenset[str]] = {
    "tasks": frozenset({"name", "task_id", "content", "is_approved", "is_ai_suggested"}),
    "task_comments": frozenset({"title", "name", "status", "priority", "due_date"}),
    "projects": frozenset({"project_id", "task_id", "content", "priority", "due_date"}),
    "checkpoints": frozenset({"name", "task_id", "content", "priority"}),
    "notes": frozenset({"name", "task_id", "status", "priority", "due_date"}),
}


class ItemRefusedError(UpstreamError):
    """The provider would not answer because of what the item says: that tells nothing about the next one."""


@dataclass(frozen=True, slots=True)
class ChosenTools:
    """``agents`` are the names of those that the tools belong to."""

    tools: tuple[Tool[Any], ...]
    agents: frozenset[str]


def choose_tools(names: Iterable[str]) -> ChosenTools:
    """Each once, whoever's they are. Raises ``KeyError`` with the name of a tool that there is not."""
    known = {tool.name: (agent.name, tool) for agent in registry.list_agents() for tool in agent(_NOBODY).get_tools()}
    chosen = [known[name] for name in dict.fromkeys(names)]
    return ChosenTools(tuple(tool for _, tool in chosen), frozenset(agent for agent, _ in chosen))


async def run_item(
    *, record: Mapping[str, Any], instruction: str, tools: Sequence[Tool[Any]], run: RunContext
) -> AsyncGenerator[Action, None]:
    """The actions of one item, as they are made. ``run`` has its ids, its deadline and its meter.

    Read tools are answered from ``record``, and are no actions: a client has nothing to do about them. What the model
    says is dropped. Raises the problems of ``LanguageModel.stream``, and ``ItemRefusedError``.
    """
    tables = tables_of(record, tools)
    records = RunRecords.of({}, instruction)
    for table in tables:
        records.learn(table, record)
    llm = get_llm(run.model, provider=run.provider)
    acted = False
    events = tool_loop.run(llm, _messages(record, instruction, tables, run), tools, context=run, records=records)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, ActionEmitted) and event.action.type != "query_records":
                acted = True
                yield event.action
    if not acted and run.meter.finish_reason == "content_filter":
        raise ItemRefusedError(REFUSED)


def tables_of(record: Mapping[str, Any], tools: Sequence[Tool[Any]]) -> tuple[Table, ...]:
    """The tables that ``record`` may be of. Nobody says which one it is; what the tools must be told of, and what
    stands in it, leave one of them, nearly always.
    """
    arguments = [
        (table, field)
        for tool in tools
        for name, table in _ID_FIELDS.items()
        if (field := tool.arguments.model_fields.get(name))
    ]
    needed = {tool.table for tool in tools if tool.find is not None}
    needed |= {table for table, field in arguments if field.is_required()}
    for named in (needed, {table for table, _ in arguments}):
        likely = tuple(table for table in CONTEXT_KEYS if table in named and not _FOREIGN_FIELDS[table] & record.keys())
        if likely:
            return likely
    return tuple(table for table in CONTEXT_KEYS if table in needed)


def _messages(record: Mapping[str, Any], instruction: str, tables: Sequence[Table], run: RunContext) -> list[Message]:
    """What differs from item to item comes as late as it can: providers charge less for a beginning they have read."""
    source = CONTEXT_KEYS[tables[0]] if len(tables) == 1 else "record"
    # Not MAX_RESULT_CHARACTERS: what is escaped takes up to six times the 16 KiB that a record may have.
    fenced = prompting.fence(source, [record], prompting.MAX_DATA_CHARACTERS)
    instructions = [prompts.load("map_item"), prompting.now(run), f"# The record\n{fenced}"]
    return [message.system("\n\n".join(instructions)), message.user(instruction)]
