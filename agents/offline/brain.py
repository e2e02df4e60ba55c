"""Decides what the offline model says next: tool calls first, then a sentence about what came of them."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from agents.messages import Message
from agents.offline import routing, small_talk, templates, wording
from agents.offline.kinds import Kind
from agents.offline.situation import Situation
from agents.offline.steps import MAX_CALLS, Step, step_for
from agents.offline.understanding import language_of, understand
from agents.replies import Reply, ToolCall

# Ids of calls tell which wish they serve, so that each later round reads the state off the conversation.
_PREFIX = "offline"
_LOOKUP = "lookup"


def think(messages: Sequence[Message], optional_params: Mapping[str, Any]) -> Reply:
    """The next reply to ``messages``; ``optional_params`` are those of a chat completion (tools, response_format)."""
    situation = Situation.read(messages, optional_params)
    drafted = templates.answer(situation, optional_params.get("response_format"))
    if drafted is not None:
        return Reply(drafted)
    routed = routing.answer(situation, optional_params.get("response_format"))
    if routed is not None:
        return Reply(routed)
    if situation.is_synthesis:
        return Reply(wording.together(situation))
    talk = small_talk.answer(situation.request)
    if talk is not None:
        return Reply(talk)
    language = language_of(situation.request)
    intents = understand(situation.request, situation.today, situation.projects, _kind(situation))
    steps = [
        step_for(intent, [o for o in situation.outcomes if _serves(o.call_id, number)], situation, language)
        for number, intent in enumerate(intents)
    ]
    calls = _calls(steps, situation)
    return Reply("", tuple(calls)) if calls else Reply(wording.report(steps, situation, language))


def _kind(situation: Situation) -> Kind:
    """What the tools on offer are for."""
    return next((kind for kind in Kind if f"create_{kind}" in situation.tools), Kind.TASK)


def _calls(steps: Sequence[Step], situation: Situation) -> list[ToolCall]:
    """The calls to make now. Each wish is served once; records that are missing are looked up once a turn."""
    calls = [
        _call(f"{number}", name, arguments)
        for number, step in enumerate(steps)
        if not step.outcomes
        for name, arguments in step.calls
        if name in situation.tools
    ]
    looked_up = {(o.name, json.dumps(o.arguments)) for o in situation.outcomes if f"-{_LOOKUP}-" in o.call_id}
    lookups: dict[tuple[str, str], dict[str, Any]] = {}
    for step in steps:
        if step.lookup and step.intent.tool in situation.tools and not step.outcomes:
            name, arguments = step.lookup
            lookups[name, json.dumps(arguments)] = arguments
    calls += [
        _call(_LOOKUP, name, arguments)
        for (name, said), arguments in lookups.items()
        if name in situation.tools and (name, said) not in looked_up
    ]
    return calls[:MAX_CALLS]


def _call(purpose: str, name: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall(f"{_PREFIX}-{purpose}-{uuid.uuid4().hex[:12]}", name, json.dumps(arguments))


def _serves(call_id: str, number: int) -> bool:
    return call_id.startswith(f"{_PREFIX}-{number}-")
