"""docs/api.md § 10: what a payment bought is decided when it is known, and no change of the configuration takes it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from billing.jobs import learn_prices
from billing.models import OperatorAlert
from billing.stripe.sync import StripeSync
from tests.billing import stripe_events as stripe
from tests.billing.conftest import DeliverAll
from tests.billing.deliveries import T0, buy_at, deliver, make_customer
from tests.billing.purchases import checkout, session_of, subscription
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import ApiClient

MakeUser = Callable[..., Account]

pytestmark = pytest.mark.django_db

MONTH = stripe.MONTH
RISEN = {"pro": ("price_pro_2027",), "power": ("price_power_monthly",), "team": ("price_team_monthly",)}


def test_a_new_price_lowers_nobody_who_goes_on_paying(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    sub = buy_at(stripe_server, account.user)
    with override_settings(STRIPE_PRICES=RISEN):
        stripe_server.renew(sub)
        for event in stripe_server.undelivered():
            assert deliver(api, event).status == 200
            assert subscription(api, account)["tier"] == "pro"
        assert OperatorAlert.objects.get().kind == "unknown_price"
        call_command("sync_stripe", "--fix")
        assert (subscription(api, account)["tier"], subscription(api, account)["status"]) == ("pro", "active")
        call_command("sync_stripe")  # and nothing differs


def test_a_renewal_that_comes_late_is_read_as_of_the_day_of_its_list(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    """It was bought while the price was in the list; we hear of it when it is no longer."""
    account = make_user()
    learn_prices()
    buy_at(stripe_server, account.user, tell=False)
    with override_settings(STRIPE_PRICES=RISEN):
        call_command("sync_stripe", "--fix")
        assert subscription(api, account)["tier"] == "pro"


@pytest.mark.usefixtures("stripe_server")
def test_a_checkout_says_what_was_bought_whatever_the_lists_say(api: ApiClient, make_user: MakeUser) -> None:
    """A page that was open while the price left the list."""
    account = make_user()
    bought = stripe.subscription(
        "sub_1", customer_id=make_customer(account.user), price_id="price_nobody_remembers", period_start=T0
    )
    deliver(
        api,
        stripe.event(
            "customer.subscription.created",
            bought | {"metadata": {"user_id": str(account.user.id), "tier": "power"}},
            created=T0,
        ),
    )
    assert subscription(api, account)["tier"] == "power"


def test_another_plan_at_a_lower_price_is_a_lower_tier(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    account = make_user()
    sub = buy_at(stripe_server, account.user, tier="team")
    stripe_server.change_price(sub, "price_pro_monthly")
    deliver_all()
    assert subscription(api, account)["tier"] == "pro"


def test_a_price_that_moves_to_a_lower_tier_keeps_who_has_it(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    old, new = make_user(), make_user()
    buy_at(stripe_server, old.user, tier="power")
    moved = {
        "pro": ("price_pro_monthly", "price_power_monthly"),
        "power": ("price_p2",),
        "team": ("price_team_monthly",),
    }
    with override_settings(STRIPE_PRICES=moved):
        call_command("sync_stripe", "--fix")
        customer_id = make_customer(new.user)
        event = stripe.subscription_created(
            "sub_new", created=T0, customer_id=customer_id, price_id="price_power_monthly"
        )
        assert deliver(api, event).status == 200
        assert [subscription(api, account)["tier"] for account in (old, new)] == ["power", "pro"]


def test_lists_sell_the_first_of_a_month_and_of_a_year_and_all_of_them_count(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    stripe_server.sell("price_pro_2027", cents=1100, lookup_key="pro_monthly")
    stripe_server.sell("price_y", cents=9900, interval="year", lookup_key="pro_by_the_twelvemonth")
    lists = {
        "pro": ("pro_monthly", "pro_by_the_twelvemonth", "price_pro_monthly"),
        "power": ("price_power_monthly",),
        "team": ("price_team_monthly",),
    }
    with override_settings(STRIPE_PRICES=lists):
        learn_prices()
        _, pro, power, _ = api.get("billing/tiers").json["items"]
        assert pro["price_id"] == "price_pro_2027"
        assert pro["prices"] == [
            {"price_id": "price_pro_2027", "interval": "month"},
            {"price_id": "price_y", "interval": "year"},
        ]
        assert power["prices"] == [{"price_id": "price_power_monthly", "interval": "month"}]
        account, other = make_user(), make_user()
        stripe_server.complete_checkout(session_of(checkout(api, account, "pro", interval="year")))
        deliver_all()
        assert subscription(api, account)["tier"] == "pro"
        [item] = stripe_server.world.all("subscription")[0]["items"]["data"]
        assert item["price"]["id"] == "price_y"
        old = stripe.subscription_created("sub_old", created=T0, customer_id=make_customer(other.user))
        deliver(api, old)
        assert subscription(api, other)["tier"] == "pro"  # the last of the list
        refused = checkout(api, make_user(), "power", interval="year")
        assert (refused.status, list(refused.json["errors"])) == (400, ["interval"])
        assert checkout(api, make_user(), "power", interval="week").status == 400


def test_a_lookup_key_that_is_passed_on_names_the_newer_price(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    stripe_server.sell("price_a", cents=900, lookup_key="pro")
    with override_settings(STRIPE_PRICES=RISEN | {"pro": ("pro",)}):
        learn_prices()
        old = make_user()
        sub = buy_at(stripe_server, old.user, tier="power", tell=False)
        stripe_server.change_price(sub, "price_a")
        stripe_server.world.get("price", "price_a")["lookup_key"] = None
        stripe_server.sell("price_b", cents=1100, lookup_key="pro")
        learn_prices()
        assert api.get("billing/tiers").json["items"][1]["price_id"] == "price_b"
        call_command("sync_stripe", "--fix")
        assert subscription(api, old)["tier"] == "pro"  # on the price that had the key before


def test_a_price_is_sold_before_stripe_has_told_of_it(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    stripe_server.fail("status", path="/v1/prices.*", status=500, times=2)
    assert checkout(api, make_user()).status == 200
    with override_settings(STRIPE_PRICES=RISEN | {"pro": ("a_key_that_nobody_has",)}):
        assert checkout(api, make_user()).status == 502


@pytest.mark.usefixtures("stripe_server")
def test_the_period_is_that_of_our_price_and_seats_are_how_many_of_it(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    bought = stripe.subscription(
        "sub_1", customer_id=make_customer(account.user), price_id="price_team_monthly", period_start=T0
    )
    ours: dict[str, Any] = bought["items"]["data"][0]
    extra = ours | {"id": "si_extra", "price": stripe.price("price_of_support"), "current_period_end": T0 + 365 * 86400}
    bought["items"]["data"] = [extra, ours | {"quantity": 4}]
    deliver(api, stripe.event("customer.subscription.created", bought, created=T0))
    shown = subscription(api, account)
    assert (shown["tier"], shown["seats"]) == ("team", 4)
    assert shown["current_period_end"] == "2023-12-14T22:13:20.000000Z"


def test_seats_are_bought_in_the_team_tier_only(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    session = stripe_server.world.get("checkout.session", session_of(checkout(api, make_user(), "team", seats=5)))
    assert session["amount_total"] == 5 * 4900
    for wrong in ({"tier": "pro", "seats": 2}, {"tier": "team", "seats": 0}, {"tier": "team", "seats": "2"}):
        answer = api.post("billing/checkout", json=wrong, token=make_user().access_token)
        assert (answer.status, list(answer.json["errors"])) == (400, ["seats"])


def test_the_nightly_comparison_knows_prices_of_before(make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    buy_at(stripe_server, make_user().user)
    from billing.stripe.factory import get_gateway

    with override_settings(STRIPE_PRICES=RISEN):
        assert list(StripeSync(get_gateway(), step=lambda _amount: None).differences(fix=False)) == []


def test_a_late_event_takes_no_lookup_key_back(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    stripe_server.sell("price_a", cents=900, lookup_key="pro")
    with override_settings(STRIPE_PRICES=RISEN | {"pro": ("pro",)}):
        learn_prices()
        late = stripe.event("price.updated", dict(stripe_server.world.get("price", "price_a")), created=T0)
        stripe_server.world.get("price", "price_a")["lookup_key"] = None
        stripe_server.sell("price_b", cents=1100, lookup_key="pro")
        learn_prices()
        assert deliver(api, late).status == 200
        assert api.get("billing/tiers").json["items"][1]["price_id"] == "price_b"


def test_of_several_prices_none_is_guessed(api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    """A key that may not read prices: real ids say nothing, and a year would be sold for a month."""
    stripe_server.fail("status", path="/v1/prices.*", status=403, times=9)
    with override_settings(STRIPE_PRICES=RISEN | {"pro": ("price_1QaYearly", "price_1QaMonthly")}):
        assert checkout(api, make_user()).status == 502
