from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest

from marketplace import jobs
from marketplace.models import DeveloperAccount
from tests.fakes.stripe_server import SECRET_KEY, LoopbackStripe
from tests.marketplace.payouts import sales
from tests.marketplace.payouts.connected import Deliver, begin
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


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What events queue; ``deliver_all`` does it, for tests that commit nothing."""
    waiting: list[Callable[[], None]] = []
    monkeypatch.setattr(jobs, "enqueue", lambda job, **arguments: waiting.append(partial(job, **arguments)))
    return waiting


@pytest.fixture
def account_id(stripe_server: LoopbackStripe, developer: Account) -> str:
    """Onboarded, up to the questions."""
    begin(developer)
    return str(DeveloperAccount.objects.get().stripe_account_id)


@pytest.fixture
def deliver_all(stripe_server: LoopbackStripe, queued: list[Callable[[], None]]) -> Deliver:
    """``deliver_all(*kinds)``: what has happened at Stripe since the last call, and what that queues; with ``kinds``
    only of those.
    """

    def deliver(*kinds: str, events: Sequence[Any] = ()) -> None:
        told = [event for event in stripe_server.undelivered() if not kinds or event["type"] in kinds]
        sales.deliver(*told, *events)
        while queued:
            queued.pop(0)()

    return deliver


@pytest.fixture
def ready(stripe_server: LoopbackStripe, account_id: str, deliver_all: Deliver) -> str:
    stripe_server.enable_payouts(account_id)
    deliver_all()
    return account_id
