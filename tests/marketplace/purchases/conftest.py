from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fakes.stripe_server import SECRET_KEY, LoopbackStripe
from tests.marketplace.purchases.actions import WEBHOOK_SECRET
from tests.support.accounts import Account


@pytest.fixture
def stripe(settings: Any) -> Iterator[LoopbackStripe]:
    """A loopback Stripe with its key set: the real gateway is in use."""
    with LoopbackStripe() as server:
        server.sell("price_power_monthly", cents=1900)
        settings.STRIPE_SECRET_KEY = SECRET_KEY
        settings.STRIPE_API_BASE = server.base_url
        settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
        yield server


@pytest.fixture
def buyer(make_user: Callable[..., Account]) -> Account:
    return make_user(tier="power")
