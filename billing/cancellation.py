"""Ending subscriptions: at Stripe first, then here.

While Stripe is away nothing changes here. A crash between the two leaves a subscription that is ended there; Stripe's
event about it, or the same request again, brings us up to date.

A user has one paid subscription: the newest. Of several, which come about when a user buys another tier or pays on two
pages, the older ones are ended, and what is left of them credited. They are found where Stripe is asked how a
customer's subscriptions look (``billing.jobs``, ``manage.py sync_stripe --fix``), never on the webhook.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from accounts.models import User
from adiuva.api.errors import UpstreamError
from billing.entitlements import tier_of
from billing.models import BillingFact, SubscriptionStatus
from billing.projection import FINAL, PAID_UP, running_subscription_ids
from billing.stripe.factory import get_gateway
from billing.stripe.port import Gateway, StripeSubscription
from billing.stripe.reconciliation import apply_subscriptions, newest_fact_times
from billing.subscriptions import set_tier, tiers_by_price
from billing.tiers import Tier


def cancel_subscription(*, user: User) -> None:
    """Ends everything ``user`` pays for, at once; they are on the free tier afterwards. Again is no error.

    The caller's ``user`` is up to date afterwards.

    Raises:
        NotConfigured: there is something to end at Stripe, and no key to it.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: Stripe. Trying again is safe.
    """
    customer_id = user.stripe_customer_id or ""
    for subscription_id in running_subscriptions(user):
        known = newest_fact_times(customer_id)
        ended = _end(subscription_id, customer_id=customer_id)
        if customer_id:
            apply_subscriptions(customer_id=customer_id, subscriptions=[ended], known=known)
    user.refresh_from_db(fields=["tier", "subscription"])
    if tier_of(user) is not Tier.FREE:
        set_tier(user=user, tier=Tier.FREE)  # what an operator granted


def running_subscriptions(user: User) -> list[str]:
    """All that may still cost money, not only the one that is shown: nobody who has ended it pays for another."""
    customer_id, shown = user.stripe_customer_id, getattr(user, "subscription", None)
    facts = BillingFact.objects.filter(subject_id=customer_id) if customer_id else ()
    running = set(running_subscription_ids(facts))
    if shown is not None and shown.stripe_subscription_id and shown.status not in FINAL:
        running.add(shown.stripe_subscription_id)
    return sorted(running)


def _end(subscription_id: str, *, customer_id: str) -> StripeSubscription:
    """As Stripe shows it now. One that Stripe never had, or has under another customer, is ended for us as well."""
    answer = get_gateway().cancel_subscription(subscription_id)
    if answer is None:
        answer = _as_cancelled(subscription_id)
    if answer.status not in FINAL:
        raise UpstreamError("The payment service did not end the subscription.")
    return replace(answer, customer_id=customer_id, payload={**answer.payload, "customer": customer_id})


def _as_cancelled(subscription_id: str) -> StripeSubscription:
    """What stands in for a subscription that Stripe does not have."""
    status = SubscriptionStatus.CANCELED.value
    return StripeSubscription(
        id=subscription_id,
        customer_id="",
        status=status,
        price_ids=(),
        current_period_end=None,
        cancel_at_period_end=False,
        created=datetime.fromtimestamp(0, UTC),
        payload={"id": subscription_id, "object": "subscription", "status": status},
    )


logger = logging.getLogger(__name__)


def find_duplicates(subscriptions: Iterable[StripeSubscription]) -> list[StripeSubscription]:
    """Those that a newer, paid one of the same customer replaces, oldest first.

    One with a price that stands for no tier is somebody else's business, and one that is not paid replaces nothing.
    """
    tiers = tiers_by_price()
    ours = [one for one in subscriptions if one.price_ids and all(price in tiers for price in one.price_ids)]
    ours.sort(key=_seniority)
    newest = next((one for one in reversed(ours) if one.status in PAID_UP), None)
    if newest is None:
        return []
    return [one for one in ours if _seniority(one) < _seniority(newest) and one.status not in FINAL]


def end_duplicates(gateway: Gateway, *, customer_id: str) -> int:
    """Asks Stripe, ends the duplicates there and takes over the result; answers how many there were. Raises the
    gateway's problems; whatever was left undone is found the next time.
    """
    known = newest_fact_times(customer_id)
    duplicates = find_duplicates(gateway.list_subscriptions(customer_id=customer_id))
    answers = [gateway.cancel_subscription(one.id, credit_unused=True) for one in duplicates]
    if answers:
        logger.info("older subscriptions ended", extra={"customer": customer_id, "count": len(answers)})
        ended = [answer for answer in answers if answer is not None]
        apply_subscriptions(customer_id=customer_id, subscriptions=ended, known=known)
    return len(answers)


def _seniority(subscription: StripeSubscription) -> tuple[object, str]:
    return subscription.created, subscription.id
