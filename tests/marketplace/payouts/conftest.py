from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fakes.stripe_server import SECRET_KEY, LoopbackStripe
from tests.marketplace.payouts import sales
from tests.support.accounts import Account


@pytest.fixture(autouse=True)
def _webhook_secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = sales.WEBHOOK_SECRET


@pytest.fixture
def stripe_server(settings: Any) -> Iterator[LoopbackStripe]:
    """A loopback Stripe with its key set: the real gateway is in use, and waits as long as in production.

    Where silence is the fault, see ``tests.billing.purchases.impatient``.
    """
    with LoopbackStripe() as server:
        settings.STRIPE_SECRET_KEY = SECRET_KEY
        settings.STRIPE_API_BASE = server.base_url
        yield server
        # What a test has queued is over before its database is emptied and its Stripe is gone.
        sales.let_payouts_finish()


@pytest.fixture
def developer(make_user: Callable[..., Account]) -> Account:
    return make_user(tier="power")


@pytest.fixture
def prod_without_stripe(settings: Any) -> None:
    settings.IS_PROD = True
    settings.STRIPE_SECRET_KEY = ""
