"""What was booked before there were lines, refunds and currencies is kept as it was."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from billing.models import BillingFact
from billing.revenue.models import PaidInvoice, SubscriptionPayment
from tests.billing import stripe_events
from tests.billing.deliveries import DAY, SECRET, T0, deliver, make_customer
from tests.billing.purchases import subscription
from tests.billing.revenue.invoices import OURS
from tests.support.accounts import Account
from tests.support.client import ApiClient

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def migrate(name: str) -> Any:
    executor = MigrationExecutor(connection)
    return executor.migrate([("billing", name)]).apps


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_what_the_row_knows_of_its_prices_outlives_the_upgrade(
    settings: Any, make_user: Callable[..., Account], api: ApiClient
) -> None:
    """Bought as pro, raised to power in Stripe's dashboard, on a price that has left the lists."""
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    account = make_user()
    customer_id = make_customer(account.user)
    before = migrate("0004_subscription_payments")
    before.get_model("billing", "Subscription").objects.create(
        user_id=account.user.pk, stripe_subscription_id="sub_1", tier="power", stripe_tier="power", status="active"
    )
    fact = {"subject_id": customer_id, "kind": "snapshot", "status": "active", "rank": 1}
    for name, price_ids in (("sub_1", ["price_power_2024"]), ("sub_2", ["price_add_on", OURS]), ("sub_3", ["price_x"])):
        before.get_model("billing", "BillingFact").objects.create(
            **fact,
            event_id=f"evt_{name}",
            subscription_id=name,
            price_ids=price_ids,
            occurred_at=datetime.fromtimestamp(T0, UTC),
        )
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("billing"))
    assert dict(BillingFact.objects.values_list("subscription_id", "price_tiers")) == {
        "sub_1": {"price_power_2024": "power"},
        "sub_2": {"price_add_on": "", OURS: "pro"},
        "sub_3": {"price_x": ""},
    }
    BillingFact.objects.exclude(subscription_id="sub_1").delete()
    told = stripe_events.subscription_updated(
        "sub_1", created=T0 + 30 * DAY, customer_id=customer_id, price_id="price_power_2024"
    )
    told["data"]["object"]["metadata"] = {"tier": "pro", "user_id": str(account.user.pk)}
    assert deliver(api, told).status == 200
    assert subscription(api, account)["tier"] == "power"


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_payments_of_before_are_payments_still() -> None:
    before = migrate("0005_prices_and_invoices")
    row = {"invoice_id": "in_1", "amount_cents": 900, "currency": "eur", "paid_at": NOW}
    before.get_model("billing", "SubscriptionPayment").objects.create(**row)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("billing"))
    assert SubscriptionPayment.objects.values().get() == {
        "source": "in_1",
        "invoice_id": "in_1",
        "kind": "payment",
        "amount_cents": 900,
        "currency": "eur",
        "paid_at": NOW,
    }
    kept = PaidInvoice.objects.get()
    assert (kept.our_cents, kept.paid_cents, kept.is_exact) == (900, 900, False)
