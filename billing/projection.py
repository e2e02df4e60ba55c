"""From what Stripe has told us to tier, status and period: a pure function of a *set* of facts.

Because it looks at the set, every order and every repetition of deliveries ends in the same state. The rules:

- Of one subscription's snapshots the newest counts, by the event's ``created``. Within one second a final state wins
  over any other, then the later kind of event, then the state that comes later in a subscription's life.
- A failed payment after the newest snapshot makes it ``past_due``, a payment after that makes it good again. The grace
  runs from the first failure since it was last good, however often Stripe tries again.
- The tier follows the price. A snapshot whose prices are all unknown keeps the tier the subscription had before it.
- Of several subscriptions of one customer the best live tier counts (a paid one before one in its grace); when none is
  live, the newest is shown.
- A subscription that never was live (a checkout given up) says nothing about the tier.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from billing.models import BillingFact, FactKind, SubscriptionStatus
from billing.tiers import Tier

PAID_UP = {SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING}
LIVE = {*PAID_UP, SubscriptionStatus.PAST_DUE}
# Stripe never leaves these again.
FINAL = {SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED}

RANK_CREATED, RANK_UPDATED, RANK_DELETED, RANK_FETCHED = range(4)

_LIFE = (
    SubscriptionStatus.INCOMPLETE,
    SubscriptionStatus.TRIALING,
    SubscriptionStatus.ACTIVE,
    SubscriptionStatus.PAUSED,
    SubscriptionStatus.PAST_DUE,
    SubscriptionStatus.UNPAID,
    SubscriptionStatus.INCOMPLETE_EXPIRED,
    SubscriptionStatus.CANCELED,
)
_TIERS = tuple(Tier)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a customer's subscriptions come to.

    ``tier`` is None while Stripe has said nothing about it. It includes the grace: once that has run out,
    ``tier_after_grace`` is what the customer's other subscriptions pay for. ``newest_at`` is the time of the newest
    fact about the subscription that counts.
    """

    subscription_id: str
    status: SubscriptionStatus
    tier: Tier | None
    tier_after_grace: Tier
    current_period_end: datetime | None
    cancel_at_period_end: bool
    past_due_since: datetime | None
    newest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Projected:
    """What one subscription comes to. ``was_live``: at some time, with a price we know."""

    newest: BillingFact
    status: SubscriptionStatus
    tier: Tier | None
    past_due_since: datetime | None
    newest_at: datetime
    was_live: bool

    @property
    def preference(self) -> tuple[bool, int, bool, datetime, datetime, str]:
        is_live = self.status in LIVE
        return (
            is_live,
            _TIERS.index(self.tier) if is_live and self.tier is not None else -1,
            self.status in PAID_UP,
            (is_live and self.newest.current_period_end) or _NEVER,
            self.newest_at,
            self.newest.subscription_id,
        )


def project(facts: Iterable[BillingFact], *, tiers: Mapping[str, Tier]) -> State | None:
    """The state that one customer's ``facts`` come to; None when they say nothing about a subscription.

    ``tiers``: which tier each price id stands for.
    """
    every = [one for group in _by_subscription(facts).values() if (one := _project_one(group, tiers)) is not None]
    if not every:
        return None
    shown = max(every, key=lambda one: one.preference)
    tiers_live = [one.tier for one in every if one.status in LIVE and one.tier is not None]
    tiers_paid = [one.tier for one in every if one.status in PAID_UP and one.tier is not None]
    was_any_live = any(one.was_live for one in every)
    return State(
        subscription_id=shown.newest.subscription_id,
        status=shown.status,
        tier=_highest(tiers_live) if was_any_live else None,
        tier_after_grace=_highest(tiers_paid),
        current_period_end=shown.newest.current_period_end,
        cancel_at_period_end=shown.newest.cancel_at_period_end,
        past_due_since=shown.past_due_since,
        newest_at=shown.newest_at,
    )


def newest_snapshot(facts: Iterable[BillingFact]) -> BillingFact | None:
    """Of one subscription's facts; a finished checkout counts only while there is no snapshot."""
    every = list(facts)
    snapshots = [fact for fact in every if fact.kind == FactKind.SNAPSHOT]
    checkouts = [fact for fact in every if fact.kind == FactKind.CHECKOUT]
    return max(snapshots or checkouts, key=_snapshot_order, default=None)


def is_ambiguous(fact: BillingFact, facts: Iterable[BillingFact]) -> bool:
    """Whether another snapshot of the same second says something else, so that only Stripe knows which came later."""
    return fact.status not in FINAL and any(
        other.kind == fact.kind == FactKind.SNAPSHOT
        and other.subscription_id == fact.subscription_id
        and other.occurred_at == fact.occurred_at
        and other.status not in FINAL
        and _content_of(other) != _content_of(fact)
        for other in facts
    )


