"""What an author does with their own submissions over HTTP: takes versions back, and answers reviewers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.subscriptions import set_tier
from billing.tiers import Tier
from marketplace.export import collect_installs
from marketplace.models import PluginVersion, ReviewMessage
from marketplace.review.messages import add_note, ask
from marketplace.submissions import service
from tests.marketplace.members import MAIN, Member, reviewer
from tests.marketplace.zip_archives import package
from tests.support.client import Answer, ApiClient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_catalog")]
SLUG = "word-count"
STRANGE = ["nothing", "Word-Count", "a%00b", "x" * 500, "w\u00f6rter", "mine"]


def withdraw(member: Member, version: str = "1.0.0", *, slug: str = SLUG) -> Answer:
    return member.api.post(f"plugins/{slug}/versions/{version}/withdraw", token=member.token)


def answer(member: Member, text: Any = "Words.", version: str = "1.0.0", *, slug: str = SLUG) -> Answer:
    return member.api.post(f"plugins/{slug}/versions/{version}/messages", json={"text": text}, token=member.token)


def version(number: str = "1.0.0") -> PluginVersion:
    return PluginVersion.objects.get(version=number)


@pytest.mark.parametrize("tier", ["free", "team"])
def test_the_version_before_a_withdrawn_one_is_live_again(author: Member, buyer: Member, tier: str) -> None:
    first = package(MAIN)
    author.publishes(first)
    author.publishes(package(MAIN * 2), version="2.0.0", name="Word Count 2")
    buyer.install(SLUG)
    set_tier(user=author.user, tier=Tier(tier))
    answered = withdraw(author, "2.0.0")
    assert answered.status == 200
    assert answered.json == author.mine()[0]
    assert [(one["version"], one["status"], one["live"]) for one in author.mine()] == [
        ("2.0.0", "withdrawn", False),
        ("1.0.0", "approved", True),
    ]
    seen = buyer.get(f"plugins/{SLUG}").json
    assert (seen["version"], seen["name"], [one["version"] for one in seen["versions"]]) == (
        "1.0.0",
        "Word Count",
        ["1.0.0"],
    )
    assert buyer.get(f"plugins/{SLUG}/package").content == first
    (kept,) = buyer.get("plugins/installed").json["items"]
    assert (kept["version"], kept["latest_version"], kept["withdrawn_reason"]) == ("2.0.0", "1.0.0", "author")
    assert withdraw(author, "2.0.0").code == "conflict"


def test_without_a_version_before_it_the_plugin_leaves_the_catalog_until_a_higher_one_is_approved(
    author: Member, buyer: Member, join: Callable[..., Member]
) -> None:
    author.publishes()
    buyer.install(SLUG)
    assert (withdraw(author).json["status"], withdraw(author).status) == ("withdrawn", 409)
    stranger = join()
    assert (stranger.ids(), stranger.get(f"plugins/{SLUG}").status) == ([], 404)
    assert stranger.api.post(f"plugins/{SLUG}/install", token=stranger.token).status == 404
    assert buyer.get(f"plugins/{SLUG}/package").status == 200
    assert author.submit().status == 409
    author.publishes(version="1.1.0")
    assert stranger.ids() == [SLUG]
    (kept,) = buyer.get("plugins/installed").json["items"]
    assert (kept["latest_version"], kept["withdrawn_reason"]) == ("1.1.0", "author")


def test_a_submission_that_waits_is_taken_back_too(author: Member) -> None:
    author.submit()
    assert withdraw(author).json["status"] == "withdrawn"
    assert author.submit(version="1.1.0").status == 201


def test_what_is_taken_back_makes_no_room_without_end(author: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_IN_A_DAY", 2)
    for number in ("1.0.0", "1.1.0"):
        assert author.submit(version=number).status == 201
        withdraw(author, number)
    refused = author.submit(version="1.2.0")
    assert (refused.status, refused.code) == (409, "conflict")
    PluginVersion.objects.filter(version="1.0.0").update(submitted_at=datetime.now(UTC) - timedelta(hours=25))
    assert author.submit(version="1.2.0").status == 201


@pytest.mark.parametrize("act", [withdraw, answer])
def test_only_its_author_may(author: Member, buyer: Member, act: Callable[..., Answer]) -> None:
    author.submit()
    ask(version=version(), reviewer=reviewer(), text="What does it count?")
    assert (act(buyer).status, act(buyer).code) == (404, "not_found")
    for strange in STRANGE:
        assert act(author, slug=strange).code == "not_found"
        assert act(author, version=strange).code == "not_found"
    assert act(author, version="9.0.0").code == "not_found"
    assert ApiClient().post(f"plugins/{SLUG}/versions/1.0.0/withdraw").code == "not_authenticated"
    assert (version().status, ReviewMessage.objects.count()) == ("pending_review", 1)


def test_an_author_answers_what_was_asked(author: Member) -> None:
    author.submit()
    assert answer(author).code == "conflict"
    ask(version=version(), reviewer=reviewer(), text="What does it count?")
    add_note(version=version(), reviewer=reviewer(), text="Looks odd.")
    set_tier(user=author.user, tier=Tier.FREE)
    written = answer(author, "Words, and signs.")
    assert (written.status, written.json["side"], written.json["text"]) == (201, "author", "Words, and signs.")
    (mine,) = author.mine()
    assert [(one["side"], one["text"]) for one in mine["messages"]] == [
        ("review", "What does it count?"),
        ("author", "Words, and signs."),
    ]
    assert mine["messages"][1] == written.json
    assert all(one.keys() == {"side", "text", "written_at"} for one in mine["messages"])
    told = author.get("plugins/mine").content.decode()
    assert not any(trace in told for trace in ("Looks odd", str(reviewer().pk), reviewer().email))
    exported = collect_installs(author.user.pk)["messages"]
    assert [(one["side"], one["text"]) for one in exported] == [(one["side"], one["text"]) for one in mine["messages"]]
    assert "writer" not in str(exported)


@pytest.mark.parametrize("text", ["", "  \n", "x" * 4001, None, 7, ["x"], "a\u0000b", "\ud800"])
def test_an_answer_is_a_text(author: Member, text: Any) -> None:
    author.submit()
    ask(version=version(), reviewer=reviewer(), text="What does it count?")
    assert answer(author, text).code == "validation_error"
    assert answer(author, "x" * 4000).status == 201


def test_the_list_costs_the_same_queries_however_much_was_said(author: Member) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            author.mine()
        return len(captured)

    author.submit()
    ask(version=version(), reviewer=reviewer(), text="What does it count?")
    before = queries()
    for number in range(1, 4):
        author.submit(version=f"1.{number}.0")
        ask(version=version(f"1.{number}.0"), reviewer=reviewer(), text="And this?")
        answer(author, version=f"1.{number}.0")
    assert queries() == before


def test_a_version_that_was_taken_down_alone_says_why(author: Member) -> None:
    author.publishes()
    author.publishes(version="1.1.0")
    PluginVersion.objects.filter(version="1.0.0").update(status="taken_down", takedown_reason="It leaks.")
    assert [(one["status"], one["live"], one["reason"]) for one in author.mine()] == [
        ("approved", True, None),
        ("taken_down", False, "It leaks."),
    ]
