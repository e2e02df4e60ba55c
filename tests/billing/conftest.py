"""A Stripe to ask, settings that point at it, and its events on their way to us."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adiuva.jobs import get_queue
from tests.fakes.stripe.signing import signature
from tests.fakes.stripe_server import SECRET_KEY, LoopbackStripe
from tests.support.client import ApiClient

PRICES = {"price_pro_monthly": 900, "price_power_monthly": 1900, "price_team_monthly": 4900}
WEBHOOK_SECRET = "whsec_loopback_0123456789abcdef"

DeliverAll = Callable[[], list[str]]


@pytest.fixture
def stripe_server(settings: Any) -> Iterator[LoopbackStripe]:
    """A loopback Stripe that sells the three tiers, with its key set: the real gateway is in use.

    It is waited for as in production: a machine that is busy must not look like a Stripe that is silent. Where silence
    is the fault, see ``purchases.impatient``.
    """
    with LoopbackStripe() as server:
        for price_id, cents in PRICES.items():
            server.sell(price_id, cents=cents)
        settings.STRIPE_SECRET_KEY = SECRET_KEY
        settings.STRIPE_API_BASE = server.base_url
        settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
        yield server
        # What a test has queued is over before its database is emptied and its Stripe is gone.
        get_queue().clear()


@pytest.fixture
def deliver_all(api: ApiClient, stripe_server: LoopbackStripe) -> DeliverAll:
    """Sends what has happened at Stripe since the last call to our webhook; the types of the events."""

    def deliver() -> list[str]:
        events = stripe_server.undelivered()
        for event in events:
            body = json.dumps(event).encode()
            headers = {"Stripe-Signature": signature(body, WEBHOOK_SECRET)}
            answer = api.post("billing/webhook", body=body, headers=headers)
            assert answer.status == 200, (event["type"], answer)
        return [event["type"] for event in events]

    return deliver
