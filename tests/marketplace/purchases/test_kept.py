"""What somebody has installed and bought, as they see it on any tier."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.subscriptions import set_tier
from billing.tiers import Tier
from marketplace.models import PaymentReturn, Plugin, PluginPurchase, PluginVersion, PurchaseStatus, ReturnKind
from tests.marketplace.purchases.actions import PERMISSIONS, change, install, publish, take_down, uninstall
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


def items(account: Account, route: str, query: str = "") -> list[Any]:
    answer: Answer = ApiClient().get(f"plugins/{route}{query}", token=account.access_token)
    assert answer.status == 200, answer
    listed: list[Any] = answer.json["items"]
    return listed


def add_version(plugin: Plugin, number: str, status: str, **columns: Any) -> None:
    PluginVersion.objects.create(
        plugin=plugin,
        version=number,
        manifest={},
        s3_key=uuid4().hex,
        checksum="0" * 64,
        size_bytes=1,
        status=status,
        submitted_at=NOW,
        decided_at=NOW,
        **columns,
    )


def buy(account: Account, plugin: Plugin, **columns: Any) -> PluginPurchase:
    given = {"amount_cents": 499, "status": PurchaseStatus.PAID, "created_at": NOW, "paid_at": NOW}
    given["payment_intent_id"] = f"pi_{uuid4().hex}"
    purchase: PluginPurchase = PluginPurchase.objects.create(plugin=plugin, user=account.user, **given | columns)
    return purchase


def pay_back(purchase: PluginPurchase, cents: int) -> None:
    PaymentReturn.objects.create(
        stripe_id=f"re_{uuid4().hex}",
        payment_intent_id=purchase.payment_intent_id or "",
        kind=ReturnKind.REFUND,
        amount_cents=cents,
        is_with_buyer=True,
        said_at=NOW,
    )


def test_an_installation_says_what_is_newer_and_what_that_asks_for(buyer: Account) -> None:
    plugin = publish()
    installed_at = install(buyer, plugin).json["installed_at"]
    change(plugin, version="2.0.0", permissions=["write:calendar", *PERMISSIONS, "read:notes"])
    (one,) = items(buyer, "installed")
    assert one == {
        "plugin_id": plugin.pk,
        "version": "1.0.0",
        "latest_version": "2.0.0",
        "permissions": PERMISSIONS,
        "permissions_added": ["write:calendar", "read:notes"],
        "installed_at": installed_at,
        "withdrawn_reason": None,
    }


def test_only_what_is_installed_now_the_newest_first_page_by_page(buyer: Account, make_user: Any) -> None:
    plugins = [publish() for _ in range(4)]
    for plugin in plugins:
        install(buyer, plugin)
    uninstall(buyer, plugins[1])
    newest_first = [plugins[number].pk for number in (3, 2, 0)]
    assert [one["plugin_id"] for one in items(buyer, "installed")] == newest_first
    assert [one["plugin_id"] for one in items(buyer, "installed", "?page=2&limit=2")] == newest_first[2:]
    assert items(make_user(), "installed") == []


DOWN = {"takedown_reason": "It reads more."}


@pytest.mark.parametrize(
    ("plugin", "version", "latest", "reason"),
    [
        ({}, ("approved", {}), "1.0.0", None),
        ({"version": "0.9.0"}, ("withdrawn", {"withdrawn_at": NOW}), "0.9.0", "author"),
        ({"version": "0.9.0"}, ("taken_down", DOWN), "0.9.0", "It reads more."),
        ({"status": "withdrawn"}, ("withdrawn", {"withdrawn_at": NOW}), None, "author"),
        ({"status": "withdrawn"}, ("taken_down", DOWN), None, "It reads more."),
        ({"status": "withdrawn"}, ("approved", {}), None, "author"),
        ({"status": "withdrawn", "takedown_reason": "Bad."}, ("approved", {}), None, "Bad."),
        ({"status": "taken_down", "takedown_reason": "Bad."}, ("approved", {}), None, "Bad."),
        ({"status": "taken_down", "takedown_reason": "Bad."}, ("taken_down", DOWN), None, "Bad."),
    ],
)
def test_an_installation_says_why_it_is_gone(
    buyer: Account, plugin: dict[str, str], version: tuple[str, dict[str, Any]], latest: str | None, reason: str | None
) -> None:
    made = publish()
    install(buyer, made)
    add_version(made, "1.0.0", version[0], **version[1])
    change(made, **plugin)
    (one,) = items(buyer, "installed")
    assert (one["latest_version"], one["withdrawn_reason"], one["permissions_added"]) == (latest, reason, [])


def test_purchases_say_what_came_back(buyer: Account, make_user: Any) -> None:
    older = buy(buyer, publish(), paid_at=NOW - timedelta(days=2), receipt_url="https://pay.stripe.com/receipts/1")
    newer = buy(buyer, publish(), paid_at=NOW - timedelta(days=1), status=PurchaseStatus.REFUNDED)
    for status in (PurchaseStatus.PENDING, PurchaseStatus.FAILED):
        buy(buyer, publish(), status=status, paid_at=None)
    pay_back(older, 100)
    pay_back(newer, 400)
    pay_back(newer, 99)
    listed = items(buyer, "purchases")
    assert [(one["plugin_id"], one["refunded_cents"]) for one in listed] == [
        (newer.plugin_id, 499),
        (older.plugin_id, 100),
    ]
    assert listed[0]["receipt_url"] is None
    assert (
        listed[1].items()
        >= {
            "amount_cents": 499,
            "currency": "eur",
            "purchased_at": older.paid_at.isoformat().replace("+00:00", "Z"),  # type: ignore[union-attr]
            "receipt_url": "https://pay.stripe.com/receipts/1",
        }.items()
    )
    assert items(make_user(), "purchases") == []


@pytest.mark.parametrize("route", ["installed", "purchases"])
def test_a_list_costs_the_same_queries_however_long_it_is(buyer: Account, route: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            items(buyer, route)
        return len(captured)

    def more() -> None:
        plugin = publish()
        install(buyer, plugin)
        add_version(plugin, "1.0.0", "approved")
        pay_back(buy(buyer, plugin), 1)

    more()
    before = queries()
    for _ in range(4):
        more()
    assert queries() == before
    assert len(items(buyer, route)) == 5


def test_what_was_bought_is_kept_on_lower_tiers_until_the_money_is_back(buyer: Account) -> None:
    plugin = publish(price_cents=499)
    purchase = buy(buyer, plugin)
    set_tier(user=buyer.user, tier=Tier.FREE)
    assert [install(buyer, plugin).status for _ in range(2)] == [201, 200]
    assert (uninstall(buyer, plugin).status, install(buyer, plugin).status) == (204, 201)
    take_down(plugin)
    assert install(buyer, plugin).status == 410
    assert items(buyer, "installed")[0]["withdrawn_reason"] == "It reads more than it says."
    change(plugin, status="approved", takedown_reason="")
    PluginPurchase.objects.filter(pk=purchase.pk).update(status=PurchaseStatus.REFUNDED)
    assert install(buyer, plugin).code == "feature_not_available"


@pytest.mark.parametrize("tier", ["free", "pro"])
def test_an_id_from_before_it_was_reserved_goes_on(make_user: Callable[..., Account], tier: str) -> None:
    plugin, account = publish(slug="installed"), make_user(tier="power")
    install(account, plugin)
    set_tier(user=account.user, tier=Tier(tier))
    assert [one["plugin_id"] for one in items(account, "installed")] == ["installed"]
    assert uninstall(account, plugin).status == 204
