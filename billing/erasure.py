"""What billing does when an account is deleted: nobody pays for an account that is gone, and nothing names them."""

import logging
from uuid import UUID

from django.db import transaction

from accounts.models import User
from adiuva.http.problems import NotConfigured
from billing import alerts, stripe_mirror
from billing.customers import lock_subject
from billing.models import BillingFact, FactKind, Subscription
from billing.projection import FINAL, newest_snapshot
from billing.stripe_gateway import get_gateway

logger = logging.getLogger(__name__)


def erase(user_id: UUID) -> None:
    """Raises the gateway's problems: while Stripe is away the account stays closed, and erasure tries again later."""
    user = User.objects.filter(id=user_id).first()
    if user is None:
        return
    customer_id = user.stripe_customer_id or ""
    for subscription_id in _running_subscriptions(user_id=user_id, customer_id=customer_id):
        _cancel(subscription_id)
    with transaction.atomic():
        if customer_id:
            lock_subject(customer_id)
            facts = BillingFact.objects.filter(subject_id=customer_id)
            stripe_mirror.forget_customer(customer_id, event_ids=list(facts.values_list("event_id", flat=True)))
            facts.delete()
        Subscription.objects.filter(user_id=user_id).delete()


def _running_subscriptions(*, user_id: UUID, customer_id: str) -> list[str]:
    """All that may still cost money: not only the one that is shown."""
    running = set(
        Subscription.objects.filter(user_id=user_id, stripe_subscription_id__isnull=False)
        .exclude(status__in=FINAL)
        .values_list("stripe_subscription_id", flat=True)
    )
    by_subscription: dict[str, list[BillingFact]] = {}
    for fact in BillingFact.objects.filter(subject_id=customer_id).exclude(kind=FactKind.OTHER):
        by_subscription.setdefault(fact.subscription_id, []).append(fact)
    for subscription_id, facts in by_subscription.items():
        newest = newest_snapshot(facts)
        if newest is None or newest.status not in FINAL:
            running.add(subscription_id)
    return sorted(filter(None, running))


def _cancel(subscription_id: str) -> None:
    """One that Stripe never had, or has cancelled already, is as good as cancelled."""
    try:
        get_gateway().cancel_subscription(subscription_id)
    except NotConfigured:
        # Waiting for a key that was taken away on purpose would keep the account for ever.
        alerts.raise_alert(
            alerts.CANCEL_BY_HAND,
            reference=subscription_id,
            message=f"The account of {subscription_id} was deleted while no STRIPE_SECRET_KEY was set: cancel it in "
            f"Stripe's dashboard.",
        )
