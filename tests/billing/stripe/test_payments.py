"""Payments made once: the gateway beside a Stripe that pays, refuses and fails, and what that Stripe would refuse."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from adiuva.api.errors import Problem, UpstreamError, UpstreamUnavailable
from billing.stripe.factory import get_gateway
from billing.stripe.port import (
    CardRefused,
    CheckoutSession,
    Gateway,
    IdempotencyKeyInUse,
    NoSuchCustomer,
    Payment,
    Sale,
)
from billing.stripe.stub.gateway import StubGateway
from tests.accounts.concurrency import run_concurrently
from tests.fakes.stripe.payments import Manner
from tests.fakes.stripe.world import API_VERSION
from tests.fakes.stripe_server import SECRET_KEY, LoopbackStripe
from tests.support.accounts import Account
from tests.support.thorough import thorough

pytestmark = pytest.mark.django_db

MakeUser = Callable[..., Account]
FAILURES: list[tuple[dict[str, Any], type[Problem]]] = [
    ({"kind": "status", "status": 400}, UpstreamError),
    ({"kind": "status", "status": 401}, UpstreamError),
    ({"kind": "status", "status": 429}, UpstreamUnavailable),
    thorough({"kind": "status", "status": 500, "times": 2}, UpstreamError),
    thorough({"kind": "status", "status": 503, "times": 2}, UpstreamUnavailable),
    thorough({"kind": "reset", "times": 2}, UpstreamUnavailable),
    ({"kind": "garbage"}, UpstreamError),
]


@pytest.fixture
def gateway(stripe_server: LoopbackStripe) -> Gateway:
    return get_gateway()


@pytest.fixture
def sale(gateway: Gateway, make_user: MakeUser) -> Sale:
    customer_id = gateway.create_customer(user=make_user().user)
    return Sale(customer_id=customer_id, amount_cents=499, currency="eur", name="A plugin", metadata={"of": "us"})


def charge(gateway: Gateway, sale: Sale, card_id: str, key: str = "k-1") -> Payment:
    return gateway.charge_card(sale, payment_method_id=card_id, idempotency_key=key)


def page(gateway: Gateway, sale: Sale, key: str = "p-1") -> CheckoutSession:
    urls = {"success_url": "https://api.example.com/paid", "cancel_url": "https://api.example.com/cancelled"}
    return gateway.create_payment_page(sale, user_id="u-1", idempotency_key=key, **urls)


def test_the_saved_card_is_the_default_one_else_the_newest(
    gateway: Gateway, stripe_server: LoopbackStripe, sale: Sale
) -> None:
    assert gateway.saved_card(sale.customer_id) is None
    stripe_server.save_card(sale.customer_id, is_default=False)
    newest = stripe_server.save_card(sale.customer_id, is_default=False)
    assert gateway.saved_card(sale.customer_id) == newest["id"]
    chosen = stripe_server.save_card(sale.customer_id)
    stripe_server.save_card(sale.customer_id, is_default=False)
    assert gateway.saved_card(sale.customer_id) == chosen["id"]


def test_who_is_gone_has_no_saved_card(gateway: Gateway, stripe_server: LoopbackStripe, sale: Sale) -> None:
    stripe_server.save_card(sale.customer_id)
    stripe_server.delete_customer(sale.customer_id)
    assert gateway.saved_card(sale.customer_id) is None
    assert gateway.saved_card("cus_unknown") is None


def test_a_charge_of_a_card_is_made_once_a_key(gateway: Gateway, stripe_server: LoopbackStripe, sale: Sale) -> None:
    card_id = stripe_server.save_card(sale.customer_id)["id"]
    payment = charge(gateway, sale, card_id)
    assert (payment.status, payment.metadata) == ("succeeded", {"of": "us"})
    assert charge(gateway, sale, card_id) == payment
    assert len(stripe_server.world.all("charge")) == 1


@pytest.mark.parametrize("manner", ["declined", "authentication_required"])
def test_a_refusal_is_final_for_its_key(
    gateway: Gateway, stripe_server: LoopbackStripe, sale: Sale, manner: Manner
) -> None:
    card_id = stripe_server.save_card(sale.customer_id, manner=manner)["id"]
    for _ in range(2):
        with pytest.raises(CardRefused):
            charge(gateway, sale, card_id)
    assert len(stripe_server.world.all("payment_intent")) == 1


def test_a_card_of_somebody_else_or_of_nobody_is_refused(
    gateway: Gateway, stripe_server: LoopbackStripe, sale: Sale, make_user: MakeUser
) -> None:
    other = gateway.create_customer(user=make_user().user)
    theirs, detached = (stripe_server.save_card(who)["id"] for who in (other, sale.customer_id))
    stripe_server.take_card_away(detached)
    for number, card_id in enumerate((theirs, detached, "pm_unknown")):
        with pytest.raises(CardRefused):
            charge(gateway, sale, card_id, f"k-{number}")
    assert stripe_server.world.all("payment_intent") == []


def test_a_customer_whom_stripe_does_not_know_is_told_apart(
    gateway: Gateway, stripe_server: LoopbackStripe, sale: Sale
) -> None:
    card_id = stripe_server.save_card(sale.customer_id)["id"]
    gone = replace(sale, customer_id="cus_unknown")
    with pytest.raises(NoSuchCustomer):
        charge(gateway, gone, card_id)
    with pytest.raises(NoSuchCustomer):
        page(gateway, gone)
    assert gateway.find_payment(customer_id="cus_unknown", metadata={}, since=datetime.now(UTC)) is None


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_who_asks_the_same_meanwhile_is_told_to_wait(
    gateway: Gateway, stripe_server: LoopbackStripe, sale: Sale
) -> None:
    card_id = stripe_server.save_card(sale.customer_id)["id"]
    stripe_server.fail("slow", path="/v1/payment_intents", seconds=3)

    def ask() -> str:
        try:
            return charge(gateway, sale, card_id).status
        except IdempotencyKeyInUse:
            return "wait"

    assert sorted(run_concurrently(ask, ask)) == ["succeeded", "wait"]


@pytest.mark.parametrize(("fault", "problem"), FAILURES)
def test_a_failure_of_stripes_is_a_problem_of_ours(
    gateway: Gateway, stripe_server: LoopbackStripe, sale: Sale, fault: dict[str, Any], problem: type[Problem]
) -> None:
    card_id = stripe_server.save_card(sale.customer_id)["id"]
    asked: list[Callable[[], object]] = [
        lambda: charge(gateway, sale, card_id),
        lambda: page(gateway, sale),
        lambda: gateway.saved_card(sale.customer_id),
        lambda: gateway.find_payment(customer_id=sale.customer_id, metadata={}, since=datetime.now(UTC)),
    ]
    for ask in asked:
        stripe_server.fail(**fault)
        with pytest.raises(problem) as raised:
            ask()
        assert "SECRET" not in str(raised.value.as_dict(""))
        stripe_server.mend()


def test_a_page_is_open_then_paid_and_names_its_payment(
    gateway: Gateway, stripe_server: LoopbackStripe, sale: Sale
) -> None:
    made = page(gateway, sale)
    assert (made.status, made.is_paid, made.payment_intent_id) == ("open", False, "")
    paid = stripe_server.complete_checkout(made.id)
    session = gateway.retrieve_checkout_session(made.id)
    assert session is not None
    assert (session.status, session.is_paid, session.payment_intent_id) == ("complete", True, paid["payment_intent"])
    found = gateway.find_payment(
        customer_id=sale.customer_id, metadata=sale.metadata, since=datetime.now(UTC) - timedelta(hours=1)
    )
    assert found is not None
    assert found.id == paid["payment_intent"]


def test_the_payment_that_succeeded_is_found_among_others(
    gateway: Gateway, stripe_server: LoopbackStripe, sale: Sale
) -> None:
    pays, refuses = (stripe_server.save_card(sale.customer_id, manner=one)["id"] for one in ("pays", "declined"))
    succeeded = charge(gateway, sale, pays)
    with pytest.raises(CardRefused):
        charge(gateway, sale, refuses, "k-2")
    since = datetime.now(UTC)
    assert gateway.find_payment(customer_id=sale.customer_id, metadata=sale.metadata, since=since) == succeeded
    assert gateway.find_payment(customer_id=sale.customer_id, metadata={"of": "others"}, since=since) is None
    later = since + timedelta(hours=1)
    assert gateway.find_payment(customer_id=sale.customer_id, metadata=sale.metadata, since=later) is None


def test_the_stub_charges_no_card(sale: Sale) -> None:
    stub = StubGateway()
    assert stub.saved_card("cus_stub_1") is None
    assert stub.find_payment(customer_id="cus_stub_1", metadata={}, since=datetime.now(UTC)) is None
    with pytest.raises(CardRefused):
        stub.charge_card(sale, payment_method_id="pm_1", idempotency_key="k-1")


# --- what Stripe would refuse

ONCE: dict[str, Any] = {"amount": 499, "currency": "eur", "payment_method_types": ["card"]}


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({**ONCE, "amount": 49}, "amount"),
        ({**ONCE, "currency": "xxx"}, "currency"),
        ({**ONCE, "off_session": True}, "off_session"),
        ({**ONCE, "customer": "cus_unknown"}, "customer"),
        ({**ONCE, "payment_method": "pm_unknown"}, "payment_method"),
        ({**ONCE, "colour": "red"}, "colour"),
        ({"currency": "eur"}, "amount"),
    ],
)
def test_a_payment_that_stripe_would_not_make_is_not_made(
    stripe_server: LoopbackStripe, params: Any, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client_of(stripe_server).v1.payment_intents.create(params)
    assert refused.value.param == param
    assert stripe_server.world.all("payment_intent") == []


def test_a_confirmed_payment_that_may_redirect_says_where_to(stripe_server: LoopbackStripe, sale: Sale) -> None:
    card_id = stripe_server.save_card(sale.customer_id)["id"]
    theirs = {"customer": sale.customer_id, "payment_method": card_id}
    params: Any = {"amount": 499, "currency": "eur", **theirs, "confirm": True}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client_of(stripe_server).v1.payment_intents.create(params)
    assert refused.value.param == "return_url"


@pytest.mark.parametrize(
    "line",
    [
        {"quantity": 1},
        {"quantity": 1, "price": "price_x", "price_data": {"currency": "eur", "unit_amount": 499}},
        {"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 499}},
        {"quantity": 1, "price_data": {"currency": "eur", "product_data": {"name": "X"}}},
        {"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 10, "product_data": {"name": "X"}}},
        {"price_data": {"currency": "eur", "unit_amount": 499, "product_data": {"name": "X"}}},
    ],
)
def test_a_page_that_stripe_would_not_make_is_not_made(stripe_server: LoopbackStripe, line: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client_of(stripe_server).v1.checkout.sessions.create(
            {"mode": "payment", "success_url": "https://x.example/done", "line_items": [line]}
        )
    assert stripe_server.world.all("checkout.session") == []


def client_of(server: LoopbackStripe) -> stripe.StripeClient:
    return stripe.StripeClient(SECRET_KEY, stripe_version=API_VERSION, base_addresses={"api": server.base_url})
