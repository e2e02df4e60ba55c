"""What is known of the money that subscriptions bring in."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts import erasure
from billing.models import SubscriptionPayment
from tests.billing import stripe_events
from tests.billing.deliveries import DAY, SECRET, T0, deliver, make_customer
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET


def invoice_event(customer_id: str, *, cents: int = 900, invoice_id: str = "", kind: str = "invoice.paid") -> Any:
    invoice = stripe_events.invoice("sub_of_theirs", customer_id=customer_id, paid=True, cents=cents)
    return stripe_events.event(kind, dict(invoice) | ({"id": invoice_id} if invoice_id else {}), created=T0)


def list_payments() -> list[tuple[int, str, int]]:
    return [(one.amount_cents, one.currency, int(one.paid_at.timestamp())) for one in SubscriptionPayment.objects.all()]


def test_a_paid_invoice_is_a_payment(api: ApiClient, make_user: MakeUser) -> None:
    assert deliver(api, invoice_event(make_customer(make_user().user), cents=1900)).status == 200
    assert list_payments() == [(1900, "eur", T0)]


def test_told_twice_or_by_two_types_of_event_it_counts_once(api: ApiClient, make_user: MakeUser) -> None:
    customer_id = make_customer(make_user().user)
    event = invoice_event(customer_id, invoice_id="in_1")
    other = invoice_event(customer_id, invoice_id="in_1", kind="invoice.payment_succeeded")
    assert [deliver(api, one).status for one in (event, event, other)] == [200] * 3
    assert len(list_payments()) == 1


def test_an_invoice_of_nothing_is_no_income(api: ApiClient, make_user: MakeUser) -> None:
    customer_id = make_customer(make_user().user)
    assert deliver(api, invoice_event(customer_id, cents=0)).status == 200
    failed = stripe_events.payment_failed("sub_of_theirs", created=T0 + DAY, customer_id=customer_id)
    assert deliver(api, failed).status == 200
    assert list_payments() == []


def test_a_connected_accounts_income_is_not_ours(api: ApiClient, make_user: MakeUser) -> None:
    event = dict(invoice_event(make_customer(make_user().user))) | {"account": "acct_of_a_developer"}
    assert deliver(api, event).status == 200
    assert list_payments() == []


def test_the_books_stay_when_the_account_goes_and_name_nobody(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    customer_id = make_customer(account.user)
    deliver(api, invoice_event(customer_id))
    erasure.close_account(user=account.user)
    erasure.erase(user_id=account.user.id)
    (payment,) = SubscriptionPayment.objects.values()
    assert payment["amount_cents"] == 900
    assert not {str(account.user.id), account.email, customer_id} & {str(value) for value in payment.values()}
