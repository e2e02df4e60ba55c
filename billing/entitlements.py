"""What a user may do, asked of the live tier: the row of ``subscriptions``, and nothing else."""

from django.db.models import Case, CharField, F, Value, When
from django.db.models.functions import Coalesce

from accounts.models import User
from adiuva.api.errors import FeatureNotAvailable
from billing.grace import is_grace_over, is_grace_over_in_sql
from billing.models import Subscription
from billing.tiers import TIERS, Tier, lowest_tier_with


def tier_of(user: User) -> Tier:
    """No query for a user that ``accounts.authentication`` has read: their subscription came along.

    Once the grace of a failed payment is over, it is what the user's other subscriptions pay for.
    """
    try:
        subscription = user.subscription
    except Subscription.DoesNotExist:
        return Tier.FREE
    return Tier(subscription.tier_after_grace if is_grace_over(subscription) else subscription.tier)


def tier_in_sql(prefix: str) -> Case:
    """``tier_of`` for queries over many; ``prefix`` leads to the user."""
    return tier_of_rows(f"{prefix}subscription__")


def tier_of_rows(prefix: str = "") -> Case:
    """The same in a query of subscriptions, or of what ``prefix`` leads to them from."""
    return Case(
        When(is_grace_over_in_sql(prefix), then=F(f"{prefix}tier_after_grace")),
        default=Coalesce(F(f"{prefix}tier"), Value(Tier.FREE.value)),
        output_field=CharField(),
    )


def limit(user: User, name: str) -> int | None:
    """An amount of docs/api.md § 11 (``TierLimits``); None is unlimited.

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
