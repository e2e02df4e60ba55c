"""Signed, and still nothing that can be acted on: 400 and no trace; never 5xx whatever the body."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.accounts.database_dump import whole_database
from tests.billing import stripe_events as stripe
from tests.billing.deliveries import SECRET, T0, deliver, deliver_raw
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"event"',
        b"{}",
        b"\xff\xfe",
        b'{"object": "event"}',
        b'{"id": "evt_1", "object": "event", "type": "ping", "created": NaN, "data": {"object": {}}}',
        b'{"id": "evt_1", "object": "event", "type": "ping", "created": 1, "data": {"object": {"a": "\\u0000"}}}',
        b'{"id": "evt_1", "object": "event", "type": "ping", "created": 1, "data": {"object": {"a": "\\ud800"}}}',
        b'{"id": "evt_1", "object": "v2.core.event", "type": "ping", "created": 1, "data": {"object": {}}}',
        b'{"a":' * 100 + b"1" + b"}" * 100,
    ],
)
def test_what_is_no_event_is_400_and_leaves_no_trace(api: ApiClient, body: bytes) -> None:
    before = whole_database()
    answer = deliver_raw(api, body, signature=stripe.signature(body.decode("utf-8", "replace").encode(), SECRET))
    assert (answer.status, answer.code) == (400, "validation_error")
    assert whole_database() == before


def put(*path: Any, value: Any) -> Change:
    """``put("data", "object", "id", value=7)``: the change that sets it."""

    def change(event: dict[str, Any]) -> None:
        target: Any = event
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value

    return change


OBJECT = ("data", "object")
ITEM = (*OBJECT, "items", "data", 0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (put("id", value=None), "id"),
        (put("id", value=""), "id"),
        (put("id", value="e" * 256), "id"),
        (put("id", value="evt 1"), "id"),
        (put("type", value=7), "type"),
        (put("type", value="x" * 251), "type"),
        (put("created", value="now"), "created"),
        (put("created", value=-1), "created"),
        (put("created", value=10**15), "created"),
        (put("created", value=True), "created"),
        (put("account", value=["acct_1"]), "account"),
        (put("data", value=None), "data.object"),
        (put(*OBJECT, value="sub_1"), "data.object"),
        (put(*OBJECT, "object", value="invoice"), "data.object.object"),
        (put(*OBJECT, "id", value=None), "data.object.id"),
        (put(*OBJECT, "customer", value=None), "data.object.customer"),
        (put(*OBJECT, "customer", value={}), "data.object.customer"),
        (put(*OBJECT, "status", value=None), "data.object.status"),
        (put(*OBJECT, "items", value=None), "data.object.items"),
        (put(*OBJECT, "items", value={"data": []}), "data.object.items"),
        (put(*OBJECT, "items", value={"data": ["si_1"]}), "data.object.items"),
        (put(*ITEM, "price", value={}), "data.object.items.data.price.id"),
        (put(*ITEM, "current_period_end", value="soon"), "data.object.items.data.current_period_end"),
    ],
)
def test_a_subscription_event_that_lacks_what_counts_is_400_and_names_it(
    api: ApiClient, change: Change, field: str
) -> None:
    event = stripe.subscription_updated("sub_1", created=T0, customer_id="cus_1")
    change(event)
    before = whole_database()
    answer = deliver(api, event)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert list(answer.json["errors"]) == [field]
    assert whole_database() == before


def test_an_invoices_subscription_that_is_no_id_is_400(api: ApiClient) -> None:
    event = stripe.payment_failed("sub_1", created=T0, customer_id="cus_1")
    event["data"]["object"]["parent"]["subscription_details"]["subscription"] = 7
    assert deliver(api, event).status == 400


def test_an_invoice_that_is_no_subscriptions_is_received(api: ApiClient) -> None:
    event = stripe.payment_failed("sub_1", created=T0, customer_id="cus_1")
    event["data"]["object"]["parent"] = None
    assert deliver(api, event).json == {"received": True}


def test_what_an_older_api_version_says_elsewhere_is_understood(api: ApiClient) -> None:
    event = stripe.subscription_updated("sub_1", created=T0, customer_id="cus_1")
    obj = event["data"]["object"]
    obj["customer"] = stripe.customer("cus_1")
    obj["current_period_end"] = obj["items"]["data"][0].pop("current_period_end")
    assert deliver(api, event).json == {"received": True}
    invoice = stripe.invoice_paid("sub_1", created=T0, customer_id="cus_1")
    invoice["data"]["object"].pop("parent")
    invoice["data"]["object"]["subscription"] = {"id": "sub_1", "object": "subscription"}
    assert deliver(api, invoice).json == {"received": True}


def test_a_deleted_subscription_needs_no_items(api: ApiClient) -> None:
    event = stripe.subscription_deleted("sub_1", created=T0, customer_id="cus_1")
    del event["data"]["object"]["items"]
    assert deliver(api, event).json == {"received": True}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
EVENTS = [
    stripe.subscription_updated("sub_1", created=T0, customer_id="cus_1"),
    stripe.subscription_deleted("sub_1", created=T0, customer_id="cus_1"),
    stripe.payment_failed("sub_1", created=T0, customer_id="cus_1"),
    stripe.checkout_completed(created=T0, customer_id="cus_1", subscription_id="sub_1", user_id="u", tier="pro"),
    stripe.event("customer.updated", stripe.customer("cus_1"), created=T0),
    stripe.event("price.updated", stripe.price("price_pro_monthly"), created=T0),
    stripe.event("product.updated", {"id": "prod_1", "object": "product", "name": "Pro", "active": True}, created=T0),
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for step, held in steps for inner in paths(held, (*path, step)))][0 if path else 1 :]


@pytest.mark.thorough
@hypothesis_settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), template=st.sampled_from(EVENTS))
def test_no_change_of_a_payload_makes_the_server_fail(
    api: ApiClient, django_user_model: Any, data: st.DataObject, template: dict[str, Any]
) -> None:
    django_user_model.objects.update_or_create(email="known@example.com", defaults={"stripe_customer_id": "cus_1"})
    event = deepcopy(template) | {"id": stripe.new_id("evt")}
    for path in data.draw(st.lists(st.sampled_from(paths(event)), min_size=1, max_size=3, unique=True)):
        try:
            put(*path, value=data.draw(ANYTHING))(event)
        except (KeyError, IndexError, TypeError):
            continue  # a change before took the place away
    body = json.dumps(event).encode()
    answer = deliver_raw(api, body, signature=stripe.signature(body, SECRET))
    assert answer.status in {200, 400}, answer


@hypothesis_settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
    times=st.text("t=v1,0-9", max_size=20),
)
def test_no_signature_header_makes_the_server_fail(api: ApiClient, header: str, times: str) -> None:
    for text in (header, f"t={header},v1=0", times):
        assert deliver_raw(api, b"{}", signature=text).status == 400
