"""Who may install what, and what the answer says."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from billing.subscriptions import set_tier
from billing.tiers import Tier
from marketplace.models import PluginPurchase, PluginStatus, RevenueEvent
from tests.marketplace.purchases.actions import (
    PERMISSIONS,
    change,
    has_installed,
    install,
    publish,
    require_true_counts,
    take_down,
    uninstall,
)
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db

MakeUser = Callable[..., Account]
STRANGE = ["no-such-plugin", "mine", "UPPER", "a.b", "a%00b", "w\u00f6rter", "x" * 500]


def test_a_free_plugin_is_installed_at_once(buyer: Account) -> None:
    plugin, before = publish(), datetime.now(UTC)
    answer = install(buyer, plugin)
    assert answer.status == 201
    installed_at = datetime.fromisoformat(answer.json["installed_at"])
    assert before <= installed_at <= datetime.now(UTC)
    assert answer.json["installed_at"].endswith("Z")
    assert answer.json == {
        "plugin_id": plugin.pk,
        "version": "1.0.0",
        "permissions": PERMISSIONS,
        "installed_at": answer.json["installed_at"],
        "amount_cents": 0,
    }
    assert not PluginPurchase.objects.exists()
    assert not RevenueEvent.objects.exists()
    require_true_counts(plugin)


def test_again_is_200_with_the_same_answer(buyer: Account) -> None:
    plugin = publish()
    first, again = install(buyer, plugin), install(buyer, plugin)
    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    require_true_counts(plugin)


def test_install_uninstall_and_install_again(buyer: Account) -> None:
    plugin = publish()
    first = install(buyer, plugin)
    assert uninstall(buyer, plugin).status == 204
    assert not has_installed(buyer, plugin)
    require_true_counts(plugin)
    again = install(buyer, plugin)
    assert again.status == 201
    assert again.json["installed_at"] > first.json["installed_at"]
    require_true_counts(plugin)


def test_uninstalling_what_is_not_installed_is_404(buyer: Account) -> None:
    plugin = publish()
    assert uninstall(buyer, plugin).status == 404
    install(buyer, plugin)
    assert [uninstall(buyer, plugin).status for _ in range(2)] == [204, 404]
    assert ApiClient().delete("plugins/no-such-plugin/install", token=buyer.access_token).status == 404
    require_true_counts(plugin)


@pytest.mark.parametrize("tier", ["free", "pro"])
def test_lower_tiers_may_not_install(make_user: MakeUser, tier: str) -> None:
    plugin, account = publish(), make_user(tier=tier)
    answer = install(account, plugin)
    assert (answer.status, answer.code) == (403, "feature_not_available")
    assert answer.json["required_tier"] == "power"
    assert not has_installed(account, plugin)


@pytest.mark.parametrize("tier", ["free", "pro", "team"])
def test_any_tier_may_uninstall(make_user: MakeUser, tier: str) -> None:

    plugin, account = publish(), make_user(tier="team")
    install(account, plugin)
    set_tier(user=account.user, tier=Tier(tier))
    assert uninstall(account, plugin).status == 204


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize(("method", "path"), [("POST", "install"), ("DELETE", "install"), ("PUT", "rating")])
def test_who_may_not_enter_is_told_nothing_of_what_there_is(
    api: ApiClient, make_user: MakeUser, method: str, path: str, name: str
) -> None:
    route = f"plugins/{name}/{path}"
    assert api.request(method, route).code == "not_authenticated"
    free, power = make_user(tier="free"), make_user(tier="power")
    answer = api.request(method, route, token=free.access_token)
    assert answer.code == ("not_found" if method == "DELETE" else "feature_not_available")
    answer = api.request(method, route, token=power.access_token)
    assert (answer.status, answer.code) == (404, "not_found")
    assert "RateLimit-Remaining" in answer.headers


@pytest.mark.parametrize("status", [PluginStatus.PENDING_REVIEW, PluginStatus.REJECTED, PluginStatus.WITHDRAWN])
def test_what_is_not_live_is_404(buyer: Account, status: str) -> None:
    plugin = publish(status=status)
    assert install(buyer, plugin).status == 404
    assert not has_installed(buyer, plugin)


def test_an_author_cannot_install_what_was_never_approved(buyer: Account) -> None:
    assert install(buyer, publish(author=buyer.user, status=PluginStatus.PENDING_REVIEW)).status == 404


def test_an_unknown_plugin_is_404(buyer: Account) -> None:
    for name in STRANGE:
        assert ApiClient().post(f"plugins/{name}/install", token=buyer.access_token).status == 404


def test_what_was_taken_down_is_410_with_the_reason_and_may_be_uninstalled(buyer: Account) -> None:
    plugin = publish()
    install(buyer, plugin)
    take_down(plugin, "It reads more than it says.")
    answer = install(buyer, plugin)
    assert (answer.status, answer.code) == (410, "taken_down")
    assert answer.json["reason"] == "It reads more than it says."
    assert uninstall(buyer, plugin).status == 204


def test_an_update_is_taken_by_installing_again(buyer: Account) -> None:
    plugin = publish()
    first = install(buyer, plugin)
    change(plugin, version="1.1.0", permissions=["read:calendar"])
    again = install(buyer, plugin)
    assert again.status == 200
    assert (again.json["version"], again.json["permissions"]) == ("1.1.0", ["read:calendar"])
    assert again.json["installed_at"] == first.json["installed_at"]
    require_true_counts(plugin)


def test_installing_after_uninstalling_takes_the_live_version(buyer: Account) -> None:
    plugin = publish()
    install(buyer, plugin)
    uninstall(buyer, plugin)
    change(plugin, version="2.0.0", permissions=[])
    answer = install(buyer, plugin)
    assert (answer.status, answer.json["version"], answer.json["permissions"]) == (201, "2.0.0", [])


def test_installations_are_everybodys_own(make_user: MakeUser, buyer: Account) -> None:
    plugin, other = publish(), make_user(tier="team")
    install(buyer, plugin)
    assert uninstall(other, plugin).status == 404
    assert has_installed(buyer, plugin)
    assert install(other, plugin).status == 201
    assert uninstall(buyer, plugin).status == 204
    assert has_installed(other, plugin)
    require_true_counts(plugin)


def test_an_authors_own_plugin_costs_them_nothing(buyer: Account) -> None:
    plugin = publish(author=buyer.user, price_cents=499)
    answer = install(buyer, plugin)
    assert (answer.status, answer.json["amount_cents"]) == (201, 0)
    assert not PluginPurchase.objects.exists()
    assert not RevenueEvent.objects.exists()


def test_who_had_it_for_free_keeps_it_when_it_begins_to_cost(buyer: Account) -> None:
    plugin = publish()
    first = install(buyer, plugin)
    change(plugin, version="2.0.0", price_cents=999)
    again = install(buyer, plugin)
    assert (again.status, again.json) == (200, first.json)
    assert not PluginPurchase.objects.exists()


def test_the_body_of_a_request_is_ignored(buyer: Account) -> None:
    plugin = publish()
    body = {"user": "somebody else", "version": "9.9.9", "amount_cents": -5}
    answer = ApiClient().post(f"plugins/{plugin.pk}/install", json=body, token=buyer.access_token)
    assert (answer.status, answer.json["version"], answer.json["amount_cents"]) == (201, "1.0.0", 0)
