"""Who may enter the marketplace: the live tier decides, before anything else is told."""

from collections.abc import Callable

import pytest

from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.marketplace.members import Member
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db

GATED = [
    ("GET", "plugins"),
    ("GET", "plugins/github-sync"),
    ("GET", "plugins/nothing"),
    ("GET", "plugins/github-sync/package"),
    ("HEAD", "plugins/github-sync/package"),
    ("POST", "plugins/github-sync/install"),
    ("POST", "plugins/nothing/install"),
    ("PUT", "plugins/github-sync/rating"),
    ("POST", "plugins/github-sync/reports"),
    ("POST", "plugins/nothing/reports"),
]
LISTS = ["plugins/mine", "plugins/installed", "plugins/purchases"]
ROUTES = [*GATED, ("POST", "plugins"), *(("GET", path) for path in LISTS)]
SLUG = "word-count"


@pytest.mark.parametrize("tier", ["free", "pro"])
@pytest.mark.parametrize(("method", "path"), GATED)
def test_lower_tiers_do_not_pass(
    api: ApiClient, make_user: Callable[..., Account], tier: str, method: str, path: str
) -> None:
    answer = api.request(method, path, token=make_user(tier=tier).access_token)
    assert answer.status == 403
    if method != "HEAD":
        assert (answer.code, answer.json["required_tier"]) == ("feature_not_available", "power")


@pytest.mark.parametrize("tier", ["free", "pro"])
def test_what_is_somebodys_own_is_listed_on_any_tier(join: Callable[..., Member], tier: str) -> None:
    member = join(tier)
    for path in LISTS:
        answer = member.get(path)
        assert (answer.status, answer.json["items"]) == (200, []), path
    assert member.get("plugins/onboarding").json == {"state": "none", "requirements": [], "disabled_reason": None}
    assert member.get("plugins/earnings").json["by_plugin"] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_catalog")
def test_authors_submit_and_have_their_own_on_any_tier(join: Callable[..., Member]) -> None:
    author = join("free")
    author.publishes(price_cents=499)
    assert [one["status"] for one in author.mine()] == ["approved"]
    assert author.get(f"plugins/{SLUG}").json["price_cents"] == 499
    author.install(SLUG)
    assert author.get(f"plugins/{SLUG}/package").status == 200
    assert author.api.delete(f"plugins/{SLUG}/install", token=author.token).status == 204


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_catalog")
def test_what_was_free_waits_for_the_tier_and_can_be_given_back(author: Member, buyer: Member) -> None:
    author.publishes()
    buyer.install(SLUG)
    set_tier(user=buyer.user, tier=Tier.PRO)
    for path in (f"plugins/{SLUG}", f"plugins/{SLUG}/package"):
        assert buyer.get(path).code == "feature_not_available"
    assert [one["plugin_id"] for one in buyer.get("plugins/installed").json["items"]] == [SLUG]
    assert buyer.api.delete(f"plugins/{SLUG}/install", token=buyer.token).status == 204


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
    assert answer.status == 401
    if method != "HEAD":
        assert answer.code == "not_authenticated"


@pytest.mark.parametrize("tier", ["free", "team"])
@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "plugins", {"GET", "POST", "HEAD"}),
        ("POST", "plugins/mine", {"GET", "HEAD"}),
        ("DELETE", "plugins/github-sync", {"GET", "HEAD"}),
    ],
)
def test_other_methods_are_405(join: Callable[..., Member], tier: str, method: str, path: str, allow: set[str]) -> None:
    member = join(tier)
    answer = member.api.request(method, path, token=member.token)
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == allow
