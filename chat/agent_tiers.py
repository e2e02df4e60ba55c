"""Which agents a tier has (wire contract § 5: free has three)."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from accounts.models import User
from adiuva.api.errors import FeatureNotAvailable
from agents.base import BaseAgent
from billing import entitlements
from billing.tiers import TIERS, Tier

# A tier with n agents has the first n of these.
AGENTS_BY_TIER = ("task_agent", "project_agent", "note_agent", "checkpoint_agent")

AgentClass = TypeVar("AgentClass", bound=type[BaseAgent])


def available_to(user: User, agents: Sequence[AgentClass]) -> list[AgentClass]:
    """Those of ``agents`` that the live tier of ``user`` includes."""
    included = AGENTS_BY_TIER[: entitlements.limit(user, "agents")]
    return [agent for agent in agents if agent.name in included]


def require_agents(user: User, names: Iterable[str], *, detail: str | None = None) -> None:
    """Raises ``FeatureNotAvailable`` with the tier that has all of ``names``."""
    needed = max(AGENTS_BY_TIER.index(name) for name in names) + 1
    limit = entitlements.limit(user, "agents")
    if limit is None or limit >= needed:
        return
    amounts = ((tier, TIERS[tier].agents) for tier in Tier)
    tier = next(tier for tier, amount in amounts if amount is None or amount >= needed)
    raise FeatureNotAvailable(required_tier=tier, detail=detail)
