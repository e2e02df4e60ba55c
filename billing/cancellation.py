"""Ending subscriptions: at Stripe first, then here.

While Stripe is away nothing changes here. A crash between the two leaves a subscription that is ended there; Stripe's
event about it, or the same request again, brings us up to date.

A user has one paid subscription: the newest. Of several, which come about when a user buys another tier or pays on two
pages, the older ones are ended, and what is left of them credited. They are found where Stripe is asked how a
customer's subscriptions look (``billing.jobs``, ``manage.py sync_stripe --fix``), never on the webhook.
"""

import logging
from collections.abc import Container, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from accounts.models import User
from adiuva.api.errors import Conflict, Problem, UpstreamError
from billing import alerts
from billing.entitlements import forget_tier, own_tier_of
from billing.models import BillingFact, Subscription, SubscriptionStatus
from billing.prices import PriceBook
from billing.stripe.factory import get_gateway
from billing.stripe.port import Gateway, StripeSubscription
from billing.stripe.projection import (
    FINAL,
    LIVE,
    PAID_UP,
    our_subscription_ids,
    running_subscription_ids,
    unread_subscription_ids,
)
from billing.stripe.reconciliation import FactTimes, apply_subscriptions, newest_fact_times, preview
from billing.subscriptions import set_tier
from billing.tiers import Tier

logger = logging.getLogger(__name__)


def cancel_subscription(*, user: User, at_period_end: bool = False) -> None:
    """Ends everything ``user`` pays us for: at once, with the free tier afterwards, or when what is paid for runs out.
    Again is no error. What an operator granted renews nothing, so it only ends at once.

    The caller's ``user`` is up to date afterwards.

    Raises:
        NotConfigured: there is something to end at Stripe, and no key to it.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: Stripe. Trying again is safe.
    """
    customer_id = user.stripe_customer_id or ""
    for subscription_id in running_subscriptions(user):
        known = newest_fact_times(customer_id)
        answer = _schedule_end(subscription_id) if at_period_end else _end(subscription_id)
        _apply_answer(answer, user=user, known=known)
    forget_tier(user)
    if not at_period_end and own_tier_of(user) is not Tier.FREE:
        set_tier(user=user, tier=Tier.FREE)  # what an operator granted


def resume_subscription(*, user: User) -> None:
    """Takes a scheduled end back. The caller's ``user`` is up to date afterwards.

    Raises:
        Conflict: no end is scheduled, or it has come.
        NotConfigured, UpstreamError, UpstreamUnavailable, UpstreamTimeout: as above.
    """
    row = Subscription.objects.filter(user=user).first()
    if row is None or not row.stripe_subscription_id or not row.cancel_at_period_end or row.status in FINAL:
        raise Conflict("No end of a subscription is scheduled.")
    known = newest_fact_times(user.stripe_customer_id or "")
    answer = get_gateway().resume_subscription(row.stripe_subscription_id)
    _apply_answer(answer or _as_cancelled(row.stripe_subscription_id), user=user, known=known)
    forget_tier(user)
    if answer is None:
        raise Conflict("The subscription has ended.")


def running_subscriptions(user: User) -> list[str]:
    """All that may still cost money, not only the one that is shown: nobody who has ended it pays for another.

    Only those to prices of ours; where nothing but an invoice is known, Stripe is asked (its problems are raised).
    """
    running, unread = known_subscriptions(user)
    for subscription_id in unread:
        found = get_gateway().retrieve_subscription(subscription_id)
        if found is not None and is_ours(found, book=PriceBook.load()):
            running.append(subscription_id)
    return sorted(running)


def known_subscriptions(user: User) -> tuple[list[str], list[str]]:
    """Those that have not ended, as far as is known here; and those of which nothing but an invoice is known."""
    customer_id, shown = user.stripe_customer_id, Subscription.objects.filter(user=user).first()
    facts = list(BillingFact.objects.filter(subject_id=customer_id)) if customer_id else []
    running = set(running_subscription_ids(facts))
    if shown is not None and shown.stripe_subscription_id and shown.status not in FINAL:
        running.add(shown.stripe_subscription_id)
    return sorted(running), sorted(set(unread_subscription_ids(facts)) - running)


def is_ours(subscription: StripeSubscription, *, book: PriceBook) -> bool:
    """Whether it is to a price of ours, or was bought on a page of ours: others in the account have other products."""
    return bool(subscription.named_tier) or any(book.tier_of(item.price) is not None for item in subscription.items)


