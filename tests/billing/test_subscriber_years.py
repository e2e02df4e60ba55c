"""A subscriber's years at Stripe and the operator's at home: who pays for a tier has it, who does not has not, and
nothing depends on the order of deliveries, on repetitions, or on what the configuration says meanwhile.
"""

import uuid
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from accounts.models import User
from adiuva.api.errors import Conflict, ValidationFailed
from billing.cancellation import cancel_subscription, resume_subscription
from billing.checkouts import Purchase, start_checkout
from billing.entitlements import tier_of
from billing.jobs import learn_prices, refresh_customer
from billing.prices import Interval
from billing.revenue.figures import total_revenue
from billing.revenue.models import InvoicePayment, PaidInvoice, ReturnedMoney, SubscriptionPayment
from billing.stripe.sync import StripeSync
from billing.tiers import PAID_TIERS, Tier
from tests.billing.deliveries import receive
from tests.fakes.stripe import money, subscriptions
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account

pytestmark = [pytest.mark.thorough, pytest.mark.django_db]

DAY = 24 * 3600
COURSE = "price_of_a_course"  # another product in the account
MONEY = ("invoice_payment", "invoice_lines", "payment_intent", "charge", "refund", "dispute", "balance_transaction")
LIVE = {"active", "trialing", "past_due"}
RANKS = list(Tier)
TIERS = st.sampled_from(PAID_TIERS)
INTERVALS: st.SearchStrategy[Interval] = st.sampled_from(["month", "year"])


