"""One paid subscription a user: the newest. An older one that still lives is ended, and what is left of it credited.

A second one comes about when a user buys another tier, or pays on two pages. It is found where Stripe is asked how a
customer's subscriptions look (``billing.stripe.resync``, ``manage.py sync_stripe --fix``), never on the webhook.
"""

import logging
from collections.abc import Iterable

from billing.models import BillingFact, FactKind
from billing.projection import FINAL, PAID_UP, newest_snapshot
from billing.stripe.port import Gateway, StripeSubscription
from billing.stripe.reconciliation import newest_known, take
from billing.subscriptions import tiers_by_price

logger = logging.getLogger(__name__)


def superseded(subscriptions: Iterable[StripeSubscription]) -> list[StripeSubscription]:
    """Those that a newer, paid one of the same customer replaces, oldest first.

    One with a price that stands for no tier is somebody else's business, and one that is not paid replaces nothing.
    """
    tiers = tiers_by_price()
    ours = [one for one in subscriptions if one.price_ids and all(price in tiers for price in one.price_ids)]
    ours.sort(key=_age)
    newest = next((one for one in reversed(ours) if one.status in PAID_UP), None)
    if newest is None:
        return []
    return [one for one in ours if _age(one) < _age(newest) and one.status not in FINAL]


def end_superseded(gateway: Gateway, *, customer_id: str) -> int:
    """Asks Stripe, ends what is superseded there and takes it over; answers how many were. Raises the gateway's
    problems; whatever was left undone is found the next time.
    """
    known = newest_known(customer_id)
    ended = [
        gateway.cancel_subscription(one.id, credit_unused=True)
        for one in superseded(gateway.list_subscriptions(customer_id=customer_id))
    ]
    if ended:
        logger.info("older subscriptions ended", extra={"customer": customer_id, "count": len(ended)})
        take(customer_id=customer_id, subscriptions=[one for one in ended if one is not None], known=known)
    return len(ended)


def has_several(facts: Iterable[BillingFact]) -> bool:
    """Whether more than one of a customer's subscriptions has not ended, as far as their events say."""
    return len(living(facts)) > 1


def living(facts: Iterable[BillingFact]) -> list[str]:
    """The ids of a customer's subscriptions that have not ended; also one of which only an invoice is known."""
    by_subscription: dict[str, list[BillingFact]] = {}
    for fact in facts:
        if fact.kind != FactKind.OTHER:
            by_subscription.setdefault(fact.subscription_id, []).append(fact)
    newest = {name: newest_snapshot(group) for name, group in by_subscription.items()}
    return sorted(name for name, fact in newest.items() if fact is None or fact.status not in FINAL)


def _age(subscription: StripeSubscription) -> tuple[object, str]:
    return subscription.created, subscription.id
