"""Claiming a submission, letting go of it, and what colleagues see of that."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from marketplace.erasure import erase_author
from marketplace.models import Plugin, PluginReview, PluginVersion, ReviewClaim
from marketplace.models.catalog import reviewer_name_of
from marketplace.review import claims, decisions
from marketplace.review.withdrawals import withdraw_version
from tests.marketplace.review.conftest import Staff, browser_of
from tests.marketplace.review.submissions import publish, submit

pytestmark = pytest.mark.django_db

QUEUE = "/admin/marketplace/pluginversion/"


@pytest.fixture
def colleague(staff: Staff) -> User:
    return staff("review_plugins")


def post(client: Client, route: str, version: PluginVersion, data: dict[str, Any] | None = None) -> Any:
    return client.post(reverse(f"admin:marketplace_submission_{route}", args=[version.pk]), data or {}, follow=True)


def page(client: Client, version: PluginVersion) -> str:
    answer = client.get(reverse("admin:marketplace_pluginversion_change", args=[version.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def move_clock(minutes: int) -> None:
    """For claims: what was done is that much longer ago."""
    for held in ReviewClaim.objects.all():
        held.claimed_at -= timedelta(minutes=minutes)
        held.lapses_at -= timedelta(minutes=minutes)
        held.save()


def holder(version: PluginVersion) -> User | None:
    held = claims.standing_claim(PluginVersion.objects.select_related("claim__reviewer").get(pk=version.pk))
    return held.reviewer if held else None


def test_looking_claims_nothing_and_the_button_does(admin: Client, reviewer: User) -> None:
    version = submit()
    assert "Unclaimed" in page(admin, version)
    assert holder(version) is None
    answer = post(admin, "claim", version)
    assert "claimed by you, 30 minutes left" in answer.content.decode()
    assert holder(version) == reviewer
    assert "Unclaimed" in post(admin, "release", version).content.decode()
    assert holder(version) is None


def test_colleagues_read_a_name_and_superusers_the_address(
    admin: Client, reviewer: User, colleague: User, staff: Staff
) -> None:
    version = submit()
    claims.claim(version=version, reviewer=colleague)
    move_clock(18)
    name, boss = reviewer_name_of(colleague.pk), browser_of(staff(superuser=True))
    assert f"claimed by {name}, 12 minutes left" in page(admin, version)
    assert colleague.email not in page(admin, version)
    assert f"claimed by {colleague.email}, 12 minutes left" in page(boss, version)
    assert name in admin.get(QUEUE).content.decode()
    assert colleague.email in boss.get(QUEUE).content.decode()


def test_a_claim_lapses_and_is_then_anybodys(admin: Client, reviewer: User, colleague: User) -> None:
    version = submit()
    claims.claim(version=version, reviewer=colleague)
    move_clock(29)
    answer = post(admin, "claim", version).content.decode()
    assert f"Somebody was quicker: it is claimed by {reviewer_name_of(colleague.pk)}, 1 minute left." in answer
    assert holder(version) == colleague
    move_clock(1)
    assert holder(version) is None
    assert "Unclaimed" in page(admin, version)
    assert claims.renew(version=version, reviewer=colleague) is False
    post(admin, "claim", version)
    assert holder(version) == reviewer


def test_its_holder_renews_it_by_working_and_nobody_else(admin: Client, reviewer: User, colleague: User) -> None:
    version = submit()
    claims.claim(version=version, reviewer=reviewer)
    move_clock(20)
    browser_of(colleague).get(reverse("admin:marketplace_pluginversion_change", args=[version.pk]))
    assert claims.minutes_left(ReviewClaim.objects.get()) == 10
    assert "claimed by you, 30 minutes left" in page(admin, version)
    for name, arguments in (("file", [version.pk, 0]), ("renew", [version.pk])):
        move_clock(20)
        path = reverse(f"admin:marketplace_submission_{name}", args=arguments)
        assert (admin.post(path) if name == "renew" else admin.get(path)).status_code in {200, 204}
        assert claims.minutes_left(ReviewClaim.objects.get()) == 30
    move_clock(31)
    assert admin.post(reverse("admin:marketplace_submission_renew", args=[version.pk])).status_code == 409
    assert holder(version) is None


def test_nobody_releases_anothers(admin: Client, colleague: User) -> None:
    version = submit()
    claims.claim(version=version, reviewer=colleague)
    post(admin, "release", version)
    post(admin, "skip", version)
    assert holder(version) == colleague


def test_what_is_decided_or_ones_own_cannot_be_claimed(admin: Client, reviewer: User) -> None:
    own, done = submit("own", author=reviewer), submit("done")
    decisions.reject(version=done, reviewer=reviewer, reason_code="broken")
    assert "You cannot review your own plugin." in post(admin, "claim", own).content.decode()
    assert "This version has already been decided on." in post(admin, "claim", done).content.decode()
    assert not ReviewClaim.objects.exists()


@pytest.mark.parametrize("route", ["approve", "reject"])
def test_a_decision_although_somebody_has_claimed_it_is_asked_for_twice(
    admin: Client, reviewer: User, colleague: User, route: str
) -> None:
    version = submit()
    claims.claim(version=version, reviewer=colleague)
    form = {"reject-reason_code": "broken"}
    question = f"Decide although {reviewer_name_of(colleague.pk)} has claimed it"
    assert page(admin, version).count(question) == 2
    assert "This field is required." in post(admin, route, version, form).content.decode()
    assert not PluginReview.objects.exists()
    post(admin, route, version, {**form, f"{route}-although_claimed": "on"})
    assert PluginReview.objects.get().reviewer == reviewer
    assert not ReviewClaim.objects.exists()


def test_ones_own_claim_asks_nothing_and_a_decision_ends_it(admin: Client, reviewer: User) -> None:
    version = submit()
    claims.claim(version=version, reviewer=reviewer)
    assert "Decide although" not in page(admin, version)
    post(admin, "approve", version)
    assert PluginReview.objects.get().reviewer == reviewer
    assert not ReviewClaim.objects.exists()


def test_the_queue_is_filtered_by_claims(admin: Client, reviewer: User, colleague: User) -> None:
    for slug, who in (("mine", reviewer), ("theirs", colleague), ("lapsed", colleague), ("free", None)):
        version = submit(slug)
        if who is not None:
            claims.claim(version=version, reviewer=who)
        if slug == "lapsed":
            lapsed = ReviewClaim.objects.get(pk=version.pk)
            lapsed.claimed_at -= timedelta(minutes=31)
            lapsed.lapses_at -= timedelta(minutes=31)
            lapsed.save()
    publish(colleague, "decided")
    found = {}
    for value in ("none", "mine", "others", "nonsense"):
        answer: Any = admin.get(f"{QUEUE}?claim={value}")
        listed = {version.plugin_id for version in answer.context_data["cl"].queryset}
        found[value] = sorted(listed - {"github-sync", "slack-notifier", "time-tracker"})
    assert found == {
        "none": ["free", "lapsed"],
        "mine": ["mine"],
        "others": ["theirs"],
        "nonsense": ["decided", "free", "lapsed", "mine", "theirs"],
    }


def test_a_claim_that_ends_while_the_page_is_made_is_none(
    admin: Client, colleague: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = submit()
    claims.claim(version=version, reviewer=colleague)
    monkeypatch.setattr(claims, "renew", lambda **_: claims.end(version.pk))
    assert "Unclaimed" in page(admin, version)


def test_a_reviewer_who_leaves_leaves_no_claim(reviewer: User) -> None:
    version = submit()
    claims.claim(version=version, reviewer=reviewer)
    reviewer.delete()
    assert holder(version) is None


def test_what_is_withdrawn_is_claimed_by_nobody(reviewer: User, author: User) -> None:
    versions = [submit("first", author=author), submit("second", author=author)]
    Plugin.objects.filter(slug="second").update(published_at=datetime.now(UTC))  # its rows outlive its author
    for version in versions:
        claims.claim(version=version, reviewer=reviewer)
    withdraw_version(version=versions[0], author=author)
    assert [held.version_id for held in ReviewClaim.objects.all()] == [versions[1].pk]
    erase_author(author.pk)
    assert not ReviewClaim.objects.exists()


def test_the_queue_asks_no_more_for_many_claims(
    admin: Client, staff: Staff, django_assert_max_num_queries: Any
) -> None:
    for number in range(8):
        claims.claim(version=submit(f"plugin-{number}"), reviewer=staff("review_plugins"))
    with django_assert_max_num_queries(14):
        assert "30 minutes left" in admin.get(QUEUE).content.decode()
