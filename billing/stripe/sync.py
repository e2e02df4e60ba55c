"""Every subscription compared with Stripe's: what ``manage.py sync_stripe`` does.

Stripe's list is read page by page, and only what is compared is kept of it. A customer who seems to differ is
looked up again, alone: an event may have come in between.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from accounts.models import User
from billing.cancellation import end_duplicates, find_duplicates, is_ours
from billing.entitlements import forget_tier
from billing.models import BillingFact
from billing.prices import PriceBook
from billing.stripe.port import Gateway, StripeSubscription
from billing.stripe.projection import LIVE, our_subscription_ids, project
from billing.stripe.reconciliation import Drift, apply_subscriptions, find_drift, newest_fact_times, preview

USERS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Of one customer. ``owner`` is their address where they have an account: for an operator, not for the log."""

    customer_id: str
    owner: str
    text: str

    def __str__(self) -> str:
        return f"{self.owner}: {self.text}"


class StripeSync:
    """The counters are of what ``differences`` has gone over so far."""

    def __init__(self, gateway: Gateway, *, step: Callable[[int], None]) -> None:
        self._gateway = gateway
        self._step = step
        self.subscriptions = self.customers = self.drifted = self.fixed = 0

    def differences(self, *, fix: bool) -> Iterator[Difference]:
        """One for each customer whose state differs. Raises the gateway's problems."""
        at_stripe = self._list_by_customer()
        users = User.objects.filter(stripe_customer_id__isnull=False).select_related("subscription").order_by("id")
        for user in users.iterator(chunk_size=USERS_AT_ONCE):
            self.customers += 1
            customer_id = str(user.stripe_customer_id)
            listed = at_stripe.pop(customer_id, [])
            if self._agrees(user, listed):
                continue
            drift = self._recheck(user, fix=fix)
            if drift is not None:
                yield Difference(customer_id=customer_id, owner=user.email, text=_format_drift(drift))
        book = PriceBook.load()
        for customer_id, listed in sorted(at_stripe.items()):
            alive = [one.id for one in listed if one.status in LIVE and is_ours(one, book=book)]
            if alive:
                self.drifted += 1
                text = f"pays for {', '.join(alive)} and belongs to no user here"
                yield Difference(customer_id=customer_id, owner=customer_id, text=text)

    def _list_by_customer(self) -> dict[str, list[StripeSubscription]]:
        listed: dict[str, list[StripeSubscription]] = defaultdict(list)
        for subscription in self._gateway.list_subscriptions():
            listed[subscription.customer_id].append(replace(subscription, payload={}))
            self.subscriptions += 1
            self._step(1)
        return listed

    def _agrees(self, user: User, listed: list[StripeSubscription]) -> bool:
        known = newest_fact_times(str(user.stripe_customer_id))
        facts = preview(customer_id=str(user.stripe_customer_id), subscriptions=listed, known=known)
        duplicates = find_duplicates(listed, ours=our_subscription_ids(facts))
        return _compare(user, listed, facts) is None and not duplicates

    def _recheck(self, user: User, *, fix: bool) -> Drift | None:
        customer_id = str(user.stripe_customer_id)
        known = newest_fact_times(customer_id)
        listed = list(self._gateway.list_subscriptions(customer_id=customer_id))
        forget_tier(user)
        facts = preview(customer_id=customer_id, subscriptions=listed, known=known)
        drift = _compare(user, listed, facts)
        duplicates = find_duplicates(listed, ours=our_subscription_ids(facts))
        if drift is None and duplicates:
            drift = Drift(user, (("replaced but alive", ", ".join(one.id for one in duplicates), None),))
        if drift is None:
            return None
        self.drifted += 1
        if fix:
            apply_subscriptions(customer_id=customer_id, subscriptions=listed, known=known)
            end_duplicates(self._gateway, customer_id=customer_id)
            forget_tier(user)
            known = newest_fact_times(customer_id)
            facts = preview(customer_id=customer_id, subscriptions=listed, known=known)
            self.fixed += _compare(user, listed, facts) is None or bool(duplicates)
        return drift


def _compare(user: User, listed: list[StripeSubscription], facts: list[BillingFact]) -> Drift | None:
    """A subscription that we know as living and Stripe does not list is a difference too."""
    names = {one.id for one in listed}
    row = getattr(user, "subscription", None)
    if (
        row is not None
        and row.stripe_subscription_id
        and row.status in LIVE
        and row.stripe_subscription_id not in names
    ):
        return Drift(user, (("not at Stripe", row.stripe_subscription_id, None),))
    return find_drift(user, project(facts))


def _format_drift(drift: Drift) -> str:
    return ", ".join(f"{name}: {ours} -> {theirs}" for name, ours, theirs in drift.differences)
