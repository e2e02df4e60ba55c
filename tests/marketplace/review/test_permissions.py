"""Who may do what in the admin: its whole URLconf is walked, so that a new page is asked about, too."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from accounts.models import User
from marketplace.models import PluginReport, PluginStatus, PluginVersion
from tests.marketplace.review.conftest import Staff, browser_of
from tests.marketplace.review.submissions import publish, submit, tidy

pytestmark = pytest.mark.django_db

# Everybody of the staff: the first page, logging in, one's own password, scripts' texts, and "view on site",
# which no model of ours has. A search over models that the person may see, which is empty for most. And the second step
# of a login, which leads everybody on who is logged in.
FOR_ALL_STAFF = {
    "index", "login", "second_factor", "jsi18n", "password_change", "password_change_done", "view_on_site", "search",
}  # fmt: skip
FOR_REVIEWERS = {
    "marketplace_pluginversion_changelist",
    "marketplace_pluginversion_change",
    "marketplace_submission_approve",
    "marketplace_submission_reject",
    "marketplace_submission_file",
    "marketplace_submission_claim",
    "marketplace_submission_release",
    "marketplace_submission_renew",
    "marketplace_submission_skip",
    "marketplace_submission_next",
    "marketplace_submission_supersede",
    "marketplace_submission_changes",
    "marketplace_submission_package",
    "marketplace_submission_raw",
    "marketplace_submission_ask",
    "marketplace_submission_note",
    "marketplace_submission_look_again",
    "marketplace_plugin_changelist",
    "marketplace_plugin_change",
    "marketplace_plugin_take_down",
    "marketplace_plugin_take_down_version",
    "marketplace_plugin_reinstate",
    "marketplace_pluginreport_changelist",
    "marketplace_pluginreport_change",
    "marketplace_pluginreport_close",
    "marketplace_pluginreport_history",
    # Django's record of who edited a row in the admin: empty here, and shown to who may see the row.
    "marketplace_pluginversion_history",
    "marketplace_plugin_history",
}


def named_patterns(patterns: list[Any]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from named_patterns(pattern.url_patterns)
        elif pattern.name:
            yield pattern


def arguments(pattern: URLPattern, version: PluginVersion) -> dict[str, Any]:
    known = {
        "pk": version.plugin_id if "slug" in str(pattern.pattern) else version.pk,
        "index": 0,
        "object_id": version.plugin_id if "marketplace_plugin_" in str(pattern.name) else version.pk,
        "app_label": "accounts",
        "content_type_id": 1,
    }
    return {name: known.get(name, 1) for name in pattern.pattern.regex.groupindex}


def status_codes(client: Client, version: PluginVersion, names: set[str] | None = None) -> dict[str, int]:
    """The status of each named URL of the admin (or of ``names``), by GET, or by POST where GET is not allowed."""
    found = {}
    for pattern in named_patterns(admin.site.urls[0]):
        name = str(pattern.name)
        if name == "logout" or (names is not None and name not in names):
            continue
        path = reverse(f"admin:{name}", kwargs=arguments(pattern, version))
        answer = client.get(path)
        answer = client.post(path) if answer.status_code == 405 else answer
        # How the admin says that there is no such row to somebody who might see it.
        nothing = answer.status_code == 302 and answer.headers["Location"] == reverse("admin:index")
        found[name] = 404 if nothing else answer.status_code
    assert names is None or set(found) == names
    return found


@pytest.fixture
def version(author: User, reviewer: User) -> PluginVersion:
    """Beside it a report with the same key, so that every route's key is that of something."""
    publish(reviewer, author=author)
    version = submit(version="2.0.0")
    PluginReport.objects.create(
        pk=version.pk, plugin_id="tidy", version="1.0.0", reason="broken", reported_at=datetime.now(UTC)
    )
    return version


def test_a_reviewer_reaches_the_review_and_nothing_else(version: PluginVersion, reviewer: User) -> None:
    found = status_codes(browser_of(reviewer), version)
    assert {name for name, status in found.items() if status >= 500} == set()
    reached = {name for name, status in found.items() if status < 400 or status == 409}
    assert reached - FOR_ALL_STAFF == FOR_REVIEWERS
    assert browser_of(reviewer).get("/admin/marketplace/").status_code == 200


def test_other_staff_reaches_none_of_it(version: PluginVersion, staff: Staff) -> None:
    others = browser_of(staff("view_user", "view_plugin", "change_plugin", "change_pluginversion", "add_plugin"))
    assert set(status_codes(others, version, FOR_REVIEWERS).values()) == {403}
    assert "Submissions" not in others.get("/admin/").content.decode()
    assert others.get("/admin/marketplace/").status_code == 404


def test_users_and_strangers_are_sent_to_the_login(version: PluginVersion, author: User) -> None:
    for client in (browser_of(author), Client()):
        assert set(status_codes(client, version, FOR_REVIEWERS).values()) == {302}


def test_who_may_review_may_not_take_down(version: PluginVersion, staff: Staff) -> None:
    client = browser_of(staff("review_plugins"))
    page = client.get(reverse("admin:marketplace_plugin_change", args=["tidy"])).content.decode()
    assert "take-down" not in page
    form = {"take_down-reason": "because"}
    assert client.post(reverse("admin:marketplace_plugin_take_down", args=["tidy"]), form).status_code == 403
    assert client.post(reverse("admin:marketplace_plugin_reinstate", args=["tidy"]), form).status_code == 403
    assert tidy().status == PluginStatus.APPROVED


def test_who_may_take_down_may_not_review(version: PluginVersion, staff: Staff) -> None:
    client = browser_of(staff("take_down_plugins"))
    assert client.get("/admin/marketplace/pluginversion/").status_code == 403
    page = client.get(reverse("admin:marketplace_plugin_change", args=["tidy"])).content.decode()
    assert "Take down" in page
    assert str(version.pk) not in page
    for route in ("approve", "reject"):
        path = reverse(f"admin:marketplace_submission_{route}", args=[version.pk])
        assert client.post(path, {"reject-reason_code": "broken"}).status_code == 403
    version.refresh_from_db()
    assert version.status == PluginStatus.PENDING_REVIEW


def test_not_even_a_superuser_edits_or_deletes_rows(version: PluginVersion, staff: Staff) -> None:
    client = browser_of(staff(superuser=True))
    for model, pk in (("pluginversion", str(version.pk)), ("plugin", "tidy")):
        root = f"/admin/marketplace/{model}/"
        assert client.get(f"{root}add/").status_code == 403
        assert client.post(f"{root}{pk}/delete/", {"post": "yes"}).status_code == 403
        assert client.post(f"{root}{pk}/change/", {"status": "approved"}).status_code == 405
        client.post(root, {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    version.refresh_from_db()
    assert version.status == PluginStatus.PENDING_REVIEW


def test_a_closed_reviewer_is_out_at_once(version: PluginVersion, reviewer: User) -> None:
    client = browser_of(reviewer)
    User.objects.filter(pk=reviewer.pk).update(is_active=False)
    path = reverse("admin:marketplace_submission_approve", args=[version.pk])
    assert client.post(path).status_code == 302
    version.refresh_from_db()
    assert version.status == PluginStatus.PENDING_REVIEW


def test_the_group_has_the_two_permissions_and_making_it_again_changes_nothing(reviewers: Group, request: Any) -> None:
    wanted = {"marketplace.review_plugins", "marketplace.take_down_plugins"}
    again = request.getfixturevalue("reviewers")
    assert again == reviewers
    labels = {f"{one.content_type.app_label}.{one.codename}" for one in reviewers.permissions.all()}
    assert labels == wanted
