"""Our subscriptions beside Stripe's: applying what its API answers, and telling where the two differ."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from billing.models import BillingFact, FactKind
from billing.prices import PriceBook, learn
from billing.stripe.customers import find_locked_user, lock_subject
from billing.stripe.djstripe import mirror
from billing.stripe.events import build_fetched_fact
from billing.stripe.factory import get_gateway
from billing.stripe.port import StripeSubscription
from billing.stripe.projection import FINAL, State, better_tier, tier_of_subscription
from billing.subscriptions import apply_facts

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
    book = PriceBook.load()
    for subscription in subscriptions:
        learn((item.price for item in subscription.items), book=book)
        _store_fetched(subscription, customer_id=customer_id, known=known, user=user, book=book)
    return None if user is None else apply_facts(user=user, facts=_facts_of(customer_id))


def preview(*, customer_id: str, subscriptions: Iterable[StripeSubscription], known: FactTimes) -> list[BillingFact]:
    """The facts as ``apply_subscriptions`` would leave them, without storing anything."""
    book = PriceBook.load()
    facts = {fact.event_id: fact for fact in _facts_of(customer_id)}
    for subscription in subscriptions:
        fact = _build(subscription, as_of=known.get(subscription.id), book=book, facts=list(facts.values()))
        facts[fact.event_id] = fact
    return list(facts.values())


def _build(
    subscription: StripeSubscription, *, as_of: datetime | None, book: PriceBook, facts: list[BillingFact]
) -> BillingFact:
    """The fact, with what was known of the subscription before: it takes the place of what Stripe answered last time,
    and nobody who goes on paying is lowered by a change of our configuration.
    """
    fact = build_fetched_fact(subscription, as_of=as_of, book=book)
    of_it = [one for one in facts if one.subscription_id == fact.subscription_id and one.kind != FactKind.OTHER]
    before = next((one for one in of_it if one.event_id == fact.event_id), None)
    if before is not None:
        kept = before.price_tiers
        fact.price_tiers = {name: better_tier(tier, kept.get(name, "")) for name, tier in fact.price_tiers.items()}
    fact.named_tier = tier_of_subscription(of_it) or fact.named_tier
    return fact


@dataclass(frozen=True, slots=True)
class Drift:
    """Where ``ours`` (the row every request reads) and Stripe differ: column, our value, Stripe's."""

    user: User
    differences: tuple[tuple[str, object, object], ...]


def find_drift(user: User, state: State | None) -> Drift | None:
    """``state``: what Stripe's answer comes to (``preview``). Tier and seats that an operator set are no drift."""
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
        ("cancel_at", row and row.cancel_at, state.cancel_at),
        ("seats", row and (state.seats if row.set_by_operator else row.seats), state.seats),
    ]
    differences = tuple(pair for pair in pairs if pair[1] != pair[2])
    return Drift(user, differences) if differences else None


def _store_fetched(
    subscription: StripeSubscription, *, customer_id: str, known: FactTimes, user: User | None, book: PriceBook
) -> None:
    as_of = known.get(subscription.id)
    if subscription.status in FINAL:
        # For good, so that nothing we have heard since can be newer.
        as_of = newest_fact_times(customer_id).get(subscription.id)
    facts = _facts_of(customer_id)
    fact = _build(subscription, as_of=as_of, book=book, facts=facts)
    before = next((one for one in facts if one.event_id == fact.event_id), None)
    if before is not None and before.occurred_at > fact.occurred_at:
        return
    if before is not None:
        fact.recorded_at = before.recorded_at
    fact.save()
    if user is not None:
        mirror.store_subscription(subscription.payload, user=user)


def _facts_of(customer_id: str) -> list[BillingFact]:
    return list(BillingFact.objects.filter(subject_id=customer_id))