class Years(RuleBasedStateMachine):
    """``bought`` is what each subscription is of; ``pending`` are the events that are still to come."""

    stripe: LoopbackStripe

    def __init__(self) -> None:
        super().__init__()
        self.user = User.objects.create_user(email=f"{uuid.uuid4().hex}@example.com", password=None)
        self.pending: list[dict[str, Any]] = []
        self.delivered: list[dict[str, Any]] = []
        self.bought: dict[str, Tier] = {}
        self.courses: set[str] = set()
        self.made = 0
        self.lists: dict[str, tuple[str, ...]] = {tier: (f"price_{tier}_monthly",) for tier in PAID_TIERS}
        self._configuration = override_settings(STRIPE_PRICES=self.lists)
        self._configuration.enable()
        self.stripe.undelivered()
        learn_prices()

    def teardown(self) -> None:
        try:
            self.everything_arrives(order=0)
            self.sync_and_fix()
        finally:
            self._configuration.disable()
            # The next history is not compared with this one's subscriptions too.
            self.user.delete()
            for kind in ("customer", "subscription", "invoice", "event", "checkout.session", *MONEY):
                self.stripe.world.tables.pop(kind, None)
            for model in (SubscriptionPayment, PaidInvoice, InvoicePayment, ReturnedMoney):
                model.objects.all().delete()

    # --- at Stripe

    @initialize(tier=TIERS, paid=st.lists(st.booleans(), max_size=3))
    def somebody_has_subscribed(self, tier: Tier, paid: list[bool]) -> None:
        self.buy(tier=tier, interval="month", seats=1)
        for one in paid:
            self.renewals(paid=one)
        self.everything_arrives(order=1)

    @precondition(lambda self: self.user.stripe_customer_id)
    @rule(tier=TIERS)
    def somebody_sells_by_hand(self, tier: Tier) -> None:
        """In Stripe's dashboard: nothing of ours is written on it."""
        world = self.stripe.world
        made = subscriptions.start(
            world,
            customer_id=str(self.user.stripe_customer_id),
            prices=[(self._first_price(tier), 1)],
            metadata={},
        )
        self.bought[made["id"]] = tier
        self._time_passes()

    @rule(tier=TIERS, interval=INTERVALS, seats=st.integers(1, 3))
    def buy(self, tier: Tier, interval: Interval, seats: int) -> None:
        try:
            url = start_checkout(
                user=self.user,
                wanted=Purchase(tier=tier, interval=interval, seats=seats if tier is Tier.TEAM else 1),
                idempotency_key=None,
            )
        except (Conflict, ValidationFailed):
            return
        name = url.rsplit("/", 1)[1]
        if name.startswith("in_"):
            self.stripe.pay_invoice(name)
        else:
            self.bought[self.stripe.complete_checkout(name)["subscription"]] = tier
        self._time_passes()

    @rule(paid=st.booleans())
    def renewals(self, paid: bool) -> None:
        for sub in self._living():
            self.stripe.renew(sub, paid=paid)
            self._time_passes()

    @precondition(lambda self: "past_due" in self.statuses())
    @rule()
    def debts_are_paid(self) -> None:
        for sub in self._living():
            one = self.stripe.world.get("subscription", sub)
            if one["status"] == "past_due":
                self.stripe.pay_invoice(one["latest_invoice"])
                self._time_passes()

    @rule(paid=st.booleans(), data=st.data())
    def an_older_invoice_stirs(self, paid: bool, data: st.DataObject) -> None:
        """It says nothing about the subscription: a later one is there."""
        world = self.stripe.world
        latest = {one["latest_invoice"] for one in world.all("subscription")}
        mine = set(self.bought)
        older = [
            one
            for one in world.all("invoice")
            if one["id"] not in latest and one["parent"]["subscription_details"]["subscription"] in mine
        ]
        if not older:
            return
        world.emit("invoice.paid" if paid else "invoice.payment_failed", data.draw(st.sampled_from(older)))
        self._time_passes()

    @rule(tier=TIERS)
    def another_plan_in_the_portal(self, tier: Tier) -> None:
        for sub in self._living():
            self.stripe.change_price(sub, self._first_price(tier)["id"])
            self.bought[sub] = tier
            self._time_passes()

    @rule(by_api=st.booleans())
    def an_end_is_scheduled(self, by_api: bool) -> None:
        if by_api:
            cancel_subscription(user=self.user, at_period_end=True)
            assert all(self._is_scheduled(sub) for sub in self._living() if self._is_known(sub))
        else:
            for sub in self._living():
                self.stripe.schedule_end(sub)
        self._time_passes()

    @precondition(lambda self: any(self._is_scheduled(sub) for sub in self._living()))
    @rule()
    def it_is_taken_back(self) -> None:
        try:
            resume_subscription(user=self.user)
        except Conflict:
            return
        assert not self.user.subscription.cancel_at_period_end
        self._time_passes()

    @precondition(lambda self: any(self._is_scheduled(sub) for sub in self._living()))
    @rule()
    def the_scheduled_end_comes(self) -> None:
        for sub in self._living():
            if self._is_scheduled(sub):
                self.stripe.end(sub)
                self._time_passes()

    @precondition(lambda self: self._living())
    @rule()
    def everything_is_ended(self) -> None:
        cancel_subscription(user=self.user)
        self._time_passes()
        assert not [sub for sub in self._living() if self._is_known(sub)]
        assert all(self.stripe.world.get("subscription", sub)["status"] == "active" for sub in self.courses)

    @precondition(lambda self: self.user.stripe_customer_id)
    @rule()
    def a_course_is_bought(self) -> None:
        world = self.stripe.world
        made = subscriptions.start(
            world,
            customer_id=str(self.user.stripe_customer_id),
            prices=[(world.get("price", COURSE), 1)],
            metadata={},
        )
        self.courses.add(made["id"])
        self._time_passes()

    # --- money that goes back

    @rule(data=st.data(), cents=st.integers(1, 300), fails=st.booleans())
    def a_payment_is_refunded(self, data: st.DataObject, cents: int, fails: bool) -> None:
        left = [one for one in self.stripe.world.all("charge") if one["amount"] - one["amount_refunded"] >= cents]
        if left:
            charge = data.draw(st.sampled_from(left))
            made = money.refund(self.stripe.world, self._intent(charge), cents=cents)
            self._time_passes()
            if fails:
                money.fail_refund(self.stripe.world, made["id"])
        self._time_passes()

    @rule(data=st.data(), status=st.sampled_from(["needs_response", "won", "lost"]))
    def a_payment_is_disputed(self, data: st.DataObject, status: str) -> None:
        calm = [one for one in self.stripe.world.all("charge") if not one["disputed"]]
        if calm:
            made = money.dispute(self.stripe.world, self._intent(data.draw(st.sampled_from(calm))))
            self._time_passes()
            if status != "needs_response":
                money.close_dispute(self.stripe.world, made["id"], status=status)
        self._time_passes()

    # --- the operator

    @rule(tier=TIERS, by_key=st.booleans(), yearly=st.booleans(), keep=st.booleans())
    def prices_rise(self, tier: Tier, by_key: bool, yearly: bool, keep: bool) -> None:
        self.made += 1
        price_id = f"price_{tier}_{self.user.pk.hex}_{self.made}"
        key = f"{tier}-{self.user.pk.hex}-{self.made}"
        self.stripe.sell(price_id, cents=999, interval="year" if yearly else "month", lookup_key=key)
        learn_prices()  # the list of before, as at every start
        if by_key and not keep:
            self.stripe.world.get("price", price_id)["lookup_key"] = key
        # In the portal plans are changed by id.
        self.lists[tier] = (price_id, *(self.lists[tier] if keep else ()), *((key,) if by_key else ()))
        learn_prices()

    @rule(old=TIERS, new=TIERS)
    def a_price_changes_its_tier(self, old: Tier, new: Tier) -> None:
        """Who pays it gets more, or keeps what they had."""
        if old is new or len(self.lists[old]) == 1:
            return
        self.everything_arrives(order=0)
        moved = self.lists[old][0]
        self.lists[old], self.lists[new] = self.lists[old][1:], (*self.lists[new], moved)
        for sub in self._living():
            one = self.stripe.world.get("subscription", sub)
            if one["items"]["data"][0]["price"]["id"] == moved:
                self.bought[sub] = max(self.bought[sub], new, key=RANKS.index)
        learn_prices()
        self.sync_and_fix()

    @rule()
    def sync_and_fix(self) -> None:
        """At any moment, whatever is still to come."""
        call_command("sync_stripe", "--fix")
        self._require_truth()
        self._require_revenue()

    @rule()
    def a_worker_asks_stripe(self) -> None:
        if self.user.stripe_customer_id:
            refresh_customer(customer_id=self.user.stripe_customer_id)
            self._require_truth()

    # --- what we hear

    @rule(data=st.data())
    def some_events_arrive(self, data: st.DataObject) -> None:
        self._collect()
        for _ in range(data.draw(st.integers(0, 3))):
            if self.pending:
                self._deliver(self.pending.pop(data.draw(st.integers(0, len(self.pending) - 1))))
        if self.delivered:
            assert receive(deepcopy(data.draw(st.sampled_from(self.delivered))))  # repeated

    @rule(order=st.integers(0, 2**32))
    def everything_arrives(self, order: int) -> None:
        self._collect()
        for event in sorted(self.pending, key=lambda one: hash((order, one["id"]))):
            self._deliver(event)
        self.pending = []
        self._require_truth()
        self._require_revenue()

    def _deliver(self, event: dict[str, Any]) -> None:
        receive(event)
        self.delivered.append(event)

    # --- helpers

    def _collect(self) -> None:
        self.pending += self.stripe.undelivered()

    def _time_passes(self) -> None:
        self._collect()
        self.stripe.world.advance(DAY)
        self.user = User.objects.select_related("subscription").get(pk=self.user.pk)

    def _living(self) -> list[str]:
        return [sub for sub in self.bought if self.stripe.world.get("subscription", sub)["status"] in LIVE]

    def statuses(self) -> set[str]:
        return {self.stripe.world.get("subscription", sub)["status"] for sub in self.bought}

    def _is_scheduled(self, sub: str) -> bool:
        return self.stripe.world.get("subscription", sub)["cancel_at"] is not None

    def _is_known(self, sub: str) -> bool:
        return any(sub in str(event["data"]["object"]) for event in self.delivered)

    def _first_price(self, tier: Tier) -> dict[str, Any]:
        """Of the list, by its id or by its lookup key."""
        name, prices = self.lists[tier][0], self.stripe.world.all("price")
        return next(one for one in prices if name in (one["id"], one["lookup_key"]))

    def _intent(self, charge: dict[str, Any]) -> dict[str, Any]:
        return self.stripe.world.get("payment_intent", charge["payment_intent"])

    def _require_revenue(self) -> None:
        world, earned = self.stripe.world, 0
        for paid in world.all("invoice_payment"):
            lines = money.lines_of(world, paid["invoice"])
            charge = world.get(
                "charge", world.get("payment_intent", paid["payment"]["payment_intent"])["latest_charge"]
            )
            disputes = [one for one in world.all("dispute") if one["charge"] == charge["id"] and one["status"] != "won"]
            gone = charge["amount_refunded"] + sum(one["amount"] for one in disputes)
            if all(line["pricing"]["price_details"]["price"] != COURSE for line in lines):
                earned += max(0, paid["amount_paid"] - gone)
        assert total_revenue().get("eur", 0) == earned

    def _require_truth(self) -> None:
        user = User.objects.select_related("subscription").get(pk=self.user.pk)
        self.user = user
        paid = max((self.bought[sub] for sub in self._living()), key=RANKS.index, default=Tier.FREE)
        assert tier_of(user) == user.tier == paid
        assert all(self.stripe.world.get("subscription", sub)["status"] == "active" for sub in self.courses)
        row = getattr(user, "subscription", None)
        assert row is None or row.stripe_subscription_id in self.bought
        if row is not None and row.status in LIVE:
            shown = self.stripe.world.get("subscription", row.stripe_subscription_id)
            assert row.status == shown["status"]
            assert row.cancel_at_period_end == self._is_scheduled(row.stripe_subscription_id)
            assert row.seats == shown["items"]["data"][0]["quantity"]
            if row.status == "past_due":
                assert row.pay_url.rsplit("/", 1)[1] == shown["latest_invoice"]


def test_who_pays_for_a_tier_has_it(stripe_server: LoopbackStripe, make_user: Callable[..., Account]) -> None:
    stripe_server.sell(COURSE, cents=4900)
    world = type("World", (Years,), {"stripe": stripe_server})
    run_state_machine_as_test(
        world,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
    assert list(StripeSync(_gateway(), step=lambda _amount: None).differences(fix=False)) == []


def _gateway() -> Any:
    from billing.stripe.factory import get_gateway

    return get_gateway()
