"""Agent routing: which agents a message is for, and which of them the user's tier includes (docs/api.md § 5).

The router model is asked only when there is a choice. Agents beyond the tier belong to the choice, too: a message that
needs one of them is refused with the tier it takes, instead of being answered by the wrong agent.
"""

import json
import logging
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, TypeVar

from accounts.models import User
from adiuva.api.errors import FeatureNotAvailable, NotConfigured, Problem, QuotaExceeded, Unauthorized
from agents import prompts
from agents.agents import BaseAgent, ChatAgent
from agents.llm import messages as message
from agents.llm.factory import get_router_llm
from agents.llm.meter import Meter
from agents.registry import registry
from billing import entitlements
from billing.tiers import TIERS, Tier
from chat.turns import ChatTurn

logger = logging.getLogger(__name__)

DEFAULT_AGENT = "task_agent"
# A tier with n agents has the first n of these.
AGENTS_BY_TIER = ("task_agent", "project_agent", "note_agent", "checkpoint_agent")
_MAX_HISTORY = 4
_MAX_CHARACTERS = 2_000
_OBJECT = re.compile(r"\{[^{}]*\}")
_LIST = re.compile(r"\[[^\[\]]*\]")

AgentClass = TypeVar("AgentClass", bound=type[BaseAgent])


async def choose_agents(turn: ChatTurn, *, user: User, deadline: float, meter: Meter) -> tuple[str, ...]:
    """The names of the agents for ``turn`` in the order in which they work; at least one.

    Raises ``FeatureNotAvailable`` when the tier lacks one of them, and ``NotConfigured``.
    """
    agents = registry.list_agents()
    included = filter_included_agents(user, agents)
    if len(included) == 1:
        return (included[0].name,)
    names = await classify_intent(turn, agents, deadline=deadline, meter=meter)
    require_agents(user, names)
    return names


async def classify_intent(
    turn: ChatTurn, agents: Sequence[type[ChatAgent]], *, deadline: float, meter: Meter
) -> tuple[str, ...]:
    """Asks the router model; ``DEFAULT_AGENT`` when its answer names no agent, or when it fails.

    When the router is down the user still gets an answer, if not from the best agent. Raises ``NotConfigured``,
    ``QuotaExceeded``, and ``Unauthorized`` where the account is gone.
    """
    router = get_router_llm(provider=turn.provider)
    try:
        reply = await router.complete(
            _router_messages(turn, agents), schema=_intent_schema(agents), deadline=deadline, meter=meter
        )
    except (NotConfigured, QuotaExceeded, Unauthorized):
        raise
    except Problem as problem:
        logger.warning("the router failed, the default agent answers", extra={"code": problem.code})
        return (DEFAULT_AGENT,)
    return parse_agent_names(reply.text, [agent.name for agent in agents]) or (DEFAULT_AGENT,)


def parse_agent_names(answer: str, names: Sequence[str]) -> tuple[str, ...]:
    """The agents that the router's ``answer`` names, each once: in JSON with anything around it, or one in prose.

    Empty when it names none, or several in prose, since a sentence may well say which of them is not meant.
    """
    for candidate in chain(_OBJECT.findall(answer), _LIST.findall(answer)):
        try:
            value = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(value, dict):
            value = value.get("agents", value.get("agent"))
        chosen_names = value if isinstance(value, list) else [value]
        if chosen := tuple(dict.fromkeys(name for name in chosen_names if name in names)):
            return chosen
    mentioned = [name for name in names if re.search(rf"\b{re.escape(name)}\b", answer)]
    return tuple(mentioned) if len(mentioned) == 1 else ()


def _router_messages(turn: ChatTurn, agents: Sequence[type[ChatAgent]]) -> list[message.Message]:
    roles = "\n".join(f"- {agent.name}: {agent.description}" for agent in agents)
    history = turn.context.get("conversation_history", [])[-_MAX_HISTORY:]
    return [
        message.system(f"{prompts.load('router')}\n\n# The assistants\n{roles}"),
        *({"role": past["role"], "content": past["content"][:_MAX_CHARACTERS]} for past in history),
        message.user(turn.message[:_MAX_CHARACTERS]),
    ]


def _intent_schema(agents: Sequence[type[ChatAgent]]) -> dict[str, Any]:
    name = {"type": "string", "enum": [agent.name for agent in agents]}
    return {
        "title": "Intent",
        "type": "object",
        "properties": {"agents": {"type": "array", "items": name, "minItems": 1}},
        "required": ["agents"],
        "additionalProperties": False,
    }


def filter_included_agents(user: User, agents: Sequence[AgentClass]) -> list[AgentClass]:
    """Those of ``agents`` that the live tier of ``user`` includes."""
    included = AGENTS_BY_TIER[: entitlements.limit(user, "agents")]
    return [agent for agent in agents if agent.name in included]


def require_agents(user: User, names: Iterable[str], *, detail: str | None = None) -> None:
    """Raises ``FeatureNotAvailable`` with the tier that has all of ``names``."""
    needed = _amount_with(names)
    limit = entitlements.limit(user, "agents")
    if limit is None or limit >= needed:
        return
    raise FeatureNotAvailable(required_tier=_lowest_tier(needed), detail=detail)


def required_tier(names: Iterable[str]) -> Tier:
    """The lowest tier that has all of ``names``."""
    return _lowest_tier(_amount_with(names))


def _amount_with(names: Iterable[str]) -> int:
    return max(AGENTS_BY_TIER.index(name) for name in names) + 1


def _lowest_tier(agents: int) -> Tier:
    amounts = ((tier, TIERS[tier].agents) for tier in Tier)
    return next(tier for tier, amount in amounts if amount is None or amount >= agents)
