"""What users report about plugins: who may, what is kept, and how much of it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from accounts import erasure
from billing.subscriptions import set_tier
from billing.tiers import Tier
from marketplace.export import collect_installs
from marketplace.models import PluginPurchase, PluginReport, PurchaseStatus
from marketplace.reports.service import MOST_A_DAY
from tests.accounts.concurrency import run_concurrently
from tests.marketplace.purchases.actions import change, install, publish, take_down, uninstall
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db

MakeUser = Callable[..., Account]
REASONS = ["malware", "privacy", "broken", "copyright", "other"]


@pytest.fixture
def user(make_user: MakeUser) -> Account:
    return make_user(tier="power")


def report(account: Account, slug: str, **body: Any) -> Answer:
    return ApiClient().post(f"plugins/{slug}/reports", json=body, token=account.access_token)


def close(**columns: Any) -> None:
    PluginReport.objects.update(closed_at=datetime.now(UTC), outcome="dismissed", **columns)


@pytest.mark.parametrize("reason", REASONS)
def test_a_report_is_kept_for_reviewers(user: Account, reason: str) -> None:
    plugin = publish()
    answer = report(user, plugin.pk, reason=reason, text=" It sends my notes away. ", user="somebody", outcome="x")
    assert answer.status == 202
    assert answer.json.keys() == {"plugin_id", "version", "reason", "reported_at"}
    kept = PluginReport.objects.get()
    assert (kept.user, kept.plugin, kept.version, kept.reason) == (user.user, plugin, "1.0.0", reason)
    assert (kept.text, kept.closed_at, kept.outcome) == ("It sends my notes away.", None, "")


def test_it_is_about_the_version_that_is_installed(user: Account) -> None:
    plugin = publish()
    install(user, plugin)
    change(plugin, version="2.0.0")
    assert report(user, plugin.pk, reason="broken").json["version"] == "1.0.0"
    close()
    uninstall(user, plugin)
    assert report(user, plugin.pk, reason="broken").json["version"] == "2.0.0"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": "boring"}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": ["broken"]}, "reason"),
        ({"reason": "other"}, "text"),
        ({"reason": "other", "text": " \n"}, "text"),
        ({"reason": "broken", "text": "x" * 2001}, "text"),
        ({"reason": "broken", "text": None}, "text"),
        ({"reason": "broken", "text": 7}, "text"),
        ({"reason": "broken", "text": "a\u0000b"}, None),
        ({"reason": "broken", "text": "\ud800"}, None),
    ],
)
def test_what_is_no_report_is_refused(user: Account, body: dict[str, Any], field: str | None) -> None:
    answer = report(user, publish().pk, **body)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert field is None or list(answer.json["errors"]) == [field]
    assert not PluginReport.objects.exists()


def test_two_thousand_characters_of_any_language_are_taken(user: Account) -> None:
    assert report(user, publish().pk, reason="other", text="\u00fc\U0001f600" * 1000).status == 202


def test_one_is_open_at_a_time_and_another_may_follow_when_it_is_closed(user: Account, make_user: MakeUser) -> None:
    plugin, other = publish(), publish()
    assert report(user, plugin.pk, reason="broken").status == 202
    again = report(user, plugin.pk, reason="malware", text="And worse.")
    assert (again.status, again.code) == (409, "conflict")
    assert report(user, other.pk, reason="broken").status == 202
    assert report(make_user(tier="team"), plugin.pk, reason="broken").status == 202
    close()
    assert report(user, plugin.pk, reason="broken").status == 202


@pytest.mark.django_db(transaction=True)
def test_of_several_at_once_one_is_kept(user: Account) -> None:
    plugin = publish()
    answers = run_concurrently(*(partial(report, user, plugin.pk, reason="broken") for _ in range(3)))
    assert sorted(answer.status for answer in answers) == [202, 409, 409]
    assert PluginReport.objects.count() == 1


@pytest.mark.parametrize("name", ["nothing", "Upper", "a%00b", "w\u00f6rter", "x" * 500])
def test_what_is_not_there_is_404_before_the_body(user: Account, name: str) -> None:
    answer = ApiClient().post(f"plugins/{name}/reports", body=b"{", token=user.access_token)
    assert (answer.status, answer.code) == (404, "not_found")


def test_nobody_reports_their_own(make_user: MakeUser) -> None:
    for tier in ("free", "team"):
        author = make_user(tier=tier)
        answer = report(author, publish(author=author.user).pk, reason="boring")
        assert (answer.status, answer.code) == (403, "permission_denied")


@pytest.mark.parametrize("tier", ["free", "pro"])
def test_on_lower_tiers_only_who_has_had_or_bought_it(make_user: MakeUser, tier: str) -> None:
    account, plugins = make_user(tier="power"), [publish() for _ in range(5)]
    install(account, plugins[0])
    install(account, plugins[1])
    uninstall(account, plugins[1])
    now = datetime.now(UTC)
    for plugin, status in zip(plugins[2:], [PurchaseStatus.PAID, PurchaseStatus.REFUNDED], strict=False):
        PluginPurchase.objects.create(
            plugin=plugin, user=account.user, amount_cents=499, status=status, created_at=now, paid_at=now
        )
    set_tier(user=account.user, tier=Tier(tier))
    answers = [report(account, plugin.pk, reason="broken") for plugin in plugins]
    assert [answer.status for answer in answers] == [202, 202, 202, 202, 403]
    assert {answers[4].code, report(account, "nothing", reason="broken").code} == {"feature_not_available"}


def test_what_is_not_live_is_reported_by_who_has_it_unless_it_was_taken_down(
    user: Account, make_user: MakeUser
) -> None:
    plugin, stranger = publish(), make_user(tier="team")
    install(user, plugin)
    take_down(plugin, "It leaks.")
    answer = report(user, plugin.pk, reason="malware")
    assert (answer.status, answer.code, answer.json["reason"]) == (410, "taken_down", "It leaks.")
    assert report(stranger, plugin.pk, reason="malware").status == 404
    change(plugin, status="withdrawn", takedown_reason="")
    assert report(user, plugin.pk, reason="malware").status == 202
    assert report(stranger, plugin.pk, reason="malware").status == 404
    assert report(stranger, publish(status="pending_review").pk, reason="malware").status == 404


def test_so_many_a_day_are_taken_whatever_becomes_of_them(user: Account, make_user: MakeUser) -> None:
    plugin, now = publish(), datetime.now(UTC)
    for number in range(MOST_A_DAY):
        assert report(user, plugin.pk, reason="broken", text=str(number)).status == 202, number
        close()
    answer = report(user, "nothing", reason="broken")
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert 3600 < int(answer.headers["Retry-After"]) <= 24 * 3600
    assert int(answer.headers["RateLimit-Remaining"]) > 0  # of the minute: what else there is to do goes on
    assert report(make_user(tier="team"), plugin.pk, reason="broken").status == 202
    oldest = PluginReport.objects.filter(user=user.user).earliest("reported_at")
    PluginReport.objects.filter(pk=oldest.pk).update(reported_at=now - timedelta(days=1))
    assert report(user, plugin.pk, reason="broken").status == 202


def test_reports_are_in_the_export_of_who_wrote_them(user: Account, make_user: MakeUser) -> None:
    plugin = publish()
    report(user, plugin.pk, reason="privacy", text="It sends my notes away.")
    close(notes="Among us.")
    report(make_user(tier="team"), plugin.pk, reason="broken", text="Somebody else's.")
    held = collect_installs(user.user.pk)
    assert [(one["plugin_id"], one["reason"], one["text"]) for one in held["reports"]] == [
        (plugin.pk, "privacy", "It sends my notes away.")
    ]
    assert "Among us." not in json.dumps(held, default=str)


def test_of_who_leaves_open_reports_stay_without_them_and_closed_ones_go(user: Account) -> None:
    plugin, other = publish(), publish()
    report(user, plugin.pk, reason="privacy", text="It sent my notes away.")
    close()
    report(user, other.pk, reason="malware", text="It deletes my notes.")
    erasure.close_account(user=user.user)
    assert erasure.erase(user_id=user.user.pk)
    (left,) = PluginReport.objects.all()
    assert (left.user, left.plugin, left.text) == (None, other, "It deletes my notes.")
