"""Our subscriptions beside Stripe's: applying what its API answers, and telling where the two differ."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from billing.customers import find_locked_user, lock_subject
from billing.models import BillingFact, FactKind
from billing.projection import FINAL, State, project
from billing.stripe.djstripe import mirror
from billing.stripe.events import build_fetched_fact
from billing.stripe.factory import get_gateway
from billing.stripe.port import StripeSubscription
from billing.subscriptions import apply_facts, tiers_by_price

FactTimes = dict[str, datetime]


def refresh(customer_id: str) -> None:
    """Asks Stripe for the customer's subscriptions and applies what it answers. Raises the gateway's problems."""
    known = newest_fact_times(customer_id)
    apply_subscriptions(
        customer_id=customer_id,
        subscriptions=list(get_gateway().list_subscriptions(customer_id=customer_id)),
        known=known,
    )


def newest_fact_times(customer_id: str) -> FactTimes:
    """By subscription, how new the newest fact is: to be asked before Stripe is, so that an event that comes while it
    answers is taken for the newer of the two.
    """
    facts = BillingFact.objects.filter(subject_id=customer_id).exclude(kind=FactKind.OTHER)
    return dict(facts.values_list("subscription_id").annotate(newest=Max("occurred_at")))


@transaction.atomic
def apply_subscriptions(
    *, customer_id: str, subscriptions: Iterable[StripeSubscription], known: FactTimes
) -> State | None:
    """Stores what Stripe's API answered about a customer and applies it to their user, if they have one.

    ``known``: what ``newest_fact_times`` said before Stripe was asked. Not for callers that hold the user's row: the
    customer is locked first.
    Raises ValidationFailed for an answer that makes no sense.
    """
    lock_subject(customer_id)
    user = find_locked_user(customer_id)
    for subscription in subscriptions:
        _store_fetched(subscription, customer_id=customer_id, known=known, user=user)
    return None if user is None else apply_facts(user=user, facts=_facts_of(customer_id))


def preview(*, customer_id: str, subscriptions: Iterable[StripeSubscription], known: FactTimes) -> State | None:
    """What ``apply_subscriptions`` would come to, without storing anything."""
    facts = {fact.event_id: fact for fact in _facts_of(customer_id)}
    for subscription in subscriptions:
        fact = build_fetched_fact(subscription, as_of=known.get(subscription.id))
        facts[fact.event_id] = fact
    return project(facts.values(), tiers=tiers_by_price())


@dataclass(frozen=True, slots=True)
class Drift:
    """Where ``ours`` (the row every request reads) and Stripe differ: column, our value, Stripe's."""

    user: User
    differences: tuple[tuple[str, object, object], ...]


def find_drift(user: User, state: State | None) -> Drift | None:
    """``state``: what Stripe's answer comes to (``preview``). A tier that an operator set is no drift."""
    row = getattr(user, "subscription", None)
    if state is None:
        missing = row is not None and row.stripe_subscription_id is not None
        return Drift(user, (("subscription", row and row.stripe_subscription_id, None),)) if missing else None
    pairs = [
        ("subscription", row and row.stripe_subscription_id, state.subscription_id),
        ("status", row and row.status, state.status),
        ("tier", row and row.stripe_tier, state.tier or ""),
        ("current_period_end", row and row.current_period_end, state.current_period_end),
        ("cancel_at_period_end", row and row.cancel_at_period_end, state.cancel_at_period_end),
    ]
    differences = tuple(pair for pair in pairs if pair[1] != pair[2])
    return Drift(user, differences) if differences else None


def _store_fetched(subscription: StripeSubscription, *, customer_id: str, known: FactTimes, user: User | None) -> None:
    as_of = known.get(subscription.id)
    if subscription.status in FINAL:
        # For good, so that nothing we have heard since can be newer.
        as_of = newest_fact_times(customer_id).get(subscription.id)
    fact = build_fetched_fact(subscription, as_of=as_of)
    before = BillingFact.objects.filter(event_id=fact.event_id).first()
    if before is not None and before.occurred_at > fact.occurred_at:
        return
    if before is not None:
        fact.recorded_at = before.recorded_at
    fact.save()
    if user is not None:
        mirror.store_subscription(subscription.payload, user=user)


def _facts_of(customer_id: str) -> list[BillingFact]:
    return list(BillingFact.objects.filter(subject_id=customer_id))
