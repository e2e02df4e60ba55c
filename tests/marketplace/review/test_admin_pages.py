"""The review pages over HTTP: what is on them, and what a decision does."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from marketplace.models import PluginReview, PluginStatus, PluginVersion
from marketplace.models.catalog import reviewer_name_of
from marketplace.review import decisions
from marketplace.review.decisions import MAX_NOTES, approve
from storage.blobs.factory import get_blob_store
from tests.marketplace.review.conftest import Staff, browser_of
from tests.marketplace.review.submissions import CHECKS, FILES, pack, publish, submit, tidy

pytestmark = pytest.mark.django_db

QUEUE = "/admin/marketplace/pluginversion/"
FAILED = {"code": "secrets", "passed": False, "message": "A key was found.", "evidence": ["main.js, line 3"]}


def page_of(version: PluginVersion) -> str:
    return reverse("admin:marketplace_pluginversion_change", args=[version.pk])


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def approving(client: Client, version: PluginVersion, notes: str = "") -> Any:
    return client.post(
        reverse("admin:marketplace_submission_approve", args=[version.pk]), {"approve-notes": notes}, follow=True
    )


def rejecting(client: Client, version: PluginVersion, reason: str = "broken", notes: str = "") -> Any:
    form = {"reject-reason_code": reason, "reject-notes": notes}
    return client.post(reverse("admin:marketplace_submission_reject", args=[version.pk]), form, follow=True)


def test_the_queue_has_what_waits_first_and_the_longest_on_top(admin: Client, reviewer: User) -> None:
    now = datetime.now(UTC)
    for slug, days in (("bb-newer", 1), ("cc-oldest", 5), ("dd-old", 4)):
        submit(slug, at=now - timedelta(days=days))
    publish(reviewer, "aa-decided")
    page = text_of(admin, QUEUE)
    places = [page.index(f"{slug}\n") for slug in ("cc-oldest", "dd-old", "bb-newer", "aa-decided")]
    assert places == sorted(places)
    assert "5\xa0days" in page


def test_the_queue_shows_failed_checks_prices_and_handles(admin: Client, author: User) -> None:
    version = submit(author=author, price_cents=1250, checks=[*CHECKS, FAILED, FAILED])
    page = text_of(admin, QUEUE)
    for shown in ("2 failed", "€12.50", version.plugin.author_name, "first version"):
        assert shown in page
    assert author.email not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status__exact=pending_review", {"first", "update"}),
        ("?status__exact=approved&q=live", {"live"}),
        ("?kind=first&status__exact=pending_review", {"first"}),
        ("?kind=update&status__exact=pending_review", {"update"}),
        ("?q=2.0.0", {"update"}),
        ("?q=first", {"first"}),
    ],
)
def test_the_queue_is_filtered(admin: Client, reviewer: User, query: str, found: set[str]) -> None:
    submit("first")
    publish(reviewer, "live", "1.0.0")
    update = submit("live", "2.0.0")
    page = text_of(admin, QUEUE + query)
    rows = {"first": PluginVersion.objects.get(plugin_id="first"), "update": update}
    rows["live"] = PluginVersion.objects.get(plugin_id="live", version="1.0.0")
    assert {name for name, version in rows.items() if page_of(version) in page} == found


def test_the_queue_shows_what_an_update_asks_for_on_top(admin: Client, reviewer: User) -> None:
    publish(reviewer, permissions=["read:tasks", "read:notes"], price_cents=100)
    submit(version="1.1.0", permissions=["read:tasks", "write:tasks", "write:notes"], price_cents=250)
    page = text_of(admin, f"{QUEUE}?status__exact=pending_review")
    for shown in ("update of 1.0.0", ">+2<", "€2.50", "was €1.00"):
        assert shown in page
    PluginVersion.objects.filter(version="1.1.0").update(manifest={"permissions": ["read:notes"], "price_cents": 100})
    page = text_of(admin, f"{QUEUE}?status__exact=pending_review")
    assert "the same" in page
    assert "was €" not in page


def test_the_lists_do_not_query_once_a_row(admin: Client, author: User, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        submit(f"plugin-{number}", author=author)
    for path in (QUEUE, "/admin/marketplace/plugin/"):
        with django_assert_max_num_queries(14):
            text_of(admin, path)


def test_the_page_says_in_words_what_an_update_may_do_more_and_costs_more(admin: Client, reviewer: User) -> None:
    publish(reviewer, permissions=["read:tasks", "read:notes"])
    page = text_of(
        admin, page_of(submit(version="1.1.0", permissions=["read:tasks", "write:calendar"], price_cents=499))
    )
    added = page.index("Create, change and delete the user’s calendar entries")
    assert "mk-added" in page[page.rindex("<li", 0, added) : added]
    kept = page.index("See the user’s tasks")
    assert "mk-added" not in page[page.rindex("<li", 0, kept) : kept]
    dropped = page.index("See the user’s notes")
    assert "mk-removed" in page[page.rindex("<li", 0, dropped) : dropped]
    assert "<del>free</del>" in page
    assert "<ins>€4.99</ins>" in page
    assert "compared with 1.0.0" in page


def test_the_page_has_the_manifest_the_checklist_the_files_and_the_checksum(admin: Client) -> None:
    version = submit(checks=[*CHECKS, FAILED], entrypoint="start.js")
    page = text_of(admin, page_of(version))
    assert "&quot;entrypoint&quot;: &quot;start.js&quot;" in page
    assert page.index("A key was found.") < page.index("The manifest is complete.")
    assert "main.js, line 3" in page
    assert "1 check failed" in page
    for name in FILES:
        assert name in page
    assert version.checksum in page


def test_approving_makes_it_live_and_tells(admin: Client) -> None:
    version = submit()
    answer = approving(admin, version, "Fine.")
    assert answer.redirect_chain == [(page_of(version), 302)]
    assert "tidy 1.0.0 is approved." in answer.content.decode()
    assert tidy().status == PluginStatus.APPROVED
    assert PluginReview.objects.get(plugin_id="tidy").notes == "Fine."


def test_rejecting_keeps_reason_and_comment_in_the_history(admin: Client, reviewer: User) -> None:
    version = submit()
    page = rejecting(admin, version, "permissions", "Why calendars?").content.decode()
    for shown in ("tidy 1.0.0 is rejected.", "Asks for more permissions than it needs", "Why calendars?"):
        assert shown in page
    assert re.search(r"by\s+you", page)
    assert PluginReview.objects.get(plugin_id="tidy").reason_code == "permissions"


def test_reviewers_do_not_learn_each_others_addresses(admin: Client, reviewer: User, staff: Staff) -> None:
    colleague, boss = staff("review_plugins"), staff(superuser=True)
    version = submit()
    approve(version=version, reviewer=colleague)
    decisions.take_down(plugin=tidy(), operator=colleague, reason="It sorts nothing.")
    name = reviewer_name_of(colleague.pk)
    assert name != reviewer_name_of(reviewer.pk)
    for path in (page_of(version), reverse("admin:marketplace_plugin_change", args=["tidy"])):
        page = text_of(admin, path)
        assert page.count(f"by {name}") == 2
        assert colleague.email not in page
        assert text_of(browser_of(boss), path).count(f"by {colleague.email}") == 2


def test_the_queue_is_filtered_by_failed_checks(admin: Client) -> None:
    quoting = {"code": "secrets", "passed": True, "message": '"passed": false', "evidence": ['{"passed": false}']}
    submit("aa-fine")
    submit("bb-bad", checks=[*CHECKS, FAILED])
    submit("cc-quotes", checks=[*CHECKS, quoting])
    submit("dd-none", checks=[])
    found = {}
    for kind in ("failed", "passed", "nonsense"):
        answer: Any = admin.get(f"{QUEUE}?status__exact=pending_review&checks={kind}")
        found[kind] = sorted(version.plugin_id for version in answer.context_data["cl"].queryset)
    every = ["aa-fine", "bb-bad", "cc-quotes", "dd-none"]
    assert found == {"failed": ["bb-bad"], "passed": ["aa-fine", "cc-quotes"], "nonsense": every}


def test_of_a_version_without_a_checklist_nothing_is_said_to_have_passed(admin: Client) -> None:
    submit(checks=[])
    page = text_of(admin, f"{QUEUE}?status__exact=pending_review")
    assert "all passed" not in page
    assert "none were run" in page


def test_a_decision_leads_to_the_one_that_has_waited_longest(admin: Client) -> None:
    oldest = submit("oldest", at=datetime.now(UTC) - timedelta(days=2))
    newest, decided = submit("newest"), submit()
    answer = rejecting(admin, decided)
    assert answer.redirect_chain == [(page_of(oldest), 302)]
    page = answer.content.decode()
    assert "tidy 1.0.0 is rejected." in page
    assert f'href="{page_of(decided)}"' in page  # the way back
    assert approving(admin, oldest).redirect_chain == [(page_of(newest), 302)]
    assert approving(admin, newest).redirect_chain == [(page_of(newest), 302)]  # the last one


@pytest.mark.parametrize(
    ("reason", "notes", "told"),
    [
        ("", "x", "This field is required."),
        ("ugly", "x", "Select a valid choice."),
        ("other", "", "Tell the author what is wrong."),
        ("broken", "x" * (MAX_NOTES + 1), f"at most {MAX_NOTES} characters"),
    ],
)
def test_a_rejection_that_does_not_say_why_is_asked_again(admin: Client, reason: str, notes: str, told: str) -> None:
    version = submit()
    answer = rejecting(admin, version, reason, notes)
    assert (answer.status_code, answer.redirect_chain) == (200, [])
    page = answer.content.decode()
    assert told in page
    assert not notes or notes in page  # nobody types it twice
    version.refresh_from_db()
    assert version.status == PluginStatus.PENDING_REVIEW


def test_a_second_decision_is_a_message(admin: Client, reviewer: User) -> None:
    version = submit()
    approve(version=version, reviewer=reviewer)
    for answer in (approving(admin, version), rejecting(admin, version)):
        assert answer.status_code == 200
        assert "This version has already been decided on." in answer.content.decode()
    assert PluginReview.objects.filter(plugin_id="tidy").count() == 1


def test_an_older_version_offers_no_approval_and_refuses_one(admin: Client, reviewer: User) -> None:
    publish(reviewer, version="2.0.0")
    version = submit(version="1.9.0")
    approval = reverse("admin:marketplace_submission_approve", args=[version.pk])
    page = text_of(admin, page_of(version))
    assert approval not in page
    assert "It is not newer than 2.0.0" in page
    assert "is not newer than 2.0.0, which is live." in approving(admin, version).content.decode()
    assert tidy().version == "2.0.0"


def test_nobody_is_offered_a_decision_about_their_own_plugin(admin: Client, reviewer: User) -> None:
    version = submit(author=reviewer)
    page = text_of(admin, page_of(version))
    assert "Your own plugin" in page
    assert "<textarea" not in page
    assert "You cannot review your own plugin." in approving(admin, version).content.decode()
    assert tidy().status == PluginStatus.PENDING_REVIEW


def test_an_author_is_a_handle_and_a_link_only_to_who_may_see_users(admin: Client, staff: Any, author: User) -> None:
    version = submit(author=author)
    link = reverse("admin:accounts_user_change", args=[author.pk])
    paths = [page_of(version), reverse("admin:marketplace_plugin_change", args=["tidy"])]
    paths += [QUEUE, "/admin/marketplace/plugin/"]
    for path in paths:
        page = text_of(admin, path)
        assert version.plugin.author_name in page
        assert link not in page
        assert author.email not in page
        assert str(author.pk) not in page
    seeing = browser_of(staff("review_plugins", "view_user"))
    for path in paths[:2]:
        assert link in text_of(seeing, path)


def test_a_package_that_is_gone_or_no_zip_is_told_and_the_rest_is_there(admin: Client) -> None:
    gone, broken = submit("gone"), submit("broken", package=b"PK\x03\x04 no archive")
    get_blob_store().delete(gone.s3_key)
    assert "The package is gone from the store." in text_of(admin, page_of(gone))
    assert "is damaged." in text_of(admin, page_of(broken))
    assert "Reject" in text_of(admin, page_of(broken))


@pytest.mark.parametrize("manifest", [[], "text", None, {}, {"permissions": {"a": 1}, "price_cents": [], "name": 7}])
def test_a_manifest_of_another_shape_is_shown_and_cannot_be_approved(admin: Client, manifest: Any) -> None:
    version = submit()
    version.manifest = manifest if manifest is not None else {"name": None}
    version.checks = [None, 7, {"message": {"a": 1}, "evidence": "text"}]
    version.save()
    assert "Manifest as submitted" in text_of(admin, page_of(version))
    assert text_of(admin, QUEUE)
    assert "does not fit the catalog" in approving(admin, version).content.decode()


def test_taking_down_and_reinstating(admin: Client, reviewer: User) -> None:
    publish(reviewer)
    page = reverse("admin:marketplace_plugin_change", args=["tidy"])
    down = reverse("admin:marketplace_plugin_take_down", args=["tidy"])
    back = reverse("admin:marketplace_plugin_reinstate", args=["tidy"])
    assert "This field is required." in admin.post(down, {"take_down-reason": ""}).content.decode()
    answer = admin.post(down, {"take_down-reason": "It reads <b>too</b> much."}, follow=True)
    assert "tidy is taken down." in answer.content.decode()
    assert "It reads &lt;b&gt;too&lt;/b&gt; much." in answer.content.decode()
    again = admin.post(down, {"take_down-reason": "again"}, follow=True)
    assert "Only a plugin that is live can be taken down." in again.content.decode()
    assert tidy().status == PluginStatus.TAKEN_DOWN
    assert "tidy is reinstated." in admin.post(back, {"reinstate-notes": "Mended."}, follow=True).content.decode()
    assert tidy().status == PluginStatus.APPROVED
    assert "Mended." in text_of(admin, page)
    refused = admin.post(back, {"reinstate-notes": "again"}, follow=True).content.decode()
    assert "This plugin is not taken down." in refused


def test_what_is_not_there_is_404_and_what_is_not_a_form_405(admin: Client) -> None:
    version = submit()
    nobody = "5b7a2c1e-0000-4000-8000-000000000000"
    for path in (f"{nobody}/change/", "x/change/", f"{nobody}/files/0/", f"{version.pk}/files/99/"):
        assert admin.get(f"{QUEUE}{path}").status_code == 404, path
    for path in (f"{nobody}/approve/", f"{nobody}/reject/"):
        assert admin.post(f"{QUEUE}{path}").status_code == 404, path
    for slug in ("nothing", "a%00b", "UPPER"):
        assert admin.get(f"/admin/marketplace/plugin/{slug}/change/").status_code == 404
        history = admin.get(f"/admin/marketplace/plugin/{slug}/history/")  # Django's own: a message on the first page
        assert (history.status_code, history.headers["Location"]) == (302, reverse("admin:index"))
    assert admin.post("/admin/marketplace/plugin/nothing/take-down/", {}).status_code == 404
    for path in ("approve", "reject"):
        assert admin.get(f"{QUEUE}{version.pk}/{path}/").status_code == 405
    assert admin.post(page_of(version), {"status": "approved"}).status_code == 405
    assert admin.get("/admin/marketplace/plugin/tidy/take-down/").status_code == 405


def test_a_decision_without_the_forms_token_is_403(reviewer: User) -> None:
    version = submit()
    client = Client(enforce_csrf_checks=True)
    client.force_login(reviewer)
    for route in ("approve", "reject"):
        path = reverse(f"admin:marketplace_submission_{route}", args=[version.pk])
        assert client.post(path, {"reject-reason_code": "broken"}).status_code == 403
    version.refresh_from_db()
    assert version.status == PluginStatus.PENDING_REVIEW


def test_a_page_loads_only_what_is_ours(admin: Client) -> None:
    version = submit(package=pack({"a.html": b"<script>alert(1)</script>"}))
    policy = admin.get(page_of(version)).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self' 'unsafe-eval';" in policy
    assert "frame-ancestors 'none'" in policy