def _schedule_end(subscription_id: str) -> StripeSubscription:
    answer = get_gateway().end_at_period_end(subscription_id)
    return answer if answer is not None else _as_cancelled(subscription_id)


def _end(subscription_id: str) -> StripeSubscription:
    """As Stripe shows it now. One that Stripe never had, or has under another customer, is ended for us as well."""
    answer = get_gateway().cancel_subscription(subscription_id)
    if answer is None:
        answer = _as_cancelled(subscription_id)
    if answer.status not in FINAL:
        raise UpstreamError("The payment service did not end the subscription.")
    return answer


def _apply_answer(answer: StripeSubscription, *, user: User, known: FactTimes) -> None:
    customer_id, shown = user.stripe_customer_id or "", Subscription.objects.filter(user=user).first()
    if not customer_id:
        return
    known_tier = ""
    if shown is not None and shown.stripe_subscription_id == answer.id:
        known_tier = shown.stripe_tier or shown.tier
    ours = replace(
        answer,
        customer_id=customer_id,
        named_tier=answer.named_tier or known_tier,
        payload={**answer.payload, "customer": customer_id},
    )
    apply_subscriptions(customer_id=customer_id, subscriptions=[ours], known=known)


def _as_cancelled(subscription_id: str) -> StripeSubscription:
    """What stands in for a subscription that Stripe does not have."""
    status = SubscriptionStatus.CANCELED.value
    return StripeSubscription(
        id=subscription_id,
        customer_id="",
        status=status,
        created=datetime.fromtimestamp(0, UTC),
        payload={"id": subscription_id, "object": "subscription", "status": status},
    )


def find_duplicates(subscriptions: Iterable[StripeSubscription], *, ours: Container[str]) -> list[StripeSubscription]:
    """Those that a newer, paid one of the same customer replaces, oldest first.

    ``ours``: the ids of those to prices of ours. Any other is somebody else's business, and one that is not paid
    replaces nothing.
    """
    every = sorted((one for one in subscriptions if one.id in ours), key=_seniority)
    newest = next((one for one in reversed(every) if one.status in PAID_UP), None)
    if newest is None:
        return []
    return [one for one in every if _seniority(one) < _seniority(newest) and one.status not in FINAL]


def end_duplicates(gateway: Gateway, *, customer_id: str) -> int:
    """Asks Stripe, ends the duplicates there and takes over the result; answers how many there were.

    What is left of one that was paid for is credited. While a second one lives, an alert is open: what could not be
    ended is found the next time. Raises the gateway's problems, after the others were tried.
    """
    known = newest_fact_times(customer_id)
    listed = list(gateway.list_subscriptions(customer_id=customer_id))
    ours = our_subscription_ids(preview(customer_id=customer_id, subscriptions=listed, known=known))
    duplicates = find_duplicates(listed, ours=ours)
    ended: list[StripeSubscription] = []
    failure: Problem | None = None
    for one in duplicates:
        try:
            answer = gateway.cancel_subscription(one.id, credit_unused=_is_paid_for(one))
        except Problem as problem:
            failure = problem
        else:
            ended.append(answer or replace(_as_cancelled(one.id), customer_id=customer_id))
    if ended:
        logger.info("older subscriptions ended", extra={"customer": customer_id, "count": len(ended)})
        apply_subscriptions(customer_id=customer_id, subscriptions=ended, known=known)
    over = {one.id for one in ended}
    _report_several(
        customer_id, [one for one in listed if one.id in ours and one.status in LIVE and one.id not in over]
    )
    if failure is not None:
        raise failure
    return len(duplicates)


def _report_several(customer_id: str, living: list[StripeSubscription]) -> None:
    if len(living) <= 1:
        alerts.resolve(alerts.SECOND_SUBSCRIPTION, reference=customer_id)
        return
    named = ", ".join(f"{one.id} ({one.status})" for one in sorted(living, key=_seniority))
    alerts.raise_alert(
        alerts.SECOND_SUBSCRIPTION,
        reference=customer_id,
        message=f"The customer {customer_id} has more than one living subscription, and may pay for each: {named}. "
        "The older ones could not be ended, or none is paid for.",
    )


def _is_paid_for(subscription: StripeSubscription) -> bool:
    """Time that was never paid for is never credited."""
    latest = subscription.latest_invoice
    return subscription.status in PAID_UP and (latest is None or latest.status == "paid")


def _seniority(subscription: StripeSubscription) -> tuple[object, str]:
    return subscription.created, subscription.id
