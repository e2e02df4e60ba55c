"""Plan mode: from a message to the plan that would answer it. No model is asked; the message waits in the plan."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async

from chat.plans.builder import ExecutionPlanBuilder
from chat.plans.cache import plan_cache
from chat.plans.model import ExecutionPlan
from chat.plans.playbooks import create_tasks_from_project, generate_weekly_note
from chat.plans.templates import templates
from chat.plans.wishes import asks_for_tasks, asks_for_weekly_note
from chat.turns import ChatTurn

_NAME_CHARACTERS = 80
_LOOKED_AT = 2_000
_LONG_ENOUGH_TO_BE_A_PROJECT = 400
_MAX_ID_CHARACTERS = 128


async def plan_for(turn: ChatTurn, agent_names: tuple[str, ...], *, user_id: UUID) -> ExecutionPlan:
    """The plan for ``turn``, kept among the user's recent ones. ``agent_names`` are the router's, in their order.

    Raises ``KeyError`` for an agent that has no template.
    """
    plan = build_plan(turn.message, turn.context, agent_names)
    # The cache may be a server on the network.
    await sync_to_async(plan_cache.remember, thread_sensitive=False)(plan, user_id=user_id)
    return plan


def build_plan(message: str, context: Mapping[str, Any], agent_names: tuple[str, ...]) -> ExecutionPlan:
    """A playbook's steps where the message asks for what one does, else a step for each agent with the message."""
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
    """The project that is named, if the context knows it; else the message itself where it holds the project's text."""
    said = message[:_LOOKED_AT].casefold()
    named = [
        str(row["id"])
        for row in context.get("projects", ())
        if isinstance(row.get("id"), str | int) and _is_named(str(row.get("name") or row.get("title") or ""), said)
    ]
    if len(named) == 1 and len(named[0]) <= _MAX_ID_CHARACTERS:
        return {"project_id": named[0]}
    if "\n" in message.strip() or len(message) > _LONG_ENOUGH_TO_BE_A_PROJECT:
        return {"project_text": message}
    return {}


def _is_named(title: str, said: str) -> bool:
    title = title.strip().casefold()
    # Most titles are nowhere in the message, which is told without a pattern.
    return bool(title) and title in said and re.search(rf"(?<!\w){re.escape(title)}(?!\w)", said) is not None


def _name_of(message: str) -> str:
    """The message's beginning, on one line: what a person knows the plan by."""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in message[: _NAME_CHARACTERS * 4]).split())
    return (text if len(text) <= _NAME_CHARACTERS else f"{text[: _NAME_CHARACTERS - 1]}…") or "Plan"
