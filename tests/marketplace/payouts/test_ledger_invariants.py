"""Sales, refunds, disputes and transfers in any order, with a Stripe that fails: the books are exact, nothing is paid
twice, and at the end the developer has at Stripe what the ledger says.
"""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.models import RevenueEvent, Transfer, TransferStatus
from marketplace.payouts.ledger import split
from marketplace.payouts.transfers import run
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.payouts import sales
from tests.support.accounts import Account

MOST = 2000
Steps = list[tuple[str, Any]]


# 429 and garbage do nothing and are not repeated by the SDK; the others lose an answer to something that was done.
def steps_of(price: int) -> st.SearchStrategy[Steps]:
    return st.lists(
        st.one_of(
            st.tuples(st.just("refunded"), st.integers(min_value=0, max_value=price)),
            st.tuples(st.just("failed refund"), st.integers(min_value=1, max_value=price)),
            st.tuples(
                st.just("dispute"),
                st.sampled_from(["warning_needs_response", "needs_response", "under_review", "won", "lost"]),
            ),
            st.tuples(st.just("transfers"), st.sampled_from([None, None, "refused", "lost answer", "forgotten"])),
        ),
        min_size=1,
        max_size=10,
    )


prices = st.integers(min_value=1, max_value=MOST)
stories = prices.flatmap(lambda price: st.tuples(st.just(price), steps_of(price)))


def expected_return(price: int, told: Steps) -> int:
    """Written down once more and differently: the same facts, looked at all together."""
    totals = [value for what, value in told if what == "refunded"]
    failed = sum(value for what, value in told if what == "failed refund")
    gone = max(max([*totals, failed]) - failed, 0) if totals or failed else 0
    words = [value for what, value in told if what == "dispute"]
    order = ["warning_needs_response", "needs_response", "under_review", "won", "lost"]
    furthest = max(words, key=order.index, default="won")
    return min(price, gone + (0 if furthest in {"won", "warning_needs_response"} else price))


def move(stripe: LoopbackStripe, sale: RevenueEvent, trouble: str | None) -> None:
    if trouble == "refused":
        stripe.fail("status", path="/v1/transfers.*", status=429)
    elif trouble is not None:
        stripe.fail("reset_after_commit", method="POST", path="/v1/transfers.*", times=2)
    for transfer_id in Transfer.objects.filter(revenue_event=sale).values_list("pk", flat=True):
        run(transfer_id)
    stripe.mend()
    if trouble == "forgotten":
        stripe.forget_keys()


def tell(sale: RevenueEvent, number: int, what: str, value: Any) -> None:
    payment = sales.payment_of(sale)
    if what == "refunded":
        sales.deliver(sales.charge_refunded(payment, total=value))
    elif what == "failed refund":
        sales.deliver(sales.refund(payment, f"re_{number}_{payment}", cents=value, status="failed"))
    else:
        cents = sale.amount_cents
        sales.deliver(sales.dispute(payment, cents=cents, status=value, at=sales.T0 + (value == "lost")))


@pytest.mark.slow
@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories)
def test_whatever_happens_the_books_are_exact(
    stripe_server: LoopbackStripe, developer: Account, story: tuple[int, Steps]
) -> None:
    price, steps = story
    with transaction.atomic():
        account_id = stripe_server.world.new_id("acct", 16)
        inactive = {"id": account_id, "object": "account", "capabilities": {"transfers": "inactive"}}
        stripe_server.world.add("account", inactive | {"payouts_enabled": False})
        stripe_server.enable_payouts(account_id)
        sales.make_payable(developer.user, account_id)
        sale = sales.sell(author=developer.user, cents=price)
        stripe_server.take_payment(sales.payment_of(sale), cents=price)
        told: Steps = []
        for number, (what, value) in enumerate(steps):
            if what == "transfers":
                move(stripe_server, sale, value)
            else:
                tell(sale, number, what, value)
                told.append((what, value))
            left = price - expected_return(price, told)
            assert sales.sums_by_source(sale) == {0}
            assert sales.ledger(sale)["buyer"] == -left
            assert sales.developer_has(sale) == sales.sum_transfers(sale) == split(left).developer
            assert sales.purchase_status(sale) == ("paid" if left else "refunded")
            assert 0 <= at_stripe(stripe_server, account_id) <= split(price).developer
        move(stripe_server, sale, None)
        assert not Transfer.objects.filter(revenue_event=sale, status=TransferStatus.PENDING).exists()
        assert at_stripe(stripe_server, account_id) == sales.developer_has(sale)
        transaction.set_rollback(True)


def at_stripe(stripe: LoopbackStripe, account_id: str) -> int:
    return sum(
        one["amount"] - one["amount_reversed"]
        for one in stripe.world.all("transfer")
        if one["destination"] == account_id
    )
