"""What is booked of paid invoices: what lines with prices of ours earned, whoever paid them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts import erasure
from adiuva.jobs import get_queue
from billing.models import BillingFact, FactKind, OperatorAlert
from billing.prices import Price, PriceBook, learn
from billing.revenue import books
from billing.revenue.models import PaidInvoice, SubscriptionPayment
from billing.stripe.money_objects import read_invoice_paid
from tests.billing import stripe_events
from tests.billing.deliveries import DAY, SECRET, T0, buy_at, deliver, make_customer, receive
from tests.billing.revenue.invoices import ADD_ON, OURS, booked, line, lines, paid
from tests.billing.stripe_events import JsonObject
from tests.fakes.stripe import money
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET


def test_a_paid_invoice_is_a_payment(api: ApiClient, make_user: MakeUser) -> None:
    event = paid(line(OURS, 1900), customer_id=make_customer(make_user().user))
    assert deliver(api, event).status == 200
    (row,) = SubscriptionPayment.objects.values()
    assert (row["amount_cents"], row["currency"], int(row["paid_at"].timestamp())) == (1900, "eur", T0)
    assert row["source"] == row["invoice_id"] == event["data"]["object"]["id"]


def test_a_price_of_ours_decides_and_not_who_paid(api: ApiClient) -> None:
    """Of an account that was erased meanwhile, say."""
    assert deliver(api, paid(line(OURS, 900))).status == 200
    assert booked() == [(900, "eur")]


def test_other_products_in_the_account_are_not_ours_and_nobody_is_told(api: ApiClient, make_user: MakeUser) -> None:
    assert deliver(api, paid(line(ADD_ON, 1_500_000))).status == 200
    assert deliver(api, paid(line(ADD_ON, 700), customer_id=make_customer(make_user().user))).status == 200
    assert booked() == []
    assert not OperatorAlert.objects.exists()


def test_amounts_are_as_large_as_a_currency_makes_them(api: ApiClient) -> None:
    assert deliver(api, paid(line(ADD_ON, 3_000_000_000), currency="idr")).status == 200
    assert booked() == []
    assert deliver(api, paid(line(OURS, 2**53 - 1), currency="idr")).status == 200
    assert booked() == [(2**53 - 1, "idr")]
    assert deliver(api, paid(line(OURS, 2**53), currency="idr")).status == 400


def known_by_its_checkout(customer_id: str) -> JsonObject:
    """An invoice of a subscription that is ours by ``named_tier`` alone; its price left the lists long ago."""
    BillingFact.objects.create(
        event_id="evt_of_before",
        subject_id=customer_id,
        subscription_id="sub_of_before",
        kind=FactKind.SNAPSHOT,
        status="active",
        occurred_at=datetime.fromtimestamp(T0, UTC),
        price_tiers={"price_2024": ""},
        named_tier="pro",
    )
    every = line("price_2024", 900), line(ADD_ON, 100)
    return paid(*every, customer_id=customer_id, subscription_id="sub_of_before")


def test_a_subscription_that_is_ours_by_its_checkout_alone_earns(api: ApiClient, make_user: MakeUser) -> None:
    assert deliver(api, known_by_its_checkout(make_customer(make_user().user))).status == 200
    assert booked() == [(900, "eur")]


@pytest.mark.parametrize(("is_ours", "left"), [(True, [(900, "eur")]), (False, [])])
def test_what_was_booked_without_lines_goes_only_where_the_subscription_is_anothers(
    make_user: MakeUser, is_ours: bool, left: list[tuple[int, str]]
) -> None:
    about = known_by_its_checkout(make_customer(make_user().user))["data"]["object"]
    # A price that no snapshot has shown.
    invoice = replace(read_invoice_paid(about | {"lines": lines(line("price_2023", 900))}), paid_cents=900)
    if not is_ours:
        BillingFact.objects.update(named_tier="")
    at = datetime.fromtimestamp(T0, UTC)
    PaidInvoice.objects.create(
        invoice_id=invoice.id, our_cents=900, paid_cents=900, currency="eur", paid_at=at, is_exact=False
    )
    books.record_invoice(invoice, heard_at=at, again=True)
    assert booked() == left


@pytest.mark.parametrize(
    ("every", "cents", "ours"),
    [
        pytest.param([line(OURS, 900), line(ADD_ON, 1000)], 1900, 900, id="two products"),
        pytest.param([line(OURS, -450), line(OURS, 4900)], 4450, 4450, id="an upgrade"),
        pytest.param([line(OURS, -450), line(ADD_ON, 1000)], 550, 0, id="only a credit of ours"),
        pytest.param([line(OURS, 900), line(ADD_ON, -300)], 600, 600, id="a credit of theirs"),
        pytest.param([line(OURS, 900, discount=450), line(ADD_ON, 1000)], 1450, 450, id="a discount"),
        pytest.param([line(OURS, 1000, tax=190), line(ADD_ON, 1000)], 2190, 1190, id="a tax on top"),
        pytest.param([line(OURS, 900), line(ADD_ON, 900)], 901, 450, id="half of it by a balance, rounded down"),
        pytest.param([line(OURS, 900)], 123, 123, id="nearly all of it by a balance"),
    ],
)
def test_our_part_of_an_invoice(api: ApiClient, every: list[JsonObject], cents: int, ours: int) -> None:
    assert deliver(api, paid(*every, cents=cents)).status == 200
    assert booked() == ([(ours, "eur")] if ours else [])


def test_lines_of_older_versions_are_understood(api: ApiClient) -> None:
    older = {"id": "il_1", "object": "line_item", "amount": 900, "price": {"id": OURS, "lookup_key": None}}
    oldest = {"id": "il_2", "object": "line_item", "amount": 100, "plan": {"id": OURS}}
    taxed = {**older, "id": "il_3", "price": {"id": ADD_ON}, "tax_amounts": [{"amount": 100, "inclusive": False}]}
    assert deliver(api, paid(older, oldest, taxed, cents=2000)).status == 200
    assert booked() == [(1000, "eur")]


def test_told_twice_or_by_two_types_of_event_it_counts_once(api: ApiClient) -> None:
    event = paid(line(OURS, 900), id="in_1")
    other = paid(line(OURS, 900), id="in_1", kind="invoice.payment_succeeded")
    assert [deliver(api, one).status for one in (event, event, other)] == [200] * 3
    assert booked() == [(900, "eur")]


def test_an_invoice_of_nothing_is_no_income(api: ApiClient) -> None:
    assert deliver(api, paid(line(OURS, 0))).status == 200
    failed = stripe_events.payment_failed("sub_of_theirs", created=T0 + DAY, customer_id="cus_1")
    assert deliver(api, failed).status == 200
    assert booked() == []


def test_a_connected_accounts_income_is_not_ours(api: ApiClient) -> None:
    assert deliver(api, paid(line(OURS, 900)) | {"account": "acct_of_a_developer"}).status == 200
    assert booked() == []


def test_currencies_stay_apart(api: ApiClient) -> None:
    for currency in ("eur", "usd", "jpy"):
        assert deliver(api, paid(line(OURS, 900), currency=currency)).status == 200
    assert sorted(booked()) == [(900, "eur"), (900, "jpy"), (900, "usd")]


def test_a_price_that_left_the_list_goes_on_earning(api: ApiClient, settings: Any) -> None:
    learn([Price(id="price_of_last_year")], book=PriceBook.load())
    settings.STRIPE_PRICES = {**settings.STRIPE_PRICES, "pro": ("price_of_last_year",)}
    learn([Price(id="price_of_last_year")], book=PriceBook.load())
    settings.STRIPE_PRICES = {**settings.STRIPE_PRICES, "pro": (OURS,)}
    assert deliver(api, paid(line("price_of_last_year", 800))).status == 200
    assert booked() == [(800, "eur")]


def test_a_price_that_no_list_names_is_ours_by_its_product(api: ApiClient) -> None:
    learn([Price(id=OURS, product_id="prod_adiuva_pro")], book=PriceBook.load())
    assert deliver(api, paid(line("price_of_next_year", 1000, product="prod_adiuva_pro"))).status == 200
    assert booked() == [(1000, "eur")]


def test_what_was_booked_by_its_lines_stays_booked_whatever_is_in_the_lists_later(
    api: ApiClient, settings: Any
) -> None:
    deliver(api, paid(line(OURS, 900), id="in_1"))
    settings.STRIPE_PRICES = {**settings.STRIPE_PRICES, "pro": ("price_2027",)}
    deliver(api, paid(line(OURS, 900), id="in_1", kind="invoice.payment_succeeded"))
    assert booked() == [(900, "eur")]


def test_without_its_lines_all_of_an_invoice_counts_where_its_subscription_is_ours(
    api: ApiClient, make_user: MakeUser
) -> None:
    customer_id = make_customer(make_user().user)
    deliver(api, stripe_events.subscription_created("sub_1", created=T0, customer_id=customer_id))
    deliver(api, stripe_events.invoice_paid("sub_1", created=T0 + 1, customer_id=customer_id))
    deliver(api, stripe_events.invoice_paid("sub_of_theirs", created=T0 + 1, customer_id=customer_id))
    assert booked() == [(900, "eur")]
    assert not PaidInvoice.objects.get().is_exact


@pytest.mark.django_db(transaction=True)
def test_of_lines_that_an_event_does_not_show_stripe_is_asked(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    """An event shows the first ten. Nobody's money is booked before Stripe has answered."""
    world = stripe_server.world
    buy_at(stripe_server, make_user().user, tell=False)
    (invoice,) = world.all("invoice")
    add_on = stripe_server.sell(ADD_ON, cents=100)
    for _ in range(14):
        money.add_line(world, invoice, add_on)
    invoice |= {"amount_paid": 900 + 1400, "lines": {**invoice["lines"], "data": invoice["lines"]["data"][1:]}}
    receive(stripe_events.event("invoice.paid", dict(invoice), created=world.now()))
    assert booked() == []
    get_queue().drain()
    assert booked() == [(900, "eur")]
    assert [call.path for call in stripe_server.seen].count(f"/v1/invoices/{invoice['id']}/lines") == 1


@pytest.mark.django_db(transaction=True)
def test_without_a_key_nobody_is_asked_and_nothing_is_booked(api: ApiClient, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    assert deliver(api, paid(cents=900)).status == 200
    get_queue().drain()
    assert booked() == []


@pytest.mark.parametrize("changes", [{"currency": None}, {"amount_paid": -1}, {"amount_paid": "900"}])
def test_an_invoice_that_makes_no_sense_is_refused_whole(api: ApiClient, changes: JsonObject) -> None:
    assert deliver(api, paid(line(OURS, 900), **changes)).status == 400
    assert not SubscriptionPayment.objects.exists()


def test_the_books_stay_when_the_account_goes_and_name_nobody(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    customer_id = make_customer(account.user)
    deliver(api, paid(line(OURS, 900), customer_id=customer_id))
    erasure.close_account(user=account.user)
    erasure.erase(user_id=account.user.id)
    rows = [*SubscriptionPayment.objects.values(), *PaidInvoice.objects.values()]
    assert [row.get("amount_cents", row.get("our_cents")) for row in rows] == [900, 900]
    named = {str(value) for row in rows for value in row.values()}
    assert not {str(account.user.id), account.email, customer_id} & named
