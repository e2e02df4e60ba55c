"""Which tiers have a template: those that have its agent (wire contract § 5)."""

from accounts.models import User
from adiuva.http.problems import FeatureNotAvailable
from billing import entitlements
from billing.tiers import TIERS, Tier
from chat.intent import AGENTS_BY_TIER
from chat.plans.templates import PromptTemplate


def require_template(user: User, template: PromptTemplate) -> None:
    """Raises ``FeatureNotAvailable``."""
    limit = entitlements.limit(user, "agents")
    needed = AGENTS_BY_TIER.index(template.agent) + 1
    if limit is None or limit >= needed:
        return
    amounts = ((tier, TIERS[tier].agents) for tier in Tier)
    raise FeatureNotAvailable(
        required_tier=next(tier for tier, amount in amounts if amount is None or amount >= needed),
        detail="The current tier does not include this template.",
    )
