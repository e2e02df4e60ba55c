"""`GET /auth/events`, and how failures by strangers are kept from filling it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.test import RequestFactory

from accounts import jobs
from accounts.models import SecurityEvent, SecurityEventType, User
from accounts.security_events import recording
from accounts.security_events.recording import Origin, origin_of, record
from tests.accounts.concurrency import run_concurrently
from tests.accounts.every_table import fill_every_table
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
FAILED = SecurityEventType.LOGIN_FAILED


def events(account: Account, query: str = "") -> dict[str, Any]:
    answer = ApiClient().get(f"auth/events{query}", token=account.access_token)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.json
    return found


def origin(ip: str | None) -> Origin:
    return Origin(ip=ip, user_agent="somebody")


def test_they_are_the_owners_newest_first_with_where_they_came_from(make_user: MakeUser) -> None:
    account, other = make_user(), make_user()
    session = uuid4()
    record(SecurityEventType.LOGOUT, user_id=account.user.id, origin=origin("2001:db8::1"), session_id=session)
    record(SecurityEventType.PASSWORD_RESET, user_id=other.user.id, origin=None)
    page = events(account)
    assert (page["total"], page["page"], page["limit"]) == (2, 1, 50)
    assert page["items"][0] == {
        "at": page["items"][0]["at"],
        "type": "logout",
        "session_id": str(session),
        "ip": "2001:db8::1",
        "user_agent": "somebody",
    }
    assert page["items"][1]["type"] == "login"
    assert [one["type"] for one in events(account, "?limit=1&page=2")["items"]] == ["login"]
    assert ApiClient().get("auth/events?limit=0", token=account.access_token).status == 400


def test_what_is_older_than_90_days_is_told_to_nobody_and_goes(make_user: MakeUser) -> None:
    account = make_user()
    now = datetime.now(UTC)
    for days in (89, 91, 400):
        SecurityEvent.objects.create(user=account.user, type="logout", at=now - timedelta(days=days))
    assert events(account)["total"] == 2
    call_command("purge_tokens", "--dry-run")
    assert SecurityEvent.objects.count() == 4
    call_command("purge_tokens")
    assert SecurityEvent.objects.count() == 2
    SecurityEvent.objects.update(at=now - timedelta(days=91))
    jobs.purge_tokens.function()
    assert SecurityEvent.objects.count() == 0


def test_the_purge_takes_what_is_over_and_nothing_else(make_user: MakeUser, monkeypatch: Any) -> None:
    user = make_user().user
    fill_every_table(user)
    tables = [relation.related_model for relation in User._meta.related_objects if not relation.many_to_many]
    ours = [one for one in tables if one._meta.app_label == "accounts"]
    before = {one: one._default_manager.count() for one in ours}
    jobs.purge_tokens.function()
    assert {one: one._default_manager.count() for one in ours} == before
    assert len(before) >= 10

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=100)

    monkeypatch.setattr(jobs, "datetime", Later)
    jobs.purge_tokens.function()
    left = {one._meta.db_table for one in ours if one._default_manager.count()}
    assert left == {"factors", "key_envelopes", "recovery_codes"}


def test_failures_from_one_network_are_one_event_in_ten_minutes(make_user: MakeUser, monkeypatch: Any) -> None:
    account = make_user()
    moment = datetime(2026, 11, 28, 12, 1, tzinfo=UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return moment.astimezone(tz)

    monkeypatch.setattr(recording, "datetime", Clock)
    for address in ("192.0.2.1", "192.0.2.77", "192.0.2.1", "198.51.100.1", "2001:db8::1", "2001:db8::2", None, None):
        record(FAILED, user_id=account.user.id, origin=origin(address))
    failed = SecurityEvent.objects.for_user(account.user.id).filter(type=FAILED)
    assert sorted(failed.values_list("network", flat=True)) == ["", "192.0.2.0/24", "198.51.100.0/24", "2001:db8::/48"]
    record(SecurityEventType.SECOND_FACTOR_FAILED, user_id=account.user.id, origin=origin("192.0.2.1"))
    moment += timedelta(minutes=10)
    record(FAILED, user_id=account.user.id, origin=origin("192.0.2.1"))
    assert failed.count() == 5


def test_failures_from_everywhere_are_bounded_by_day_and_hide_nothing(
    make_user: MakeUser, caplog: pytest.LogCaptureFixture
) -> None:
    account, other = make_user(), make_user()
    for number in range(200):
        record(FAILED, user_id=account.user.id, origin=origin(f"10.{number}.0.1"))
    record(SecurityEventType.PASSWORD_CHANGED, user_id=account.user.id, origin=origin("10.0.0.1"))
    record(FAILED, user_id=other.user.id, origin=origin("10.0.0.1"))
    kinds = [one["type"] for one in events(account, "?limit=200")["items"]]
    assert kinds == ["password_changed", *["login_failed"] * 50, "login"]
    assert "many failed logins" in caplog.text
    assert SecurityEvent.objects.for_user(other.user.id).filter(type=FAILED).exists()
    SecurityEvent.objects.filter(type=FAILED).update(at=datetime.now(UTC) - timedelta(hours=25), slot=None)
    record(FAILED, user_id=account.user.id, origin=origin("10.0.0.1"))
    assert SecurityEvent.objects.for_user(account.user.id).filter(type=FAILED).count() == 51


@pytest.mark.django_db(transaction=True)
def test_of_failures_at_once_one_is_kept(make_user: MakeUser) -> None:
    user = make_user().user

    def fail() -> None:
        record(FAILED, user_id=user.id, origin=origin("192.0.2.1"))

    run_concurrently(*[fail] * 8)
    assert SecurityEvent.objects.for_user(user.id).filter(type=FAILED).count() in (1, 2)  # where ten minutes ended


@pytest.mark.django_db(transaction=True)
def test_a_login_that_fails_while_the_account_is_erased_is_kept_nowhere() -> None:
    """The account was there when its password was compared."""
    record(FAILED, user_id=uuid4(), origin=origin("192.0.2.1"))
    assert not SecurityEvent.objects.exists()


def test_a_wrong_password_is_an_event_of_the_account(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    for _ in range(3):
        api.post("auth/login", json={"email": account.email, "password": "a wrong one"}, REMOTE_ADDR="203.0.113.9")
    items = events(account)["items"]
    assert [(one["type"], one["ip"], one["session_id"]) for one in items][:2] == [
        ("login_failed", "203.0.113.9", None),
        ("login", "192.0.2.7", str(account.session_id)),
    ]


@pytest.mark.parametrize(
    ("seen", "ip", "network"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
        ("2001:DB8:1:2::7", "2001:db8:1:2::7", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::1", "fe80::/48"),
        ("", None, ""),
        ("unix:", None, ""),
        ("a proxy's name", None, ""),
    ],
)
def test_an_address_is_what_the_server_was_told(seen: str, ip: str | None, network: str) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=seen, headers={"User-Agent": "x" * 300})
    found = origin_of(request)
    assert (found.ip, found.network, len(found.user_agent)) == (ip, network, 256)
