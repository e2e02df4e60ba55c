"""The double refuses what Stripe would refuse, so that a test which passes says something."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import stripe

from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.forms import decode
from tests.fakes.stripe_server import SECRET_KEY, LoopbackStripe

VERSION = "2026-05-27.dahlia"


@pytest.fixture
def server() -> Iterator[LoopbackStripe]:
    with LoopbackStripe() as running:
        running.sell("price_month", cents=900)
        running.sell("price_once", cents=499, interval=None)
        yield running


def client_of(server: LoopbackStripe, *, key: str = SECRET_KEY, version: str = VERSION) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        stripe_version=version,
        base_addresses={"api": server.base_url},
        http_client=stripe.RequestsClient(timeout=10),
        max_network_retries=0,
    )


@pytest.fixture
def client(server: LoopbackStripe) -> stripe.StripeClient:
    return client_of(server)


def sale(**changes: Any) -> Any:
    made: dict[str, Any] = {
        "mode": "subscription",
        "success_url": "https://x.example/done",
        "line_items": [{"price": "price_month", "quantity": 1}],
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def test_forms_decode_as_the_sdk_encodes_them() -> None:
    assert decode("a[b][0][c]=1&a[b][1][c]=2&d=x%20y&e[]=1&e[]=2") == {
        "a": {"b": [{"c": "1"}, {"c": "2"}]},
        "d": "x y",
        "e": ["1", "2"],
    }
    assert decode("") == {}


@pytest.mark.parametrize("form", ["a=1&a=2", "a=1&a[b]=2", "[a]=1"])
def test_forms_that_make_no_sense_are_refused(form: str) -> None:
    with pytest.raises(ApiError):
        decode(form)


def test_a_wrong_key_is_401(server: LoopbackStripe) -> None:
    with pytest.raises(stripe.AuthenticationError):
        client_of(server, key="sk_test_wrong").v1.customers.list()


def test_another_version_is_refused(server: LoopbackStripe) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client_of(server, version="2020-08-27").v1.customers.list()


@pytest.mark.parametrize(
    "params",
    [
        {"nickname": "x"},
        {"email": {"a": "b"}},
        {"metadata": "x"},
        {"tax_exempt": "maybe"},
        {"balance": "much"},
        {"address": {"planet": "Mars"}},
        {"validate": "perhaps"},
    ],
)
def test_parameters_that_stripe_does_not_know_are_refused(client: stripe.StripeClient, params: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.create(params)
    assert refused.value.param.startswith(next(iter(params)))
    assert client.v1.customers.list().data == []


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"mode": None}, "mode"),
        ({"mode": "gift"}, "mode"),
        ({"mode": "payment"}, "line_items[0]"),
        ({"line_items": None}, "line_items"),
        ({"line_items": [{"price": "price_month"}]}, "line_items[0][quantity]"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]"),
        ({"line_items": [{"price": "price_once", "quantity": 1}]}, "line_items[0]"),
        ({"line_items": [{"price": "price_month", "quantity": "many"}]}, "line_items[0][quantity]"),
        ({"line_items": [{"price": "price_month", "quantity": 1, "color": "red"}]}, "line_items[0][color]"),
        ({"success_url": None}, "success_url"),
        ({"success_url": "/done"}, "success_url"),
        ({"cancel_url": "javascript:1"}, "cancel_url"),
        ({"customer": "cus_none"}, "customer"),
        ({"payment_intent_data": {"description": "x"}}, "payment_intent_data"),
        ({"expires_at": 1}, "expires_at"),
    ],
)
def test_a_session_that_stripe_would_not_make_is_not_made(
    server: LoopbackStripe, client: stripe.StripeClient, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.checkout.sessions.create(sale(**changes))
    assert refused.value.param == param
    assert server.world.all("checkout.session") == []


def test_an_idempotency_key_makes_one_object(server: LoopbackStripe, client: stripe.StripeClient) -> None:
    one, again = (client.v1.customers.create({"email": "a@b.example"}, {"idempotency_key": "k"}) for _ in range(2))
    assert one.id == again.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(server.world.all("customer")) == 1


def test_an_idempotency_key_with_other_parameters_is_refused(client: stripe.StripeClient) -> None:
    client.v1.customers.create({"email": "a@b.example"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"email": "c@d.example"}, {"idempotency_key": "k"})


def test_a_refused_request_does_not_use_its_key_up(client: stripe.StripeClient) -> None:
    wrong: Any = {"balance": "x"}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create(wrong, {"idempotency_key": "k"})
    assert client.v1.customers.create({"email": "a@b.example"}, {"idempotency_key": "k"}).id


@pytest.mark.thorough
def test_a_key_in_use_is_a_conflict(server: LoopbackStripe, client: stripe.StripeClient) -> None:
    server.fail("slow", seconds=2.0)
    first = threading.Thread(target=lambda: client.v1.customers.create({}, {"idempotency_key": "k"}))
    first.start()
    while not server.seen:
        first.join(0.01)
    with pytest.raises(stripe.APIError) as refused:
        client.v1.customers.create({}, {"idempotency_key": "k"})
    first.join()
    assert refused.value.http_status == 409
    assert refused.value.error is not None
    assert refused.value.error.code == "idempotency_key_in_use"
    assert len(server.world.all("customer")) == 1


def test_a_cancelled_subscription_cannot_be_cancelled_again_but_read(
    server: LoopbackStripe, client: stripe.StripeClient
) -> None:
    customer = client.v1.customers.create({"email": "a@b.example"})
    session = client.v1.checkout.sessions.create(sale(customer=customer.id))
    subscription_id = server.complete_checkout(session.id)["subscription"]
    client.v1.subscriptions.cancel(subscription_id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.subscriptions.cancel(subscription_id, options={"idempotency_key": "k"})
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert client.v1.subscriptions.retrieve(subscription_id).status == "canceled"
    assert client.v1.subscriptions.list().data == []
    assert len(client.v1.subscriptions.list({"status": "all"}).data) == 1


def test_a_session_is_paid_once(server: LoopbackStripe, client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"email": "a@b.example"})
    session = client.v1.checkout.sessions.create(sale(customer=customer.id))
    server.complete_checkout(session.id)
    with pytest.raises(ApiError):
        server.complete_checkout(session.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(session.id)


def test_a_session_that_nobody_pays_expires(server: LoopbackStripe, client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"email": "a@b.example"})
    session = client.v1.checkout.sessions.create(sale(customer=customer.id))
    server.world.advance(25 * 3600)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    with pytest.raises(ApiError):
        server.complete_checkout(session.id)


def test_lists_are_paged_newest_first(client: stripe.StripeClient) -> None:
    made = [client.v1.customers.create({"email": f"{number}@b.example"}).id for number in range(5)]
    page = client.v1.customers.list({"limit": 2})
    assert ([one.id for one in page.data], page.has_more) == (made[:2:-1], True)
    assert [one.id for one in page.auto_paging_iter()] == made[::-1]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.list({"limit": 101})


def test_a_life_leaves_the_events_that_stripe_would_send(server: LoopbackStripe, client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"email": "a@b.example"})
    session = client.v1.checkout.sessions.create(sale(customer=customer.id))
    subscription_id = server.complete_checkout(session.id)["subscription"]
    server.renew(subscription_id, paid=False)
    client.v1.subscriptions.cancel(subscription_id)
    events = server.undelivered()
    assert [event["type"] for event in events] == [
        "customer.created",
        "invoice_payment.paid",
        "customer.subscription.created",
        "invoice.paid",
        "checkout.session.completed",
        "invoice.payment_failed",
        "customer.subscription.updated",
        "customer.subscription.deleted",
    ]
    assert [event["data"]["object"].get("status") for event in events[-2:]] == ["past_due", "canceled"]
    assert events[5]["data"]["object"]["parent"]["subscription_details"]["subscription"] == subscription_id
    assert server.undelivered() == []


def test_deliveries_are_signed_as_the_sdk_checks_them(server: LoopbackStripe, client: stripe.StripeClient) -> None:
    received: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            event = stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], "whsec_x")
            received.append(event.type)
            self.send_response(200 if len(received) == 1 else 500)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    hook = HTTPServer(("127.0.0.1", 0), Hook)
    serving = threading.Thread(target=hook.serve_forever, args=(0.02,))
    serving.start()
    for address in ("a@b.example", "c@d.example"):
        client.v1.customers.create({"email": address})
    statuses = server.deliver(f"http://127.0.0.1:{hook.server_address[1]}/hook", "whsec_x")
    hook.shutdown()
    hook.server_close()
    serving.join()
    assert statuses == [("customer.created", 200), ("customer.created", 500)]
    assert received == ["customer.created"] * 2


def test_an_unknown_route_is_404(server: LoopbackStripe) -> None:
    request = urllib.request.Request(f"{server.base_url}/v1/nonsense")  # noqa: S310 - loopback
    request.add_header("Authorization", f"Bearer {SECRET_KEY}")
    request.add_header("Stripe-Version", VERSION)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)  # noqa: S310 - loopback
    with refused.value as answer:
        assert answer.code == 404
        assert json.loads(answer.read())["error"]["type"] == "invalid_request_error"


def test_objects_have_every_field_that_the_sdk_promises(server: LoopbackStripe, client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"email": "a@b.example"})
    session = client.v1.checkout.sessions.create(sale(customer=customer.id))
    subscription = client.v1.subscriptions.retrieve(server.complete_checkout(session.id)["subscription"])
    for made in (customer, session, subscription):
        lacking = [name for name, kind in type(made).__annotations__.items() if _is_promised(name, kind)]
        assert [name for name in lacking if name not in made] == []


def _is_promised(name: str, kind: Any) -> bool:
    """Fields without ``Optional`` are always there, but for one of embedded pages; class variables are no fields."""
    text = str(kind)
    return "ClassVar" not in text and "Optional" not in text and name != "redirect_on_completion"
