"""Disputes of what was bought here have a deadline, which a person is told."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.models import OperatorAlert
from marketplace.models import PaymentReturn
from tests.marketplace.payouts import sales
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db

DUE = 1_796_083_199  # 2026-11-30 23:59:59 UTC


def open_alerts() -> list[OperatorAlert]:
    return list(OperatorAlert.objects.filter(resolved_at=None))


@pytest.mark.parametrize("status", ["needs_response", "warning_needs_response", "a_new_word"])
def test_a_dispute_is_told_with_its_amount_and_its_date(developer: Account, status: str) -> None:
    sale = sales.sell(author=developer.user, cents=499)
    sales.deliver(sales.dispute(sales.payment_of(sale), cents=499, status=status, due_by=DUE))
    (alert,) = open_alerts()
    assert (alert.kind, alert.reference) == ("plugin_dispute", f"du_{sales.payment_of(sale)}")
    for word in ("€4.99", sale.plugin_id, sales.payment_of(sale), "2026-11-30 23:59 UTC"):
        assert word in alert.message


@pytest.mark.parametrize(
    ("course", "end"),
    [
        (("needs_response", "under_review"), "won"),
        (("needs_response", "under_review"), "lost"),
        (("needs_response",), "prevented"),
        (("warning_needs_response", "warning_under_review"), "warning_closed"),
        (("warning_needs_response", "needs_response"), "lost"),
    ],
)
def test_its_end_closes_the_alert(developer: Account, course: tuple[str, ...], end: str) -> None:
    sale = sales.sell(author=developer.user, cents=499)
    for seconds, status in enumerate(course):
        sales.deliver(
            sales.dispute(sales.payment_of(sale), cents=499, status=status, due_by=DUE, at=sales.T0 + seconds)
        )
        assert len(open_alerts()) == 1
    sales.deliver(sales.dispute(sales.payment_of(sale), cents=499, status=end, at=sales.T0 + 9))
    assert open_alerts() == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_events_does_not_matter(developer: Account, order: tuple[int, ...]) -> None:
    """The sale may be heard of last."""
    purchase = sales.make_purchase(sales.make_plugin(author=developer.user))
    payment = sales.payment_of(purchase)
    steps: list[Any] = [
        lambda: sales.deliver(sales.dispute(payment, cents=499, due_by=DUE)),
        lambda: sales.deliver(sales.dispute(payment, cents=499, status="won", at=sales.T0 + 9)),
        lambda: sales.record(purchase),
    ]
    for index in order:
        steps[index]()
    assert open_alerts() == []


def test_a_dispute_before_its_sale_is_told_with_the_sale(developer: Account) -> None:
    purchase = sales.make_purchase(sales.make_plugin(author=developer.user))
    sales.deliver(sales.dispute(sales.payment_of(purchase), cents=499, due_by=DUE))
    assert open_alerts() == []
    sales.record(purchase)
    assert [alert.kind for alert in open_alerts()] == ["plugin_dispute"]


def test_what_an_operator_has_resolved_only_news_opens_again(developer: Account) -> None:
    sale = sales.sell(author=developer.user, cents=499)
    payment, at = sales.payment_of(sale), itertools.count(sales.T0)

    def tell(status: str, due_by: int = DUE) -> int:
        sales.deliver(sales.dispute(payment, cents=499, status=status, due_by=due_by, at=next(at)))
        opened = len(open_alerts())
        OperatorAlert.objects.filter(resolved_at=None).update(resolved_at=datetime.now(UTC))
        return opened

    assert tell("warning_needs_response") == 1
    assert tell("warning_under_review") == 0
    assert tell("needs_response") == 1
    assert [tell("needs_response"), tell("under_review")] == [0, 0]
    assert tell("needs_response", DUE + 86_400) == 1
    assert tell("lost") == 0


@pytest.mark.usefixtures("developer")
def test_a_return_of_another_product_may_be_larger_than_any_sale_of_ours() -> None:
    sales.deliver(sales.dispute("pi_of_another_product", cents=3_000_000_000, due_by=DUE))
    assert PaymentReturn.objects.get().amount_cents == 2**31 - 1


@pytest.mark.usefixtures("developer")
def test_disputes_of_other_products_are_silent() -> None:
    sales.deliver(sales.dispute("pi_of_another_product", cents=499, due_by=DUE))
    assert open_alerts() == []
