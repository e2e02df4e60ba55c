"""Which tiers have a template: those that have its agent (wire contract § 5)."""

from accounts.models import User
from chat.agent_tiers import require_agents
from chat.plans.templates import PromptTemplate


def require_template(user: User, template: PromptTemplate) -> None:
    """Raises ``FeatureNotAvailable``."""
    require_agents(user, [template.agent], detail="The current tier does not include this template.")
