"""An author's record beside a submission."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from marketplace.models import Plugin, PluginReport, PluginVersion, ReportOutcome
from marketplace.review.authors import MOST_SHOWN, record_of
from marketplace.review.decisions import approve, reinstate, reject, take_down, take_down_version
from marketplace.review.withdrawals import withdraw_version
from tests.marketplace.review.submissions import publish, submit
from tests.support.accounts import Account

MakeUser = Callable[..., Account]
pytestmark = pytest.mark.django_db


def report(plugin: Plugin, outcome: str = "", user: User | None = None) -> None:
    now = datetime.now(UTC)
    PluginReport.objects.create(
        plugin=plugin,
        user=user,
        version="1.0.0",
        reason="broken",
        reported_at=now,
        outcome=outcome,
        closed_at=now if outcome else None,
    )


def test_somebodys_first_submission_is_known_as_that(author: User) -> None:
    User.objects.filter(pk=author.pk).update(
        created_at=datetime.now(UTC) - timedelta(days=3, minutes=1), email_verified_at=None
    )
    author.refresh_from_db()
    first = submit(author=author)
    record = record_of(author, version=first)
    assert (record.age.replace("\xa0", " "), record.is_verified, record.is_first) == ("3 days", False, True)
    assert (record.submissions, record.pending, record.takedowns, record.others) == (1, 1, 0, [])
    assert record_of(author, version=submit("second", author=author)).is_first is False
    assert record_of(author, version=first).is_first is True


def test_what_became_of_the_rest_is_counted(reviewer: User, author: User, make_user: MakeUser) -> None:
    plugin = publish(reviewer, "kept", author=author)
    Plugin.objects.filter(pk="kept").update(install_count=7)
    for reason in ("broken", "broken", "privacy"):
        reject(
            version=submit(f"bad-{PluginVersion.objects.count()}", author=author), reviewer=reviewer, reason_code=reason
        )
    withdraw_version(version=submit("gone", author=author), author=author)
    worse = submit("kept", "2.0.0")
    approve(version=worse, reviewer=reviewer)
    take_down_version(version=worse, operator=reviewer, reason="It fails.")
    take_down(plugin=plugin, operator=reviewer, reason="It sends notes away.")
    reinstate(plugin=plugin, operator=reviewer, notes="Mended.")
    report(plugin, user=author)
    report(plugin, ReportOutcome.ACTED_ON)
    report(plugin, ReportOutcome.DISMISSED)
    report(publish(reviewer, "others", author=make_user().user))
    record = record_of(author, version=submit("new", author=author))
    assert (record.submissions, record.approved, record.rejected, record.withdrawn, record.pending) == (7, 1, 3, 1, 1)
    assert record.rejections == [("Does not work", 2), ("Sends or keeps data without saying so", 1)]
    assert (record.takedowns, record.open_reports, record.reports_acted_on, record.reports_dismissed) == (2, 1, 1, 1)
    assert [(other.pk, other.install_count) for other in record.others] == [("kept", 7)]


def test_it_costs_the_same_for_many_and_shows_a_few(reviewer: User, author: User) -> None:
    version = submit("new", author=author)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            record_of(author, version=version)
        return len(queries)

    before = count()
    for number in range(MOST_SHOWN + 2):
        report(publish(reviewer, f"plugin-{number}", author=author))
    assert count() == before
    record = record_of(author, version=version)
    assert (record.live_plugins, len(record.others)) == (MOST_SHOWN + 2, MOST_SHOWN)


def test_the_page_shows_the_record_and_the_names_it_resembles(
    admin: Client, reviewer: User, author: User, staff: Any
) -> None:
    publish(reviewer, "focus-timer", author=staff())
    page = admin.get(
        reverse(
            "admin:marketplace_pluginversion_change", args=[submit(author=author, name="Focus Timer (Official)").pk]
        )
    ).content.decode()
    for shown in ("first submission", "address verified", "Contains the plugin “Focus Timer”.", "“official” claims"):
        assert shown in page
    assert reverse("admin:marketplace_plugin_change", args=["focus-timer"]) in page
    orphan = admin.get(reverse("admin:marketplace_pluginversion_change", args=[submit("orphan").pk]))
    assert "The author has left." in orphan.content.decode()
