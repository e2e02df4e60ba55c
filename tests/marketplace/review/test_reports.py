"""Users' reports as reviewers work through them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from adiuva.api.errors import Conflict, PermissionDenied, ValidationFailed
from adiuva.dashboard import registry
from billing.models import OperatorAlert
from marketplace.models import Plugin, PluginReport, ReportOutcome
from marketplace.models.catalog import reporter_name_of, reviewer_name_of
from marketplace.review.jobs import tell_of_malware
from marketplace.review.reports import MAX_NOTES, PLUGIN_MALWARE, close_report
from tests.accounts.concurrency import run_concurrently
from tests.marketplace.review.conftest import Staff, browser_of
from tests.marketplace.review.submissions import publish
from tests.support.accounts import Account

MakeUser = Callable[..., Account]
pytestmark = pytest.mark.django_db

QUEUE = "/admin/marketplace/pluginreport/"
ACTED_ON, DISMISSED = ReportOutcome.ACTED_ON, ReportOutcome.DISMISSED


@pytest.fixture
def plugin(reviewer: User, author: User) -> Plugin:
    return publish(reviewer, author=author)


def report(plugin: Plugin, *, days: float = 0, reason: str = "broken", **fields: Any) -> PluginReport:
    at = datetime.now(UTC) - timedelta(days=days)
    made: PluginReport = PluginReport.objects.create(
        plugin=plugin, version=plugin.version, reason=reason, reported_at=at, **fields
    )
    return made


def page_of(one: PluginReport) -> str:
    return reverse("admin:marketplace_pluginreport_change", args=[one.pk])


def listed(client: Client, query: str = "") -> list[PluginReport]:
    answer: Any = client.get(f"{QUEUE}{query}")
    assert answer.status_code == 200
    return list(answer.context_data["cl"].result_list)


def closing(client: Client, one: PluginReport, outcome: str = ACTED_ON, notes: str = "") -> Any:
    form = {"close-outcome": outcome, "close-notes": notes}
    return client.post(reverse("admin:marketplace_pluginreport_close", args=[one.pk]), form, follow=True)


def test_what_is_open_comes_first_by_plugin_and_the_longest_on_top(
    admin: Client, reviewer: User, plugin: Plugin
) -> None:
    other = publish(reviewer, "another")
    closed = report(plugin, days=9)
    close_report(report=closed, reviewer=reviewer, outcome=DISMISSED)
    newer, middle, oldest = report(plugin, days=1), report(other, days=3), report(plugin, days=5)
    assert listed(admin) == [oldest, newer, middle, closed]


def test_the_queue_is_filtered(admin: Client, reviewer: User, author: User, plugin: Plugin) -> None:
    theirs, others = publish(reviewer, "theirs", author=author), publish(reviewer, "others")
    first, second, third = report(plugin, reason="malware"), report(theirs, text="It loses notes"), report(others)
    done = report(plugin)
    close_report(report=done, reviewer=reviewer, outcome=DISMISSED)
    for query, found in {
        "?state=open": {first, second, third},
        "?state=dismissed": {done},
        "?state=acted_on": set(),
        "?reason__exact=malware": {first},
        "?plugin=tidy": {first, done},
        "?plugin=a%00b": set(),
        "?author=tidy&state=open": {first, second},
        "?author=others": set(),
        "?q=loses": {second},
    }.items():
        assert set(listed(admin, query)) == found, query
    page = admin.get(QUEUE).content.decode()
    assert "tidy (1 open)" in page


def test_a_report_is_read_beside_the_others_of_its_plugin(
    admin: Client, staff: Staff, plugin: Plugin, make_user: MakeUser
) -> None:
    user = make_user().user
    one = report(plugin, reason="malware", text="It <b>sends</b>\u202e notes", user=user)
    report(plugin, days=2, text="It stops.")
    page = admin.get(page_of(one)).content.decode()
    for shown in ("It &lt;b&gt;sends&lt;/b&gt;⟨U+202E⟩ notes", "Malware", "It stops.", "#take-down", "1.0.0"):
        assert shown in page
    assert reporter_name_of(user.pk) in page
    for path in (page_of(one), QUEUE):
        text = admin.get(path).content.decode()
        assert user.email not in text
        assert str(user.pk) not in text
    assert user.email in browser_of(staff(superuser=True)).get(page_of(one)).content.decode()
    assert "#take-down" not in browser_of(staff("review_plugins")).get(page_of(one)).content.decode()


def test_a_plugins_page_leads_to_its_open_reports(admin: Client, reviewer: User, plugin: Plugin) -> None:
    path = reverse("admin:marketplace_plugin_change", args=["tidy"])
    one = report(plugin)
    assert f'href="{QUEUE}?plugin=tidy">1 open' in admin.get(path).content.decode()
    close_report(report=one, reviewer=reviewer, outcome=DISMISSED)
    assert "1 open" not in admin.get(path).content.decode()


def test_it_is_closed_once_with_notes_that_stay(admin: Client, reviewer: User, staff: Staff, plugin: Plugin) -> None:
    one, following = report(plugin, days=1), report(publish(reviewer, "another"))
    page = closing(admin, one, DISMISSED, "It does what\r\nit says.").content.decode()
    assert "It is closed." in page
    assert page_of(following) in page
    one.refresh_from_db()
    assert (one.outcome, one.notes, one.closed_by) == (DISMISSED, "It does what\nit says.", reviewer)
    again = closing(browser_of(staff("review_plugins")), one, ACTED_ON).content.decode()
    assert "already been closed" in again
    assert f"by {reviewer_name_of(reviewer.pk)}" in again
    one.refresh_from_db()
    assert one.outcome == DISMISSED


@pytest.mark.parametrize(("outcome", "notes"), [("", ""), ("ugly", ""), (ACTED_ON, "x" * (MAX_NOTES + 1))])
def test_a_form_that_does_not_say_what_became_of_it_is_asked_again(
    admin: Client, reviewer: User, plugin: Plugin, outcome: str, notes: str
) -> None:
    one = report(plugin)
    answer = closing(admin, one, outcome, notes)
    assert (answer.status_code, answer.redirect_chain) == (200, [])
    with pytest.raises(ValidationFailed):
        close_report(report=one, reviewer=reviewer, outcome=outcome, notes=notes)
    one.refresh_from_db()
    assert one.closed_at is None


def test_nobody_closes_their_own_or_one_about_their_own(reviewer: User, plugin: Plugin) -> None:
    Plugin.objects.filter(pk=plugin.pk).update(author=reviewer)
    about_own, own = report(plugin), report(publish(reviewer, "another"), user=reviewer)
    for one in (about_own, own):
        with pytest.raises(PermissionDenied):
            close_report(report=one, reviewer=reviewer, outcome=DISMISSED)
    browser = browser_of(reviewer)
    assert "Not yours to close" in browser.get(page_of(own)).content.decode()
    # What users write is never for the plugin's author.
    assert browser.get(page_of(about_own)).status_code == closing(browser, about_own).status_code == 404
    assert listed(browser) == [own]


def test_the_words_of_who_has_left_stay_until_they_are_read(reviewer: User, plugin: Plugin) -> None:
    left, here = report(plugin, text="It sends my notes."), report(plugin, text="Mine, too.", user=reviewer)
    close_report(report=left, reviewer=reviewer, outcome=DISMISSED)
    left.refresh_from_db()
    assert (left.text, left.outcome) == ("", DISMISSED)
    assert PluginReport.objects.get(pk=here.pk).text == "Mine, too."


@pytest.mark.parametrize("path", ["user__gt", "user_id__gte", "plugin__author__gt", "closed_by__lt"])
def test_a_list_tells_no_key_of_a_person_bit_by_bit(admin: Client, plugin: Plugin, path: str) -> None:
    report(plugin)
    assert admin.get(f"{QUEUE}?{path}=00000000-0000-0000-0000-000000000000").status_code == 400


def test_other_staff_and_other_methods_are_refused(admin: Client, staff: Staff, plugin: Plugin) -> None:
    one = report(plugin)
    close = reverse("admin:marketplace_pluginreport_close", args=[one.pk])
    others = browser_of(staff("take_down_plugins", "view_pluginreport", "change_pluginreport"))
    assert [others.get(QUEUE).status_code, others.get(page_of(one)).status_code, others.post(close).status_code] == [
        403
    ] * 3
    assert admin.get(close).status_code == 405
    assert admin.post(page_of(one)).status_code == 405
    assert admin.get(f"{QUEUE}x/change/").status_code == 404


def test_malware_calls_an_operator_until_the_last_report_of_it_is_closed(reviewer: User, plugin: Plugin) -> None:
    report(plugin)
    tell_of_malware()
    assert not OperatorAlert.objects.filter(kind=PLUGIN_MALWARE).exists()
    first, second = report(plugin, reason="malware"), report(plugin, reason="malware")
    for _ in range(2):
        tell_of_malware()
    alert = OperatorAlert.objects.get(kind=PLUGIN_MALWARE)
    assert (alert.reference, alert.resolved_at) == ("tidy", None)
    assert "2 open" in alert.message
    close_report(report=first, reviewer=reviewer, outcome=ACTED_ON)
    alert.refresh_from_db()
    assert (alert.resolved_at, "1 open" in alert.message) == (None, True)
    close_report(report=second, reviewer=reviewer, outcome=ACTED_ON)
    alert.refresh_from_db()
    assert alert.resolved_at is not None


def test_the_first_page_counts_open_reports_and_alarms_of_malware(reviewer: User, plugin: Plugin) -> None:
    def tile() -> Any:
        [found] = [one for one in registry.items_for(reviewer, datetime.now(UTC)) if one.slug == "pending-reviews"]
        return found

    assert (tile().note, tile().alarm) == ("the queue is empty", False)
    report(plugin)
    assert (tile().note, tile().alarm) == ("the queue is empty; 1 report open", False)
    report(plugin, reason="malware")
    assert (tile().note, tile().alarm) == ("the queue is empty; 2 reports open; 1 of malware", True)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_close_it_at_once_one_does(transactional_db: None, staff: Staff) -> None:
    people = [staff("review_plugins") for _ in range(4)]
    one = report(publish(people[0]), reason="malware")

    def outcome(act: Callable[[], object]) -> str:
        try:
            act()
        except Conflict:
            return "refused"
        return "done"

    jobs = [partial(close_report, report=one, reviewer=person, outcome=ACTED_ON) for person in people]
    outcomes = run_concurrently(*(partial(outcome, job) for job in jobs))
    assert sorted(outcomes) == ["done", *["refused"] * 3]
    one.refresh_from_db()
    assert one.closed_by == people[outcomes.index("done")]
