"""Apps above billing hear of Stripe's events."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from billing.stripe import hooks
from billing.stripe.events import IncomingEvent
from tests.billing.conftest import WEBHOOK_SECRET
from tests.billing.stripe_events import customer, event, new_id
from tests.fakes.stripe.signing import signature
from tests.repository.modules import product_modules
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db

KIND = "test_helpers.test_clock.ready"  # nobody else's


@pytest.fixture
def heard(settings: Any) -> Iterator[list[str]]:
    """The ids of the events that a handler has heard of."""
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    ids: list[str] = []

    def hear(incoming: IncomingEvent) -> None:
        ids.append(incoming.id)

    hooks.register(KIND, hear)
    hooks.register(KIND, hear)
    yield ids
    hooks._handlers.pop(KIND)


def deliver(what: dict[str, Any]) -> Answer:
    body = json.dumps(what).encode()
    return ApiClient().post("billing/webhook", body=body, headers={"Stripe-Signature": signature(body, WEBHOOK_SECRET)})


def test_a_handler_hears_of_an_event_once_however_often_it_comes(heard: list[str]) -> None:
    about = event(KIND, {"id": new_id("clock"), "object": "test_helpers.test_clock"}, created=1_790_000_000)
    assert [deliver(about).status for _ in range(3)] == [200] * 3
    assert heard == [about["id"]]


def test_it_hears_of_its_own_kind_only(heard: list[str]) -> None:
    assert deliver(event("customer.updated", customer(new_id("cus")), created=1_790_000_000)).status == 200
    assert heard == []


def test_an_event_that_is_not_signed_reaches_nobody(heard: list[str]) -> None:
    about = event(KIND, {"id": "clock_1", "object": "test_helpers.test_clock"}, created=1_790_000_000)
    answer = ApiClient().post("billing/webhook", json=about, headers={"Stripe-Signature": "t=1,v1=00"})
    assert answer.status == 400
    assert heard == []


def test_nobody_outside_of_its_room_reads_stripes_json() -> None:
    room = "billing.stripe."
    readers = {name for name, path in product_modules().items() if ".data_object" in path.read_text()}
    assert {name for name in readers if not name.startswith(room)} == set()
    assert readers != set()
