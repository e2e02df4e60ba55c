"""The grace of a failed payment: a past-due subscription keeps its tier for ``PAST_DUE_GRACE`` (docs/api.md § 10).

It ends by the clock: no job has to have run.
"""

from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Q

from billing.models import Subscription, SubscriptionStatus


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
