"""Events of the other mode than our key's: recorded, and nothing follows from them."""

from collections.abc import Callable
from typing import Any

import pytest
from djstripe import models as mirror

from adiuva.observability.metrics import REGISTRY
from billing.models import BillingFact, OperatorAlert, Subscription
from billing.revenue.models import SubscriptionPayment
from tests.billing import stripe_events
from tests.billing.deliveries import SECRET, T0, deliver, make_customer
from tests.billing.revenue.invoices import OURS, line, paid
from tests.billing.stripe_events import JsonObject
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET


def counted(kind: str) -> float:
    labels = {"type": kind, "outcome": "other_mode"}
    return REGISTRY.get_sample_value("adiuva_stripe_webhooks_total", labels) or 0


@pytest.mark.parametrize(
    ("key", "livemode", "counts"),
    [
        ("sk_live_1", True, True),
        ("sk_live_1", False, False),
        ("rk_live_1", False, False),
        ("sk_test_1", True, False),
        ("rk_test_1", False, True),
        ("", True, True),
        ("", False, True),
    ],
)
def test_what_counts_is_of_the_keys_mode(
    api: ApiClient, make_user: MakeUser, settings: Any, key: str, livemode: bool, counts: bool
) -> None:
    settings.STRIPE_SECRET_KEY = key
    customer_id = make_customer(make_user().user)
    bought = stripe_events.subscription_created("sub_1", created=T0, customer_id=customer_id)
    earned = paid(line(OURS, 900), customer_id=customer_id)
    for event in (bought, earned):
        assert deliver(api, event | {"livemode": livemode}).json == {"received": True}
        assert mirror.Event.objects.get(id=event["id"]).livemode is livemode
    assert Subscription.objects.exists() is SubscriptionPayment.objects.exists() is counts
    assert BillingFact.objects.exists() is counts


def test_it_is_one_line_of_the_log_and_a_repetition_none(
    api: ApiClient, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_live_1"
    event = stripe_events.subscription_created("sub_1", created=T0, customer_id="cus_of_nobody")
    before = counted("customer")
    answers = [deliver(api, event).json for _ in range(2)]
    assert answers == [{"received": True}, {"received": True, "duplicate": True}]
    (warning,) = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert (warning["event"], warning["type"], warning["livemode"]) == (event["id"], event["type"], False)
    assert counted("customer") - before == 1
    assert not OperatorAlert.objects.exists()


def test_nothing_of_a_person_is_kept_of_it(api: ApiClient, make_user: MakeUser, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_live_1"
    event: JsonObject = stripe_events.event(
        "customer.updated", stripe_events.customer(make_customer(make_user().user)), created=T0
    )
    assert deliver(api, event).status == 200
    (kept,) = mirror.Event.objects.all()
    assert "payer@example.com" not in str(kept.data)
