"""From what Stripe has told us to tier, status and period: a pure function of a *set* of facts.

Because it looks at the set, every order and every repetition of deliveries ends in the same state. The rules:

- Of one subscription's snapshots the newest counts, by the event's ``created``. Within one second a final state wins
  over any other, then the later kind of event, then the state that comes later in a subscription's life.
- A failed payment after the newest snapshot makes it ``past_due``, a payment after that makes it good again. The grace
  runs from the first failure since it was last good, however often Stripe tries again. What becomes of an invoice when
  there is a later one says nothing.
- The tier follows the price, by what the price stood for when a fact about this subscription became known: the best,
  where the configuration changed in between, since nobody who goes on paying is lowered by it. A snapshot whose prices
  stand for nothing keeps the tier the subscription had before it. Where no price says anything, the tier counts that
  our checkout wrote down.
- A subscription without any tier is of another product in the account: it says nothing.
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
DUE = {SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID}
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
PAYMENTS = {FactKind.PAYMENT_FAILED, FactKind.PAYMENT_SUCCEEDED}
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
    cancel_at: datetime | None
    past_due_since: datetime | None
    pay_url: str
    seats: int | None
    newest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Projected:
    """What one subscription comes to. ``was_live``: at some time. ``pay_url`` is empty unless something is due."""

    newest: BillingFact
    status: SubscriptionStatus
    tier: Tier
    pay_url: str
    past_due_since: datetime | None
    newest_at: datetime
    was_live: bool

    @property
    def preference(self) -> tuple[bool, int, bool, datetime, datetime, str]:
        is_live = self.status in LIVE
        return (
            is_live,
            _TIERS.index(self.tier) if is_live else -1,
            self.status in PAID_UP,
            (is_live and self.newest.current_period_end) or _NEVER,
            self.newest_at,
            self.newest.subscription_id,
        )


def project(facts: Iterable[BillingFact]) -> State | None:
    """The state that one customer's ``facts`` come to; None when they say nothing about a subscription of ours."""
    every = [one for group in _by_subscription(facts).values() if (one := _project_one(group)) is not None]
    if not every:
        return None
    shown = max(every, key=lambda one: one.preference)
    was_any_live = any(one.was_live for one in every)
    return State(
        subscription_id=shown.newest.subscription_id,
        status=shown.status,
        tier=_highest(one.tier for one in every if one.status in LIVE) if was_any_live else None,
        tier_after_grace=_highest(one.tier for one in every if one.status in PAID_UP),
        current_period_end=shown.newest.current_period_end,
        cancel_at_period_end=shown.newest.cancel_at_period_end,
        cancel_at=shown.newest.cancel_at,
        past_due_since=shown.past_due_since,
        pay_url=shown.pay_url,
        seats=shown.newest.seats,
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


def is_of_unread_invoice(fact: BillingFact, facts: Iterable[BillingFact]) -> bool:
    """Whether a payment is of another invoice than the one that the newest snapshot calls the latest, of which nothing
    has been told: then Stripe alone knows whether it matters. ``facts``: all of its subscription.
    """
    every = list(facts)
    newest = newest_snapshot(every)
    if fact.kind not in PAYMENTS or newest is None or newest.invoice_id in {"", fact.invoice_id}:
        return False
    return not any(one.invoice_id == newest.invoice_id and _invoice_made_at(one) is not None for one in every)


def has_several(facts: Iterable[BillingFact]) -> bool:
    """Whether more than one of a customer's subscriptions has not ended, as far as their events say."""
    return len(running_subscription_ids(facts)) > 1


def running_subscription_ids(facts: Iterable[BillingFact]) -> list[str]:
    """Of a customer's subscriptions to prices of ours, those that have not ended."""
    newest = {name: newest_snapshot(group) for name, group in _of_ours(facts).items()}
    return sorted(name for name, fact in newest.items() if fact is None or fact.status not in FINAL)


def unread_subscription_ids(facts: Iterable[BillingFact]) -> list[str]:
    """Those of which nothing but an invoice is known: Stripe has to be asked what they are of."""
    groups = _by_subscription(facts)
    return sorted(name for name, group in groups.items() if newest_snapshot(group) is None)


def our_subscription_ids(facts: Iterable[BillingFact]) -> set[str]:
    """Of a customer's subscriptions, those to prices of ours, whatever has become of them."""
    return set(_of_ours(facts))


def tier_of_subscription(facts: Iterable[BillingFact]) -> Tier | None:
    """What one subscription is of, or was before its prices stood for nothing; None when it is not ours.

    ``facts``: all of that subscription.
    """
    every = list(facts)
    best = _best_tiers(every)
    newest_first = sorted((fact for fact in every if fact.kind == FactKind.SNAPSHOT), key=_snapshot_order, reverse=True)
    for fact in newest_first:
        tier = _tier_of_prices(fact, best)
        if tier is None and fact.rank == RANK_FETCHED and fact.named_tier:
            tier = Tier(fact.named_tier)
        if tier is not None:
            return tier
    named = max(
        (fact for fact in every if fact.named_tier), key=lambda fact: (fact.occurred_at, fact.event_id), default=None
    )
    return Tier(named.named_tier) if named is not None else None


def unpaid_failures(facts: Iterable[BillingFact]) -> list[tuple[BillingFact, Tier]]:
    """Of each of a customer's subscriptions that is due, the newest failed payment, unless its invoice was paid since;
    and what the subscription is of.
    """
    every = list(facts)
    paid = {fact.invoice_id for fact in every if fact.kind == FactKind.PAYMENT_SUCCEEDED}
    found = []
    for group in _by_subscription(every).values():
        one = _project_one(group)
        if one is None or one.status not in DUE:
            continue
        failed = [fact for fact in _of_latest_invoices(group) if fact.kind == FactKind.PAYMENT_FAILED]
        newest = max(failed, key=_evidence_order, default=None)
        if newest is not None and newest.invoice_id not in paid:
            found.append((newest, one.tier))
    return found


def better_tier(one: str, other: str) -> str:
    """The higher of two; "" is none."""
    return max(one, other, key=lambda tier: _TIERS.index(Tier(tier)) if tier else -1)


def _best_tiers(facts: Iterable[BillingFact]) -> Mapping[str, str]:
    best: dict[str, str] = {}
    for fact in facts:
        for price_id, tier in fact.price_tiers.items():
            best[price_id] = better_tier(best.get(price_id, ""), tier)
    return best


def _tier_of_prices(fact: BillingFact, best: Mapping[str, str]) -> Tier | None:
    known = [Tier(best[price_id]) for price_id in fact.price_tiers if best.get(price_id)]
    return _highest(known) if known else None


def _of_ours(facts: Iterable[BillingFact]) -> Mapping[str, list[BillingFact]]:
    groups = _by_subscription(facts)
    return {name: group for name, group in groups.items() if tier_of_subscription(group) is not None}


def _by_subscription(facts: Iterable[BillingFact]) -> Mapping[str, list[BillingFact]]:
    groups: dict[str, list[BillingFact]] = defaultdict(list)
    for fact in facts:
        if fact.kind != FactKind.OTHER:
            groups[fact.subscription_id].append(fact)
    return groups


def _project_one(facts: list[BillingFact]) -> _Projected | None:
    newest, tier = newest_snapshot(facts), tier_of_subscription(facts)
    if newest is None or tier is None:
        return None  # an invoice of a subscription that nothing else is known of, or another product's
    snapshots = [fact for fact in facts if fact.kind == newest.kind]
    payments = _of_latest_invoices(facts)
    status, since = _standing(newest, [*snapshots, *payments])
    return _Projected(
        newest=newest,
        status=status,
        tier=tier,
        pay_url=_pay_url(newest, payments) if status in DUE else "",
        past_due_since=since,
        newest_at=max(fact.occurred_at for fact in facts),
        was_live=any(fact.status in LIVE for fact in snapshots),
    )


def _of_latest_invoices(facts: list[BillingFact]) -> list[BillingFact]:
    """The payments, made or failed, that were about the latest invoice there was at their time.

    docs.stripe.com/billing/subscriptions/overview: the status of a subscription is that of its latest invoice.
    """
    invoices = [(fact.invoice_id, made) for fact in facts if (made := _invoice_made_at(fact)) is not None]
    return [
        fact
        for fact in facts
        if fact.kind in PAYMENTS
        and not any(
            other != fact.invoice_id and (_invoice_made_at(fact) or fact.occurred_at) < made <= fact.occurred_at
            for other, made in invoices
        )
    ]


def _invoice_made_at(fact: BillingFact) -> datetime | None:
    """None for what tells of no invoice. Facts of long ago lack its time; then it is as old as they are."""
    return fact.invoice_created_at or (fact.occurred_at if fact.kind in PAYMENTS else None)


def _pay_url(newest: BillingFact, payments: list[BillingFact]) -> str:
    """Where the latest invoice can be paid; empty while nobody has said."""
    told = [fact for fact in (newest, *payments) if fact.pay_url]
    return max(told, key=_evidence_order).pay_url if told else ""


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
    return (
        snapshot.status,
        sorted(snapshot.price_tiers),
        snapshot.current_period_end,
        snapshot.cancel_at,
        snapshot.seats,
    )


def _highest(tiers: Iterable[Tier]) -> Tier:
    return max(tiers, key=_TIERS.index, default=Tier.FREE)
