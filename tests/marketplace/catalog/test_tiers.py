"""Who may enter the marketplace: the live tier decides, before anything else is told."""

from collections.abc import Callable

import pytest

from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.marketplace.members import Member
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db

ROUTES = [
    ("GET", "plugins"),
    ("POST", "plugins"),
    ("GET", "plugins/mine"),
    ("GET", "plugins/github-sync"),
    ("GET", "plugins/nothing"),
    ("GET", "plugins/github-sync/package"),
]


@pytest.mark.parametrize("tier", ["free", "pro"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_lower_tiers_do_not_pass(
    api: ApiClient, make_user: Callable[..., Account], tier: str, method: str, path: str
) -> None:
    answer = api.request(method, path, token=make_user(tier=tier).access_token)
    assert (answer.status, answer.code) == (403, "feature_not_available")
    assert answer.json["required_tier"] == "power"


@pytest.mark.parametrize("tier", ["power", "team"])
def test_higher_tiers_pass(join: Callable[..., Member], tier: str) -> None:
    assert join(tier).get("plugins").status == 200


def test_the_tier_is_the_one_of_now(join: Callable[..., Member]) -> None:
    member = join("power")
    set_tier(user=member.user, tier=Tier.PRO)
    assert member.get("plugins").code == "feature_not_available"
    set_tier(user=member.user, tier=Tier.TEAM)
    assert member.get("plugins").status == 200


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_token_nothing_is_told(api: ApiClient, method: str, path: str) -> None:
    answer = api.request(method, path)
    assert (answer.status, answer.code) == (401, "not_authenticated")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "plugins", {"GET", "POST", "HEAD"}),
        ("POST", "plugins/mine", {"GET", "HEAD"}),
        ("DELETE", "plugins/github-sync", {"GET", "HEAD"}),
    ],
)
def test_other_methods_are_405(buyer: Member, method: str, path: str, allow: set[str]) -> None:
    answer = buyer.api.request(method, path, token=buyer.token)
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == allow
