"""What a user may do, asked of the live tier: ``subscriptions.tier``, and nothing else."""

from accounts.models import User
from adiuva.http.problems import FeatureNotAvailable
from billing.models import Subscription
from billing.tiers import TIERS, Tier, lowest_tier_with


def tier_of(user: User) -> Tier:
    """No query for a user that ``accounts.access`` has read: their subscription came along."""
    try:
        return Tier(user.subscription.tier)
    except Subscription.DoesNotExist:
        return Tier.FREE


def limit(user: User, name: str) -> int | None:
    """An amount of § 11 (``TierLimits``); None is unlimited.

    Raises:
        AttributeError: no such row in the table.
    """
    amount: int | None = getattr(TIERS[tier_of(user)], name)
    return amount


def require_feature(user: User, feature: str) -> None:
    """Passes when the live tier includes ``feature``: a switch that is on, or an amount without limit.

    Raises:
        FeatureNotAvailable: with the lowest tier that includes it.
        AttributeError: no such row in the table.
    """
    if not TIERS[tier_of(user)].includes(feature):
        raise FeatureNotAvailable(required_tier=lowest_tier_with(feature))
