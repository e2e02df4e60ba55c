"""What a user may do, asked of the live tier: the row of ``subscriptions``, and nothing else."""

from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Case, CharField, F, Q, Value, When
from django.db.models.functions import Coalesce

from accounts.models import User
from adiuva.api.errors import FeatureNotAvailable
from billing.models import Subscription, SubscriptionStatus
from billing.tiers import TIERS, Tier, lowest_tier_with


def tier_of(user: User) -> Tier:
    """No query for a user that ``accounts.authentication`` has read: their subscription came along.

    The grace of a failed payment ends here, by the clock: no job has to have run.
    """
    try:
        subscription = user.subscription
    except Subscription.DoesNotExist:
        return Tier.FREE
    return Tier(subscription.tier_after_grace if is_grace_over(subscription) else subscription.tier)


def is_grace_over(subscription: Subscription) -> bool:
    """Whether it has been past due for longer than ``PAST_DUE_GRACE``."""
    since = subscription.past_due_since
    if subscription.status != SubscriptionStatus.PAST_DUE or since is None:
        return False
    return datetime.now(UTC) >= since + settings.PAST_DUE_GRACE


def tier_in_sql(prefix: str) -> Case:
    """``tier_of`` for queries over many; ``prefix`` leads to the user."""
    return tier_of_rows(f"{prefix}subscription__")


def tier_of_rows(prefix: str = "") -> Case:
    """The same in a query of subscriptions, or of what ``prefix`` leads to them from."""
    has_no_grace_left = Q(
        **{
            f"{prefix}status": SubscriptionStatus.PAST_DUE,
            f"{prefix}past_due_since__lte": datetime.now(UTC) - settings.PAST_DUE_GRACE,
        }
    )
    return Case(
        When(has_no_grace_left, then=F(f"{prefix}tier_after_grace")),
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
