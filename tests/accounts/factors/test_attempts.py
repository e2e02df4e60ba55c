"""How often an account may be wrong about a code."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from accounts.factors import attempts
from accounts.models import SecurityEvent, SecurityEventType, User
from accounts.security_events.recording import Origin, record
from adiuva.api.errors import RateLimited
from tests.accounts.factors.authenticator import App, answer, challenge_of
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
FAILED = SecurityEventType.SECOND_FACTOR_FAILED


def fail(user: User, *ages: timedelta) -> None:
    now = datetime.now(UTC)
    SecurityEvent.objects.bulk_create(SecurityEvent(user=user, at=now - age, type=FAILED) for age in ages)


def minutes(*ages: float) -> list[timedelta]:
    return [timedelta(minutes=age) for age in ages]


def test_new_challenges_are_no_way_round(app: App) -> None:
    for _ in range(2):
        challenge = challenge_of(app.account)
        assert [answer(challenge, code=app.wrong_code()).status for _ in range(5)] == [401] * 5
    challenge = challenge_of(app.account)
    refused = answer(challenge, code=app.code())
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    session = ApiClient().post(
        "auth/reauthenticate", json={"method": "totp", "code": app.code()}, token=app.account.access_token
    )
    assert session.status == 429
    assert SecurityEvent.objects.filter(type=FAILED).count() == 10, "what is refused is no failure"
    assert answer(challenge, method="recovery_code", code=app.recovery_codes[0]).status == 200


def test_a_flood_of_failed_logins_does_not_keep_wrong_codes_from_being_counted(app: App) -> None:
    """What strangers can do without the password."""
    for number in range(60):
        origin = Origin(ip=f"10.0.{number}.1", user_agent="")
        record(SecurityEventType.LOGIN_FAILED, user_id=app.account.user.id, origin=origin)
    for _ in range(2):
        challenge = challenge_of(app.account)
        assert [answer(challenge, code=app.wrong_code()).status for _ in range(5)] == [401] * 5
    assert answer(challenge_of(app.account), code=app.code()).status == 429


def test_wrong_recovery_codes_fill_no_table_and_leave_codes_refused(app: App) -> None:
    fail(app.account.user, *minutes(*range(100, 149)))
    for _ in range(2):
        challenge = challenge_of(app.account)
        assert [answer(challenge, method="recovery_code", code="wrong").status for _ in range(5)] == [401] * 5
    assert SecurityEvent.objects.filter(type=FAILED).count() == 50
    assert answer(challenge_of(app.account), code=app.code()).status == 429


def test_wrong_recovery_codes_count_and_are_not_refused(app: App) -> None:
    fail(app.account.user, *minutes(*range(9)))
    challenge = challenge_of(app.account)
    assert [answer(challenge, method="recovery_code", code="wrong").status for _ in range(2)] == [401, 401]
    assert answer(challenge, code=app.code()).status == 429
    assert answer(challenge, method="recovery_code", code=app.recovery_codes[0]).status == 200


@pytest.mark.parametrize(
    ("ages", "wait"),
    [
        (minutes(*range(9)), None),
        (minutes(*range(50, 60)), 60),
        (minutes(*range(51, 61)), None),
        (minutes(*range(20, 30)), 31 * 60),
        (minutes(0.5, *range(51, 60)), 60),
        (minutes(*range(61, 100)), None),
        (minutes(*range(61, 101)), (24 * 60 - 100) * 60),
        (minutes(*range(61, 100), 24 * 60), None),
    ],
)
def test_ten_an_hour_and_forty_a_day(account: Account, ages: list[timedelta], wait: int | None) -> None:
    fail(account.user, *ages)
    if wait is None:
        attempts.require_chance(user_id=account.user.id)
        return
    with pytest.raises(RateLimited) as refusal:
        attempts.require_chance(user_id=account.user.id)
    assert wait - 5 <= refusal.value.extra["retry_after"] <= wait


def test_guessing_takes_years() -> None:
    """What the module says of itself: 40 tries a day, each right for three of 10⁶ codes."""
    a_day = 1 - (1 - 3 / 10**6) ** attempts.A_DAY
    assert 1 / a_day / 365 > 20


def test_another_accounts_failures_are_not_mine(app: App, make_user: Callable[..., Account]) -> None:
    fail(make_user().user, *minutes(*range(40)))
    assert answer(challenge_of(app.account), code=app.code()).status == 200


@pytest.mark.usefixtures("limits_clock")
def test_each_address_is_limited() -> None:
    body = {"challenge_id": "00000000-0000-4000-8000-000000000000", "method": "totp", "code": "000000"}
    statuses = [ApiClient().post("auth/login/second-factor", json=body).status for _ in range(121)]
    assert statuses == [401] * 120 + [429]
