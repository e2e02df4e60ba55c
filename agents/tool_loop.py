"""The loop between a model and its tools, written out here: it is small, and docs/api.md § 5 sets its limits.

At most five rounds of tool calls; after them the model answers without tools. What the model gets wrong (an
unknown tool, arguments that are no JSON or break a rule, a record that does not exist) goes back to it as the call's
result and never becomes an action.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from adiuva.api.errors import UpstreamTimeout
from agents import prompting
from agents.actions import new_id
from agents.events import ActionEmitted, AgentEvent, ClientToolCall, TextDelta
from agents.llm import messages as message
from agents.llm.language_model import LanguageModel
from agents.llm.messages import Message, ToolCall
from agents.llm.port import NO_TOOLS, REFUSED, Reply
from agents.run_context import ClientToolFailed, ClientTools, RunContext
from agents.tools.base import Tool, ToolError, ToolRun
from agents.tools.records import RunRecords

MAX_ROUNDS = 5
# A model that runs away writes calls without end; a large real request ("a task for each chapter") stays below.
MAX_CALLS_A_ROUND = 50
_MAX_ERROR_CHARACTERS = 500
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_ANSWER = "I could not find an answer to that."
_DONE = "Done."
# What is said without a model.
SENTENCES = (_NO_ANSWER, _DONE, REFUSED, NO_TOOLS)


@dataclass(slots=True)
class _Call:
    """One call of a round: its answer is there at once (``content``) or comes from the client (``wire_id``)."""

    id: str
    tool: Tool[Any] | None
    content: str = ""
    wire_id: str | None = None


@dataclass(slots=True)
class _Progress:
    spoke: bool = False
    acted: bool = False


async def run(
    llm: LanguageModel,
    messages: Sequence[Message],
    tools: Sequence[Tool[Any]],
    max_iter: int = MAX_ROUNDS,
    *,
    context: RunContext,
    records: RunRecords,
) -> AsyncGenerator[AgentEvent, None]:
    """Everything that happens until the model has answered. Raises the problems of ``LanguageModel.stream``."""
    conversation = list(messages)
    by_name = {tool.name: tool for tool in tools}
    schemas = [tool.schema() for tool in tools]
    tool_run = ToolRun(records, context)
    progress = _Progress()
    used_ids: set[str] = set()
    for turn in range(max_iter + 1):
        offered = schemas if turn < max_iter else []
        reply = Reply("")
        answered = False
        stream = llm.stream(conversation, tools=offered, deadline=context.deadline, meter=context.meter)
        async with aclosing(stream) as parts:
            async for part in parts:
                if isinstance(part, Reply):
                    reply = part
                elif part:
                    yield TextDelta(part if answered or not progress.spoke else f"\n\n{part}")
                    answered = progress.spoke = True
        if not offered or not reply.calls:
            break
        calls = _with_unique_ids(reply.calls, used_ids)
        repeatable = [_make_repeatable(call) for call in calls]
        conversation.append(message.assistant(reply.text, repeatable, model=reply.model, state=reply.state))
        async with aclosing(_answer(calls, by_name, tool_run, progress)) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, dict):
                    conversation.append(outcome)
                else:
                    yield outcome
    if not progress.spoke:
        yield TextDelta(_DONE if progress.acted else _NO_ANSWER)


async def _answer(
    calls: Sequence[ToolCall], by_name: dict[str, Tool[Any]], run: ToolRun, progress: _Progress
) -> AsyncGenerator[AgentEvent | Message, None]:
    """The events of one round's calls, then a tool message for each of them, in the calls' order.

    The client is asked all reads of the round before the first answer is awaited: they take one round trip.
    """
    pending: list[_Call] = []
    for number, call in enumerate(calls):
        state = _Call(call.id, by_name.get(call.name))
        pending.append(state)
        if number >= MAX_CALLS_A_ROUND:
            state.content = _failure("Nothing was done: too many calls at once. Make fewer.")
            continue
        try:
            event = _carry_out(call, state, run)
        except ToolError as error:
            state.content = _failure(str(error))
        else:
            progress.acted = progress.acted or isinstance(event, ActionEmitted)
            yield event
    for state in pending:
        if state.wire_id is not None and state.tool is not None and run.context.client_tools is not None:
            state.content = await _from_client(state.wire_id, state.tool, run, run.context.client_tools)
        yield message.tool(state.id, state.content)


def _carry_out(call: ToolCall, state: _Call, run: ToolRun) -> AgentEvent:
    tool = state.tool
    if tool is None:
        raise ToolError("Nothing was done: there is no tool of that name.")
    arguments = tool.parse(call.arguments)
    action = tool.action(arguments, run)
    if tool.find is None:
        run.records.apply(action)
        state.content = _success(f'"record_id":"{action.record_id}"' if action.type == "create_record" else "")
        return ActionEmitted(action)
    if run.context.client_tools is not None:
        state.wire_id = new_id()
        return ClientToolCall(state.wire_id, tool.name, arguments.model_dump(mode="json", exclude_unset=True))
    state.content = _rows(tool, tool.find(arguments, run))
    return ActionEmitted(action)


async def _from_client(wire_id: str, tool: Tool[Any], run: ToolRun, client: ClientTools) -> str:
    try:
        async with asyncio.timeout_at(run.context.deadline):
            result = await client.result(wire_id)
    except TimeoutError:
        raise UpstreamTimeout from None
    except ClientToolFailed as failure:
        return f"{_failure('The device could not answer.')}\n{_fenced_text(tool, failure.message)}"
    run.records.learn(tool.table, result)
    return _rows(tool, result)


def _rows(tool: Tool[Any], result: Any) -> str:
    return f"{_success()}\n{prompting.fence(tool.name, result)}"


def _fenced_text(tool: Tool[Any], text: str) -> str:
    return prompting.fence(tool.name, text[:_MAX_ERROR_CHARACTERS])


def _success(fields: str = "") -> str:
    return f'{{"ok":true{"," if fields else ""}{fields}}}'


def _failure(text: str) -> str:
    return prompting.compact_json({"ok": False, "error": text})


def _with_unique_ids(calls: Iterable[ToolCall], used_ids: set[str]) -> list[ToolCall]:
    """The calls under ids that are unique in the turn.

    Small models number each turn's calls from 1 again or leave the id out, so such a call gets a new one. A call that
    repeats id, name and arguments of another of its round is the same call sent twice: it is dropped.
    """
    seen: set[ToolCall] = set()
    unique = []
    for call in calls:
        if call.id and call in seen:
            continue
        seen.add(call)
        call_id = call.id if call.id and call.id not in used_ids else f"call_{new_id()}"
        used_ids.add(call_id)
        unique.append(ToolCall(call_id, call.name, call.arguments))
    return unique


def _make_repeatable(call: ToolCall) -> ToolCall:
    """The call as it may stand in the conversation: providers refuse odd names, some parse the arguments again."""
    try:
        whole = isinstance(json.loads(call.arguments), dict)
    except (ValueError, RecursionError):
        whole = False
    name = call.name if _TOOL_NAME.fullmatch(call.name) else "unknown"
    return ToolCall(call.id, name, call.arguments if whole else "{}")
