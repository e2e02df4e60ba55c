"""One paid subscription a user: the newest. An older one that still lives is ended, and what is left of it credited.

A second one comes about when a user buys another tier, or pays on two pages. It is found where Stripe is asked how a
customer's subscriptions look (``billing.jobs``, ``manage.py sync_stripe --fix``), never on the webhook.
"""

import logging
from collections.abc import Iterable

from billing.projection import FINAL, PAID_UP
from billing.stripe.port import Gateway, StripeSubscription
from billing.stripe.reconciliation import apply_subscriptions, newest_fact_times
from billing.subscriptions import tiers_by_price

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
