"""Runs the agents chosen for a message: one alone, or several in turn with a synthesis of their answers."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import UUID

from agents import prompting, prompts
from agents.actions import Action
from agents.events import ActionEmitted, AgentEvent, TextDelta
from agents.llm import messages as message
from agents.llm.factory import get_llm
from agents.llm.messages import Message
from agents.registry import registry
from agents.run_context import RunContext
from agents.tools.records import data_after

# Of each agent's answer; the longest that an agent gives by itself is a list or a note.
_MAX_ANSWER_CHARACTERS = 20_000

PreviousResult = dict[str, Any]


def route_single(
    name: str, query: str, run: RunContext, *, user_id: UUID, shared_memory: dict[str, Any] | None = None
) -> AsyncGenerator[AgentEvent, None]:
    """The events of the agent ``name`` at work on ``query``."""
    return registry.call_agent(name, query, run, user_id=user_id, shared_memory=shared_memory)


async def route_pipeline(
    names: Sequence[str], query: str, run: RunContext, *, user_id: UUID
) -> AsyncGenerator[AgentEvent, None]:
    """The events of the agents one after another, then one answer made of theirs.

    Each agent is given the answers and actions of those before it, and finds their records in the data. Actions are
    passed on as they are emitted; texts are not, since the synthesis repeats them.
    """
    results: list[PreviousResult] = []
    shared_memory: dict[str, Any] = {prompting.PREVIOUS_RESULTS: results}
    for name in names:
        texts: list[str] = []
        actions: list[Action] = []
        work = route_single(name, query, run, user_id=user_id, shared_memory=shared_memory)
        async with aclosing(work) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    texts.append(event.text)
                    continue
                if isinstance(event, ActionEmitted):
                    actions.append(event.action)
                yield event
        results.append(_previous_result("".join(texts), actions))
        run = replace(run, data=data_after(run.data, actions))
    async with aclosing(_synthesis(results, query, run)) as deltas:
        async for delta in deltas:
            yield delta


async def _synthesis(results: Sequence[PreviousResult], query: str, run: RunContext) -> AsyncGenerator[TextDelta, None]:
    has_text = False
    llm = get_llm(run.model, provider=run.provider)
    stream = llm.stream(_synthesis_messages(results, query, run), deadline=run.deadline, meter=run.meter)
    async with aclosing(stream) as parts:
        async for part in parts:
            if isinstance(part, str) and part:
                has_text = True
                yield TextDelta(part)
    if not has_text:
        yield TextDelta("\n\n".join(result["answer"] for result in results))


def _synthesis_messages(results: Sequence[PreviousResult], query: str, run: RunContext) -> list[Message]:
    instructions = [
        prompts.load("synthesis"),
        prompting.now(run),
        prompting.fence(prompting.PREVIOUS_RESULTS, list(results), prompting.MAX_DATA_CHARACTERS),
    ]
    return [message.system("\n\n".join(instructions)), *prompting.history(run), message.user(query)]


def _previous_result(text: str, actions: Sequence[Action]) -> PreviousResult:
    """Without the agent's name, which no model but the router needs to know."""
    done = [
        {"action": action.name, "table": action.table, "record_id": action.record_id, "data": action.data}
        for action in actions
        if action.type != "query_records"
    ]
    return {"answer": text[:_MAX_ANSWER_CHARACTERS], "done": done}