def has_several(facts: Iterable[BillingFact]) -> bool:
    """Whether more than one of a customer's subscriptions has not ended, as far as their events say."""
    return len(running_subscription_ids(facts)) > 1


def running_subscription_ids(facts: Iterable[BillingFact]) -> list[str]:
    """Of a customer's subscriptions that have not ended; also of one of which only an invoice is known."""
    newest = {name: newest_snapshot(group) for name, group in _by_subscription(facts).items()}
    return sorted(name for name, fact in newest.items() if fact is None or fact.status not in FINAL)


def tier_of_prices(price_ids: Iterable[str], tiers: Mapping[str, Tier]) -> Tier | None:
    known = [tiers[price_id] for price_id in price_ids if price_id in tiers]
    return _highest(known) if known else None


def _by_subscription(facts: Iterable[BillingFact]) -> Mapping[str, list[BillingFact]]:
    groups: dict[str, list[BillingFact]] = defaultdict(list)
    for fact in facts:
        if fact.kind != FactKind.OTHER:
            groups[fact.subscription_id].append(fact)
    return groups


def _project_one(facts: list[BillingFact], tiers: Mapping[str, Tier]) -> _Projected | None:
    newest = newest_snapshot(facts)
    if newest is None:
        return None  # an invoice of a subscription that nothing else is known of
    snapshots = [fact for fact in facts if fact.kind == newest.kind]
    payments = [fact for fact in facts if fact.kind in {FactKind.PAYMENT_FAILED, FactKind.PAYMENT_SUCCEEDED}]
    status, since = _standing(newest, [*snapshots, *payments])
    known = [fact for fact in snapshots if tier_of_prices(fact.price_ids, tiers) is not None]
    priced = max(known, key=_snapshot_order, default=None)
    return _Projected(
        newest=newest,
        status=status,
        tier=tier_of_prices(priced.price_ids, tiers) if priced is not None else None,
        past_due_since=since,
        newest_at=max(fact.occurred_at for fact in facts),
        was_live=any(fact.status in LIVE for fact in known),
    )


def _standing(newest: BillingFact, facts: list[BillingFact]) -> tuple[SubscriptionStatus, datetime | None]:
    """The status with payments taken into account, and since when it is past due."""
    if newest.status not in LIVE:
        return SubscriptionStatus(newest.status), None
    evidence = sorted((fact for fact in facts if _is_good(fact) is not None), key=_evidence_order)
    # Snapshots of one second are in the order of `newest_snapshot`, so that the last one is `newest`.
    if _is_good(evidence[-1]):
        is_trial = newest.status == SubscriptionStatus.TRIALING
        return SubscriptionStatus.TRIALING if is_trial else SubscriptionStatus.ACTIVE, None
    since = evidence[-1].occurred_at
    for fact in reversed(evidence):
        if _is_good(fact):
            break
        since = fact.occurred_at
    return SubscriptionStatus.PAST_DUE, since


def _is_good(fact: BillingFact) -> bool | None:
    """Whether it shows a subscription that is paid for; None when it shows neither that nor the opposite."""
    if fact.kind in {FactKind.SNAPSHOT, FactKind.CHECKOUT}:
        return fact.status in PAID_UP if fact.status in LIVE else None
    return fact.kind == FactKind.PAYMENT_SUCCEEDED


def _snapshot_order(snapshot: BillingFact) -> tuple[datetime, bool, int, int, datetime, str]:
    return (
        snapshot.occurred_at,
        snapshot.status in FINAL,
        snapshot.rank,
        _LIFE.index(SubscriptionStatus(snapshot.status)),
        snapshot.current_period_end or _NEVER,
        snapshot.event_id,
    )


def _evidence_order(fact: BillingFact) -> tuple[datetime, int, tuple[datetime, bool, int, int, datetime, str] | str]:
    """Within a second a failure is believed before a snapshot, a payment before a failure, and what Stripe's API said
    when it was asked before any event.
    """
    if fact.kind == FactKind.PAYMENT_FAILED:
        return fact.occurred_at, 1, fact.event_id
    if fact.kind == FactKind.PAYMENT_SUCCEEDED:
        return fact.occurred_at, 2, fact.event_id
    return fact.occurred_at, 3 if fact.rank == RANK_FETCHED else 0, _snapshot_order(fact)


def _content_of(snapshot: BillingFact) -> tuple[object, ...]:
    return snapshot.status, snapshot.price_ids, snapshot.current_period_end, snapshot.cancel_at_period_end


def _highest(tiers: Iterable[Tier]) -> Tier:
    return max(tiers, key=_TIERS.index, default=Tier.FREE)
