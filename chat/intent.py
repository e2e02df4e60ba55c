"""Which agent a message is for.

The router model is asked only where there is a choice. Agents the tier does not include are in the choice too: a
message that needs one of them is refused with the tier it takes, not answered by the wrong agent.
"""

import json
import logging
import re
from collections.abc import Sequence
from typing import Any

from accounts.models import User
from adiuva.http.problems import FeatureNotAvailable, NotConfigured, Problem
from agents import messages as message
from agents.base import ChatAgent
from agents.llm import get_router_llm
from agents.registry import registry
from agents.replies import Usage
from billing import entitlements
from billing.tiers import TIERS, Tier
from chat.turns import ChatTurn

logger = logging.getLogger(__name__)

DEFAULT_AGENT = "task_agent"
# A tier with n agents has the first n of these (§ 5: free has task, project and note).
AGENTS_BY_TIER = ("task_agent", "project_agent", "note_agent", "checkpoint_agent")
_HISTORY_SHOWN = 4
_CHARACTERS_SHOWN = 2_000
_OBJECT = re.compile(r"\{[^{}]*\}")


async def choose_agent(turn: ChatTurn, *, user: User, deadline: float) -> tuple[str, Usage]:
    """The name of the agent, and what asking for it has cost. Raises ``FeatureNotAvailable``, ``NotConfigured``."""
    agents = registry.list_agents()
    if len(available_to(user, agents)) == 1:
        return available_to(user, agents)[0].name, Usage()
    name, usage = await classify_intent(turn, agents, deadline=deadline)
    if name not in {agent.name for agent in available_to(user, agents)}:
        raise FeatureNotAvailable(required_tier=_lowest_tier_with_agent(name))
    return name, usage


def available_to(user: User, agents: Sequence[type[ChatAgent]]) -> list[type[ChatAgent]]:
    """Those of ``agents`` that the live tier of ``user`` includes."""
    limit = entitlements.limit(user, "agents")
    included = AGENTS_BY_TIER[:limit]
    return [agent for agent in agents if agent.name in included]


async def classify_intent(turn: ChatTurn, agents: Sequence[type[ChatAgent]], *, deadline: float) -> tuple[str, Usage]:
    """Asks the router model; ``DEFAULT_AGENT`` when its answer names no agent, or when it fails.

    A router that is down costs the user the better agent, not the answer. Raises ``NotConfigured``.
    """
    try:
        reply = await get_router_llm().complete(_question(turn, agents), schema=_schema(agents), deadline=deadline)
    except NotConfigured:
        raise
    except Problem as problem:
        logger.warning("the router failed, the default agent answers", extra={"code": problem.code})
        return DEFAULT_AGENT, Usage()
    return named_in(reply.text, [agent.name for agent in agents]) or DEFAULT_AGENT, reply.usage


def named_in(answer: str, names: Sequence[str]) -> str | None:
    """The agent a router's ``answer`` names: as JSON ``{"agent": …}`` with anything around it, or in plain words.

    None when it names none, or several.
    """
    for candidate in _OBJECT.findall(answer):
        try:
            agent = json.loads(candidate).get("agent")
        except ValueError:
            continue
        if agent in names:
            return str(agent)
    mentioned = [name for name in names if re.search(rf"\b{re.escape(name)}\b", answer)]
    return mentioned[0] if len(mentioned) == 1 else None


def _question(turn: ChatTurn, agents: Sequence[type[ChatAgent]]) -> list[message.Message]:
    roles = "\n".join(f"- {agent.name}: {agent.description}" for agent in agents)
    history = turn.context.get("conversation_history", [])[-_HISTORY_SHOWN:]
    return [
        message.system(
            "Choose the one agent that shall answer the user's last message. Reply with JSON only: "
            f'{{"agent": "<name>"}}. When unsure, choose {DEFAULT_AGENT}.\n{roles}'
        ),
        *({"role": past["role"], "content": past["content"][:_CHARACTERS_SHOWN]} for past in history),
        message.user(turn.message[:_CHARACTERS_SHOWN]),
    ]


def _schema(agents: Sequence[type[ChatAgent]]) -> dict[str, Any]:
    return {
        "title": "Intent",
        "type": "object",
        "properties": {"agent": {"type": "string", "enum": [agent.name for agent in agents]}},
        "required": ["agent"],
        "additionalProperties": False,
    }


def _lowest_tier_with_agent(name: str) -> Tier:
    position = AGENTS_BY_TIER.index(name)
    limits = ((tier, TIERS[tier].agents) for tier in Tier)
    return next(tier for tier, limit in limits if limit is None or limit > position)
