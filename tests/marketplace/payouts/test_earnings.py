"""``GET /plugins/earnings``: derived from the ledger and the transfers, by month in UTC."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from marketplace.models import LedgerEntry, RevenueEvent, Transfer
from marketplace.payouts.transfers import run_open
from tests.marketplace.payouts import sales
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db

NOTHING = {
    "gross_cents": 0,
    "developer_share_cents": 0,
    "platform_share_cents": 0,
    "paid_cents": 0,
    "pending_cents": 0,
    "sales": 0,
    "refunds": 0,
    "refunded_cents": 0,
}


def earnings(account: Account, period: str | None = None) -> dict[str, Any]:
    answer = ApiClient().get(
        "plugins/earnings" + (f"?period={period}" if period is not None else ""), token=account.access_token
    )
    assert answer.status == 200, answer
    told: dict[str, Any] = answer.json
    return told


def figures(account: Account, period: str | None = None) -> dict[str, int]:
    return {name: value for name, value in earnings(account, period).items() if name != "by_plugin"}


def date(sale: RevenueEvent, moment: datetime, *, source: str = "sale:") -> None:
    LedgerEntry.objects.filter(revenue_event=sale, source__startswith=source).update(booked_at=moment)


def test_without_sales_everything_is_zero(developer: Account) -> None:
    assert earnings(developer) == NOTHING | {"by_plugin": []}


def test_a_sale_is_pending_and_then_paid(developer: Account) -> None:
    sale = sales.sell(author=developer.user, cents=499)
    sold = {"gross_cents": 499, "developer_share_cents": 349, "platform_share_cents": 150, "sales": 1}
    assert figures(developer) == NOTHING | sold | {"pending_cents": 349}
    run_open(event_id=sale.pk)
    assert figures(developer) == NOTHING | sold | {"paid_cents": 349}


def test_by_plugin_adds_up(developer: Account) -> None:
    first, second = sales.sell(author=developer.user, cents=499), sales.sell(author=developer.user, cents=999)
    sales.record(sales.make_purchase(first.plugin))
    run_open(event_id=second.pk)
    told = earnings(developer)
    assert {one["plugin_id"]: one["sales"] for one in told["by_plugin"]} == {first.plugin_id: 2, second.plugin_id: 1}
    assert {one["name"] for one in told["by_plugin"]} == {first.plugin.name, second.plugin.name}
    for name in NOTHING:
        assert sum(one[name] for one in told["by_plugin"]) == told[name]


def test_a_refund_before_the_payout_lowers_what_is_pending(developer: Account) -> None:
    sale = sales.sell(author=developer.user, cents=499)
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=200))
    assert figures(developer) == NOTHING | {
        "gross_cents": 299,
        "developer_share_cents": 209,
        "platform_share_cents": 90,
        "pending_cents": 209,
        "sales": 1,
        "refunded_cents": 200,
    }


def test_a_refund_after_the_payout_is_pending_until_it_is_taken_back(developer: Account) -> None:
    sale = sales.sell(author=developer.user, cents=499)
    run_open(event_id=sale.pk)
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=499))
    undone = NOTHING | {"refunds": 1, "refunded_cents": 499}
    assert figures(developer) == undone | {"paid_cents": 349, "pending_cents": -349}
    run_open(event_id=sale.pk)
    assert figures(developer) == undone
    assert earnings(developer)["by_plugin"] == [undone | {"plugin_id": sale.plugin_id, "name": sale.plugin.name}]


def test_a_months_edges_are_in_utc(developer: Account) -> None:
    for moment in (
        datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
        datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 3, 1, tzinfo=UTC),
    ):
        date(sales.sell(author=developer.user, cents=100), moment)
    by_month = {month: figures(developer, month)["sales"] for month in ("2026-01", "2026-02", "2026-03", "2026-04")}
    assert by_month == {"2026-01": 1, "2026-02": 2, "2026-03": 1, "2026-04": 0}
    assert figures(developer)["sales"] == 4


def test_december_ends_with_the_year(developer: Account) -> None:
    date(sales.sell(author=developer.user, cents=100), datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert figures(developer, "2026-12")["sales"] == 1
    assert figures(developer, "2027-01")["sales"] == 0


def test_a_refund_belongs_to_its_own_month(developer: Account) -> None:
    sale = sales.sell(author=developer.user, cents=499)
    date(sale, datetime(2026, 1, 15, tzinfo=UTC))
    run_open(event_id=sale.pk)
    Transfer.objects.update(done_at=datetime(2026, 1, 16, tzinfo=UTC))
    before = figures(developer, "2026-01")
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=499))
    date(sale, datetime(2026, 2, 3, tzinfo=UTC), source="evt_")
    assert figures(developer, "2026-01") == before
    assert figures(developer, "2026-02") == NOTHING | {
        "gross_cents": -499,
        "developer_share_cents": -349,
        "platform_share_cents": -150,
        "pending_cents": -349,
        "refunds": 1,
        "refunded_cents": 499,
    }
    assert (before["sales"], before["refunds"], figures(developer)["sales"]) == (1, 0, 0)


def test_a_dispute_that_is_won_brings_the_sale_back_in_its_own_month(developer: Account) -> None:
    sale = sales.sell(author=developer.user, cents=499)
    sales.sell(author=developer.user, cents=100)
    date(sale, datetime(2026, 1, 15, tzinfo=UTC))
    sales.deliver(sales.dispute(sales.payment_of(sale), cents=499))
    date(sale, datetime(2026, 2, 3, tzinfo=UTC), source="evt_")
    assert (figures(developer)["sales"], figures(developer)["refunds"]) == (1, 1)
    lost = set(LedgerEntry.objects.values_list("pk", flat=True))
    sales.deliver(sales.dispute(sales.payment_of(sale), cents=499, status="won", at=sales.T0 + 1))
    LedgerEntry.objects.exclude(pk__in=lost).update(booked_at=datetime(2026, 3, 3, tzinfo=UTC))
    counted = {month: figures(developer, month) for month in ("2026-01", "2026-02", "2026-03")}
    assert [one["sales"] for one in counted.values()] == [1, 0, 0]
    assert [one["refunds"] for one in counted.values()] == [0, 1, 0]
    assert [one["refunded_cents"] for one in counted.values()] == [0, 499, -499]
    whole = figures(developer)
    assert (whole["sales"], whole["refunds"], whole["refunded_cents"], whole["gross_cents"]) == (2, 0, 0, 599)


def test_what_a_month_leaves_open_is_pending_in_the_next(developer: Account) -> None:
    sale = sales.sell(author=developer.user, cents=499)
    date(sale, datetime(2026, 1, 15, tzinfo=UTC))
    run_open(event_id=sale.pk)
    Transfer.objects.update(done_at=datetime(2026, 3, 2, tzinfo=UTC))
    assert figures(developer, "2026-01")["pending_cents"] == 349
    assert figures(developer, "2026-02") == NOTHING | {"pending_cents": 349}
    assert figures(developer, "2026-03") == NOTHING | {"paid_cents": 349}


def test_nobody_sees_anothers(developer: Account, make_user: Callable[..., Account]) -> None:
    sales.sell(author=developer.user)
    assert figures(make_user(tier="team")) == NOTHING


@pytest.mark.parametrize(
    "period",
    ["", "2026", "2026-13", "2026-00", "2026-1", "26-01", "2026-01-01", "0000-01", "9999-12", "\uff12026-01", "x"],
)
def test_what_is_no_month_is_refused(developer: Account, api: ApiClient, period: str) -> None:
    answer = api.get("plugins/earnings", token=developer.access_token, query_params={"period": period})
    assert (answer.status, answer.code) == (400, "validation_error")
    assert list(answer.json["errors"]) == ["period"]


@pytest.mark.parametrize("tier", ["free", "pro"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "plugins/earnings"), ("GET", "plugins/onboarding"), ("POST", "plugins/onboarding")]
)
def test_who_sells_is_paid_on_any_tier(
    make_user: Callable[..., Account], api: ApiClient, tier: str, method: str, path: str
) -> None:
    assert api.request(method, path, token=make_user(tier=tier).access_token).status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "plugins/earnings"), ("GET", "plugins/onboarding"), ("POST", "plugins/onboarding")]
)
def test_nobody_in_particular_may_not(api: ApiClient, method: str, path: str) -> None:
    assert api.request(method, path).code == "not_authenticated"
