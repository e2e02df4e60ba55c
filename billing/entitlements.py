"""What a user may do, asked of the live tier: the rows of ``subscriptions``, their own and the one that pays for their
organisation, and nothing else.

After a failed payment a subscription keeps its tier for ``PAST_DUE_GRACE`` (docs/api.md § 10). That ends by the clock:
no job has to have run.
"""

from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Case, CharField, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from accounts.models import User
from accounts.organizations.models import Membership, membership_of
from adiuva.api.errors import FeatureNotAvailable
from billing.models import Subscription, SubscriptionStatus
from billing.tiers import TIERS, Tier, lowest_tier_with

# What the tier of a user is read from, and the columns of it that it takes.
RELATIONS = ("subscription", "membership__organization__subscription")
_PAYS = ("tier", "tier_after_grace", "status", "past_due_since")
COLUMNS = (
    *(f"subscription__{column}" for column in _PAYS),
    *("membership__active", "membership__organization__id"),
    *(f"membership__organization__subscription__{column}" for column in _PAYS),
)


def seldom_needed() -> tuple[str, ...]:
    """The columns of ``RELATIONS`` that say nothing of a tier, nor of whose member somebody is and what they may do."""
    needed = {*_PAYS, "id", "organization", "user"}
    rest = [field.name for field in Subscription._meta.concrete_fields if field.name not in needed]
    own = [f"subscription__{name}" for name in ("organization", *rest)]
    paying = [f"membership__organization__subscription__{name}" for name in ("user", *rest)]
    shown = {"id", "organization", "user", "role", "active"}
    membership = [f"membership__{field.name}" for field in Membership._meta.concrete_fields if field.name not in shown]
    return (*own, *paying, *membership, "membership__organization__created_at")


def tier_of(user: User) -> Tier:
    """No query for a user that ``accounts.authentication`` has read: what it takes came along.

    Team for who is an active member of an organisation whose subscription is good for it. Otherwise their own: once the
    grace of a failed payment is over, it is what the user's other subscriptions pay for.
    """
    own = own_tier_of(user)
    if own is Tier.TEAM:
        return own
    membership = membership_of(user)
    paying = getattr(membership.organization, "subscription", None) if membership is not None else None
    return Tier.TEAM if paying is not None and tier_of_subscription(paying) is Tier.TEAM else own


def own_tier_of(user: User) -> Tier:
    """What they pay for themselves, or have from an operator."""
    subscription = getattr(user, "subscription", None)
    return tier_of_subscription(subscription) if subscription is not None else Tier.FREE


def forget_tier(user: User) -> None:
    """What was read of it before is read anew, as well as the display copy."""
    user.refresh_from_db(fields=["tier", "subscription", "membership"])


def tier_of_subscription(subscription: Subscription) -> Tier:
    """What it is good for now, for who pays it and for the organisation it pays for."""
    return Tier(subscription.tier_after_grace if is_grace_over(subscription) else subscription.tier)


def tier_in_sql(prefix: str) -> Case:
    """``tier_of`` for queries over many; ``prefix`` leads to the user."""
    is_paid_for = Exact(tier_of_rows(f"{prefix}membership__organization__subscription__"), Value(Tier.TEAM.value))
    return Case(
        When(Q(**{f"{prefix}membership__active": True}) & Q(is_paid_for), then=Value(Tier.TEAM.value)),
        default=tier_of_rows(f"{prefix}subscription__"),
        output_field=CharField(),
    )


def tier_of_rows(prefix: str = "") -> Case:
    """``tier_of_subscription`` in a query of subscriptions, or of what ``prefix`` leads to them from."""
    return Case(
        When(is_grace_over_in_sql(prefix), then=F(f"{prefix}tier_after_grace")),
        default=Coalesce(F(f"{prefix}tier"), Value(Tier.FREE.value)),
        output_field=CharField(),
    )


def is_grace_over(subscription: Subscription) -> bool:
    """Whether it has been past due for longer than the grace."""
    since = subscription.past_due_since
    if subscription.status != SubscriptionStatus.PAST_DUE or since is None:
        return False
    return datetime.now(UTC) >= since + settings.PAST_DUE_GRACE


def is_grace_over_in_sql(prefix: str = "") -> Q:
    """``is_grace_over`` in a query of subscriptions, or of what ``prefix`` leads to them from."""
    latest_start = datetime.now(UTC) - settings.PAST_DUE_GRACE
    return Q(**{f"{prefix}status": SubscriptionStatus.PAST_DUE, f"{prefix}past_due_since__lte": latest_start})


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
