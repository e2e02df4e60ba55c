from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fakes.stripe_server import SECRET_KEY, LoopbackStripe
from tests.marketplace.revenue import money
from tests.support.accounts import Account


@pytest.fixture(autouse=True)
def _webhook_secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = money.WEBHOOK_SECRET


@pytest.fixture
def stripe_server(settings: Any) -> Iterator[LoopbackStripe]:
    """A loopback Stripe with its key set: the real gateway is in use."""
    with LoopbackStripe() as server:
        settings.STRIPE_SECRET_KEY = SECRET_KEY
        settings.STRIPE_API_BASE = server.base_url
        settings.STRIPE_TIMEOUT_SECONDS = 1.0
        yield server
        # What a test has queued is over before its database is emptied and its Stripe is gone.
        money.let_payouts_finish()


@pytest.fixture
def patient(stripe_server: LoopbackStripe, settings: Any) -> None:
    """``stripe_server`` is waited for: where many ask at once and none may lose an answer, however busy we are."""
    settings.STRIPE_TIMEOUT_SECONDS = 10.0


@pytest.fixture
def developer(make_user: Callable[..., Account]) -> Account:
    return make_user(tier="power")


@pytest.fixture
def prod_without_stripe(settings: Any) -> None:
    settings.IS_PROD = True
    settings.STRIPE_SECRET_KEY = ""
