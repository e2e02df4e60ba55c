"""``GET /plugins``: what there is, in which order, for whom."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.catalog.ratings import PRIOR_COUNT, PRIOR_MEAN, rank_of
from marketplace.models import Plugin, PluginInstallation, PluginStatus
from tests.marketplace.members import Member
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_else(db: None) -> None:
    Plugin.objects.all().delete()


@pytest.fixture
def shelf() -> Callable[..., Plugin]:
    """``shelf("a", name=…)``: a plugin that is live, or whatever ``status`` says."""
    count = 0

    def put(slug: str, **fields: Any) -> Plugin:
        nonlocal count
        count += 1
        defaults: dict[str, Any] = {
            "name": slug,
            "author_name": "dev-12345678",
            "category": "Writing",
            "version": "1.0.0",
            "status": "approved",
            "s3_package_key": f"_plugins/{slug}/1.0.0.seed",
            "rank": rank_of(0, 0),
            "created_at": NOW,
            "published_at": NOW + timedelta(minutes=count),
        }
        plugin: Plugin = Plugin.objects.create(slug=slug, **defaults | fields)
        return plugin

    return put


def rate(plugin: Plugin, *stars: int) -> None:
    total, count = sum(stars), len(stars)
    plugin.rating_sum, plugin.rating_count, plugin.avg_rating = total, count, total / count
    plugin.rank = rank_of(total, count)
    plugin.save()


def test_a_plugin_is_shown_as_the_contract_has_it(buyer: Member, shelf: Callable[..., Plugin]) -> None:
    plugin = shelf("word-count", name="Word Count", description="Counts.", price_cents=250, permissions=["read:notes"])
    rate(plugin, 5, 4)
    answer = buyer.get("plugins")
    assert answer.status == 200
    assert answer.json.keys() == {"items", "total", "page", "limit"}
    assert answer.json["items"] == [
        {
            "id": "word-count",
            "name": "Word Count",
            "description": "Counts.",
            "version": "1.0.0",
            "author": "dev-12345678",
            "category": "Writing",
            "price_cents": 250,
            "currency": "eur",
            "permissions": ["read:notes"],
            "install_count": 0,
            "avg_rating": 4.5,
            "rating_count": 2,
            "installed": False,
        }
    ]


@pytest.mark.parametrize("status", [one for one in PluginStatus.values if one != "approved"])
def test_only_what_is_approved_is_shown(buyer: Member, shelf: Callable[..., Plugin], status: str) -> None:
    shelf("a", status=status, takedown_reason="It lied.")
    assert buyer.ids() == []


def test_twenty_are_a_page(buyer: Member, shelf: Callable[..., Plugin]) -> None:
    for number in range(23):
        shelf(f"p{number:02}")
    first, second, third = (buyer.get(f"plugins?page={page}").json for page in (1, 2, 3))
    assert [len(page["items"]) for page in (first, second, third)] == [20, 3, 0]
    assert {page["limit"] for page in (first, second, third)} == {20}
    assert {page["total"] for page in (first, second, third)} == {23}
    shown = [item["id"] for page in (first, second) for item in page["items"]]
    assert len(set(shown)) == 23


@pytest.mark.parametrize("query", ["?page=0", "?page=x", "?page=-1", "?sort=price", "?sort=", "?q=" + "x" * 201])
def test_a_query_that_means_nothing_is_400(buyer: Member, query: str) -> None:
    answer = buyer.get(f"plugins{query}")
    assert (answer.status, answer.code) == (400, "validation_error")
    assert list(answer.json["errors"]) == [query[1:].partition("=")[0]]


# --- order ---


def test_the_order_by_rating_weighs_how_many_rated(buyer: Member, shelf: Callable[..., Plugin]) -> None:
    shelf("none")
    rate(shelf("one-five"), 5)
    rate(shelf("one-one"), 1)
    rate(shelf("fifty"), *([5, 4] * 25))
    rate(shelf("ten-fives"), *([5] * 10))
    order = ["ten-fives", "fifty", "one-five", "none", "one-one"]
    assert buyer.ids("?sort=rating") == order
    assert buyer.ids() == order


def test_the_order_by_installs_and_by_age(buyer: Member, shelf: Callable[..., Plugin]) -> None:
    shelf("old", install_count=3)
    shelf("middle", install_count=9)
    shelf("new", install_count=1)
    assert buyer.ids("?sort=installs") == ["middle", "old", "new"]
    assert buyer.ids("?sort=newest") == ["new", "middle", "old"]


@pytest.mark.parametrize("sort", ["rating", "installs"])
def test_equals_are_in_the_order_of_their_ids(buyer: Member, shelf: Callable[..., Plugin], sort: str) -> None:
    for slug in ("b", "c", "a"):
        shelf(slug)
    assert buyer.ids(f"?sort={sort}") == ["a", "b", "c"]


stars = st.lists(st.integers(1, 5), max_size=200)


@settings(deadline=None)
@given(stars)
def test_a_rank_lies_between_the_prior_and_the_mean(given_stars: list[int]) -> None:
    rank = rank_of(sum(given_stars), len(given_stars))
    mean = sum(given_stars) / len(given_stars) if given_stars else PRIOR_MEAN
    assert min(mean, PRIOR_MEAN) - 1e-9 <= rank <= max(mean, PRIOR_MEAN) + 1e-9


@settings(deadline=None)
@given(stars, st.integers(1, 5))
def test_a_better_rating_never_ranks_lower(given_stars: list[int], one: int) -> None:
    total, count = sum(given_stars), len(given_stars) + 1
    assert rank_of(total + one, count) <= rank_of(total + 5, count)


def test_the_priors_weight_is_that_of_so_many_ratings() -> None:
    assert rank_of(0, 0) == PRIOR_MEAN
    assert rank_of(5 * PRIOR_COUNT, PRIOR_COUNT) == pytest.approx((5 + PRIOR_MEAN) / 2)


# --- filters ---


def test_a_category_is_a_whole_one_in_either_case(buyer: Member, shelf: Callable[..., Plugin]) -> None:
    shelf("a", category="Productivity")
    shelf("b", category="Product")
    assert buyer.ids("?category=productivity") == ["a"]
    assert buyer.ids("?category=Nothing") == []
    assert buyer.ids("?category=%00x&q=%00x") == []
    assert sorted(buyer.ids("?category=")) == ["a", "b"]


@pytest.fixture
def library(shelf: Callable[..., Plugin]) -> None:
    shelf("github-sync", name="GitHub Sync", description="Brings issues in as tasks.", category="Productivity")
    shelf("slack-notifier", name="Slack Notifier", description="Sends notifications.", category="Communication")
    shelf("woerter", name="Wörterzähler", description="Zählt Wörter; 100 % offline.", category="Writing")


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("github", {"github-sync"}),
        ("GITHUB", {"github-sync"}),
        ("git", {"github-sync"}),
        ("sync github", {"github-sync"}),
        ("github-sync", {"github-sync"}),
        ("github slack", set()),
        ("notif", {"slack-notifier"}),
        ("issues", {"github-sync"}),
        ("communic", {"slack-notifier"}),
        ("Wörter", {"woerter"}),
        ("", {"github-sync", "slack-notifier", "woerter"}),
        ("%", set()),
        ("_", set()),
        ("'; DROP TABLE plugins; --", set()),
        ("zebra & | ! ( ) : * \\", set()),
        ("nothing-like-it", set()),
    ],
)
def test_words_are_searched_for(buyer: Member, library: None, q: str, found: set[str]) -> None:
    answer = buyer.get("plugins?" + "q=" + "".join(f"%{byte:02x}" for byte in q.encode()))
    assert answer.status == 200
    assert {item["id"] for item in answer.json["items"]} == found


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("q", "found"), [("notification", ["slack-notifier"]), ("syncing", ["github-sync"]), ("the", [])]
)
def test_english_words_are_found_in_any_form(buyer: Member, library: None, q: str, found: list[str]) -> None:
    assert buyer.ids(f"?q={q}") == found


@pytest.mark.postgres
def test_the_search_has_an_index(buyer: Member, library: None) -> None:
    from marketplace.catalog.service import full_text

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "plugins_full_text" in full_text(Plugin.objects.all(), ["git"]).values("slug").explain()


def test_filters_and_order_go_together(buyer: Member, library: None, shelf: Callable[..., Plugin]) -> None:
    shelf("git-log", category="Productivity", install_count=5)
    assert buyer.ids("?q=git&category=Productivity&sort=installs") == ["git-log", "github-sync"]


# --- installed ---


def have(user: Any, plugin: Plugin, **fields: Any) -> None:
    PluginInstallation.objects.create(user=user, plugin=plugin, version="1.0.0", installed_at=NOW, **fields)


def test_installed_is_what_the_caller_has_now(
    buyer: Member, shelf: Callable[..., Plugin], make_user: Callable[..., Account]
) -> None:
    for slug in ("mine", "was-mine", "theirs"):
        shelf(f"is-{slug}")
    have(buyer.user, Plugin.objects.get(slug="is-mine"))
    have(buyer.user, Plugin.objects.get(slug="is-was-mine"), uninstalled_at=NOW)
    have(make_user().user, Plugin.objects.get(slug="is-theirs"))
    items = buyer.get("plugins").json["items"]
    assert {item["id"] for item in items if item["installed"]} == {"is-mine"}


def test_a_page_costs_as_many_queries_as_one_plugin(buyer: Member, shelf: Callable[..., Plugin]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert buyer.get("plugins").status == 200
        return len(captured)

    have(buyer.user, shelf("first"))
    before = queries()
    for number in range(19):
        have(buyer.user, shelf(f"p{number}"))
    assert queries() == before <= 4
