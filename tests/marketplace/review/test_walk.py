"""From one submission to the next, within the filter that the list had."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from adiuva.mail.kinds import MailKind
from marketplace.admin import superseding
from marketplace.models import PluginVersion, ReviewClaim
from marketplace.review import claims
from tests.marketplace.review.conftest import Staff, browser_of
from tests.marketplace.review.submissions import publish, submit
from tests.support.queued_mail import facts_of_mails

pytestmark = pytest.mark.django_db

QUEUE = "/admin/marketplace/pluginversion/"
NEXT = "/admin/marketplace/pluginversion/next/"
ONLY_X = "q=xx&kind=first"


@pytest.fixture
def queue(author: User) -> dict[str, PluginVersion]:
    """The longest waiting first."""
    now = datetime.now(UTC)
    slugs = ("xx-1", "yy-1", "xx-2", "xx-3", "yy-2")
    return {slug: submit(slug, author=author, at=now - timedelta(hours=9 - at)) for at, slug in enumerate(slugs)}


def where(answer: Any) -> str:
    """The plugin on whose page it leads, or the path."""
    path = urlsplit(answer.headers["Location"]).path
    found = PluginVersion.objects.filter(pk=path.split("/")[4]).first() if path.endswith("/change/") else None
    return found.plugin_id if found else path


def walk_of(answer: Any) -> str:
    """The query that the next step takes along."""
    return "?" + urlsplit(answer.headers["Location"]).query


def step(client: Client, route: str, version: PluginVersion, query: str = "", **data: str) -> Any:
    return client.post(reverse(f"admin:marketplace_submission_{route}", args=[version.pk]) + query, data)


def test_next_claims_the_one_that_has_waited_longest(admin: Client, reviewer: User, queue: Any) -> None:
    answer = admin.post(NEXT)
    assert where(answer) == "xx-1"
    assert ReviewClaim.objects.get().reviewer == reviewer
    assert where(admin.post(NEXT, {"current": queue["xx-1"].pk})) == "yy-1"


def test_next_passes_over_what_colleagues_have_and_ones_own(
    admin: Client, reviewer: User, staff: Staff, queue: Any
) -> None:
    claims.claim(version=queue["xx-1"], reviewer=staff("review_plugins"))
    PluginVersion.objects.filter(pk=queue["yy-1"].pk).update(submitted_by=reviewer)
    queue["xx-2"].plugin.author = reviewer
    queue["xx-2"].plugin.save()
    assert where(admin.post(NEXT)) == "xx-3"


def test_filters_survive_a_walk(admin: Client, queue: Any) -> None:
    start = f"{NEXT}?{urlencode({'_changelist_filters': ONLY_X})}"
    assert start in admin.get(f"{QUEUE}?{ONLY_X}").content.decode().replace("&amp;", "&")
    answer = admin.post(start)
    assert where(answer) == "xx-1"
    answer = step(admin, "approve", queue["xx-1"], walk_of(answer))
    assert where(answer) == "xx-2"
    answer = step(admin, "reject", queue["xx-2"], walk_of(answer), **{"reject-reason_code": "broken"})
    assert where(answer) == "xx-3"
    assert parse_qs(walk_of(answer)[1:]) == {"_changelist_filters": [ONLY_X]}
    page = admin.get(answer.headers["Location"]).content.decode()
    assert f'href="{QUEUE}?{ONLY_X.replace("&", "&amp;")}"' in page
    assert "xx-2 1.0.0 is rejected." in page
    answer = admin.post(NEXT + walk_of(answer), {"current": queue["xx-3"].pk})
    assert answer.headers["Location"] == f"{QUEUE}?{ONLY_X}"  # nothing more of these
    assert "Nothing unclaimed is waiting here." in admin.get(answer.headers["Location"]).content.decode()


def test_what_is_skipped_does_not_come_back_in_this_walk(admin: Client, reviewer: User, queue: Any) -> None:
    answer = admin.post(NEXT)
    answer = step(admin, "skip", queue["xx-1"], walk_of(answer))
    assert where(answer) == "yy-1"
    answer = step(admin, "approve", queue["yy-1"], walk_of(answer))
    assert where(answer) == "xx-2"
    answer = step(admin, "skip", queue["xx-2"], walk_of(answer))
    assert where(answer) == "xx-3"
    assert [held.version_id for held in ReviewClaim.objects.all()] == [queue["xx-3"].pk]
    answer = step(admin, "skip", queue["xx-3"], walk_of(answer))
    answer = step(admin, "skip", queue["yy-2"], walk_of(answer))
    told = admin.get(answer.headers["Location"]).content.decode()
    assert "Nothing unclaimed is waiting here after the last one that you skipped." in told
    again = step(admin, "skip", queue["xx-1"], f"?after={queue['xx-2'].pk}")  # looked at once more: no way back
    assert where(again) == "xx-3"
    claims.release(version=queue["xx-3"], reviewer=reviewer)
    assert where(admin.post(NEXT)) == "xx-1"  # another walk


def test_two_that_came_at_the_same_moment_are_both_walked_to(admin: Client) -> None:
    now = datetime.now(UTC)
    versions = [submit(slug, at=now) for slug in ("aa", "bb", "cc")]
    seen, answer = [], admin.post(NEXT)
    while where(answer) != QUEUE:
        seen.append(where(answer))
        version = next(version for version in versions if version.plugin_id == seen[-1])
        answer = step(admin, "skip", version, walk_of(answer))
    assert sorted(seen) == ["aa", "bb", "cc"]


def test_under_the_filter_for_ones_own_claims_next_goes_round_those(admin: Client, reviewer: User, queue: Any) -> None:
    for slug in ("xx-2", "yy-2"):
        claims.claim(version=queue[slug], reviewer=reviewer)
    start = f"{NEXT}?{urlencode({'_changelist_filters': 'claim=mine'})}"
    answer = admin.post(start)
    assert where(answer) == "xx-2"
    assert where(admin.post(NEXT + walk_of(answer), {"current": queue["xx-2"].pk})) == "yy-2"


@pytest.mark.parametrize(
    "query", ["_changelist_filters=nothing%3D1", "after=x", "_changelist_filters=status__exact%3Dx"]
)
def test_a_query_that_makes_no_sense_breaks_nothing(admin: Client, queue: Any, query: str) -> None:
    answer = admin.post(f"{NEXT}?{query}", {"current": "x"})
    assert (answer.status_code, where(answer)) in {(302, "xx-1"), (302, QUEUE)}


def test_the_page_says_its_name_and_its_place(admin: Client, queue: Any) -> None:
    version = submit("weather", version="2.0.0", name="Weather \u202eand wind")
    page = admin.get(reverse("admin:marketplace_pluginversion_change", args=[version.pk])).content.decode()
    assert "6 of 6 waiting" in page
    title = page[page.index("<title>") : page.index("</title>")]
    assert "Weather ⟨U+202E⟩and wind – weather 2.0.0" in title
    heading = page[page.index("mk-title") : page.index("</h2>", page.index("mk-title"))]
    assert "Weather ⟨U+202E⟩and wind" in heading
    first = admin.get(reverse("admin:marketplace_pluginversion_change", args=[queue["xx-1"].pk])).content.decode()
    assert "1 of 6 waiting" in first


# --- outdated versions -------------------------------------------------------------------------------------------


def supersede(client: Client, versions: list[PluginVersion], **data: str) -> Any:
    chosen = {"version": [version.pk for version in versions], **data}
    return client.post(reverse("admin:marketplace_submission_supersede"), chosen, follow=True)


def test_outdated_versions_are_rejected_together_and_the_rest_is_named(
    admin: Client, reviewer: User, staff: Staff, author: User
) -> None:
    publish(reviewer, "live", "2.0.0")
    old = [submit("live", "1.9.0"), submit("live", "2.0.0+again")]
    old += [submit("tidy", number, author=author) for number in ("1.0.0", "1.1.0")]
    newest, alone = submit("tidy", "1.2.0"), submit("alone")
    claimed, own = submit("tidy", "0.9.0"), submit("own", author=reviewer)
    submit("own", "2.0.0")
    claims.claim(version=claimed, reviewer=staff("review_plugins"))
    everything = [*old, newest, alone, claimed, own]
    action = {"action": "reject_as_superseded", "_selected_action": [one.pk for one in everything], "index": "0"}
    asked = admin.post(f"{QUEUE}?status__exact=pending_review", action).content.decode()
    assert "4 to reject as superseded" in asked
    assert "4 left as they are" in asked
    for shown in (
        "Version 2.0.0 is live.",
        "Version 1.2.0 is in review.",
        "It is your own plugin.",
        "It is claimed by",
    ):
        assert shown in asked
    assert set(PluginVersion.objects.filter(decided_at=None)) >= set(everything)  # only asked

    told = supersede(admin, everything, confirmed="yes").content.decode()
    assert "4 rejected as superseded." in told
    assert "4 left: " in told
    for left in (
        "alone 1.0.0 (No newer version is live or in review)",
        "own 1.0.0 (You cannot review your own plugin)",
    ):
        assert left in told
    for version in old:
        version.refresh_from_db()
        assert (version.status, version.review.reason_code) == ("rejected", "superseded")
    mails = facts_of_mails(author, MailKind.REVIEW_DECISION)
    assert sorted(facts["version"] for facts in mails) == ["1.0.0", "1.1.0"]
    assert old[2].review.notes == "Version 1.2.0 is in review."
    for version in (newest, alone, claimed, own):
        version.refresh_from_db()
        assert version.status == "pending_review"


def test_a_version_that_is_superseded_no_more_when_it_is_confirmed_is_left(admin: Client, reviewer: User) -> None:
    old, new = submit("tidy", "1.0.0"), submit("tidy", "1.1.0")
    assert "1 to reject as superseded" in supersede(admin, [old]).content.decode()
    new.status, new.decided_at = "withdrawn", datetime.now(UTC)
    new.save()
    told = supersede(admin, [old], confirmed="yes").content.decode()
    assert "1 left: tidy 1.0.0 (No newer version is live or in review)" in told
    old.refresh_from_db()
    assert old.status == "pending_review"


def test_the_page_of_an_outdated_version_offers_it(admin: Client) -> None:
    old, new = submit("tidy", "1.0.0"), submit("tidy", "1.1.0")
    for version in (old, new):
        page = admin.get(reverse("admin:marketplace_pluginversion_change", args=[version.pk])).content.decode()
        assert f'name="version" value="{old.pk}"' in page
        assert f'name="version" value="{new.pk}"' not in page
    page = admin.get(reverse("admin:marketplace_pluginversion_change", args=[submit("alone").pk])).content.decode()
    assert "Reject as superseded" not in page


def test_the_question_asks_the_database_no_more_for_many(admin: Client, django_assert_max_num_queries: Any) -> None:
    versions = [submit(f"plugin-{number}", version) for number in range(8) for version in ("1.0.0", "1.1.0")]
    with django_assert_max_num_queries(10):
        assert "8 to reject as superseded" in supersede(admin, versions).content.decode()
    assert "None of them is outdated." in supersede(admin, [], nonsense="x").content.decode()


def test_a_long_selection_is_taken_a_part_at_a_time(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(superseding, "MOST", 3)
    versions = [submit("tidy", f"1.{minor}.0") for minor in range(5)]
    assert "At most 3 at once" in supersede(admin, versions).content.decode()
    assert "3 rejected as superseded." in supersede(admin, versions, confirmed="yes").content.decode()
    assert PluginVersion.objects.filter(plugin="tidy", status="pending_review").count() == 2


def test_other_staff_may_do_none_of_it(staff: Staff, queue: Any) -> None:
    client = browser_of(staff("take_down_plugins"))
    assert client.post(NEXT).status_code == 403
    assert client.post(reverse("admin:marketplace_submission_supersede"), {"confirmed": "yes"}).status_code == 403
    for route in ("claim", "release", "renew", "skip"):
        assert step(client, route, queue["xx-1"]).status_code == 403
    assert not ReviewClaim.objects.exists()


def test_a_question_a_note_and_the_changes_keep_the_way_through_the_queue(admin: Client, author: User) -> None:
    version, walk = submit("tidy", author=author), "?_changelist_filters=checks%3Dpassed"
    page = reverse("admin:marketplace_pluginversion_change", args=[version.pk]) + walk
    for route, prefix in (("ask", "ask"), ("note", "note")):
        url = reverse(f"admin:marketplace_submission_{route}", args=[version.pk]) + walk
        assert f'action="{url}"' in admin.get(page).content.decode()
        answer: Any = admin.post(url, {f"{prefix}-text": "Why?"})
        assert answer["Location"].startswith(f"{page}#")
    changes = admin.get(reverse("admin:marketplace_submission_changes", args=[version.pk]) + walk + "&file=0")
    shown = changes.content.decode()
    assert f'id="back" href="{page}"' in shown
    assert "&amp;_changelist_filters=checks%3Dpassed" in shown  # of the link to all files
