"""Showing once more who one is; and deleting an account, which asks for that or the password."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import SecurityEvent, Session, User
from tests.accounts.factors.authenticator import App
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
SHOWS_IT = "auth/factors/recovery-codes"  # asks for a fresh session


def make_stale(account: Account) -> None:
    Session.objects.filter(id=account.session_id).update(fresh_at=datetime.now(UTC) - timedelta(minutes=11))


def is_fresh(account: Account) -> bool:
    return ApiClient().post(SHOWS_IT, token=account.access_token).status != 403


def again(account: Account, **body: Any) -> Answer:
    return ApiClient().post("auth/reauthenticate", json=body, token=account.access_token)


def test_the_password_freshens_a_session(account: Account) -> None:
    make_stale(account)
    assert not is_fresh(account)
    assert again(account, password=account.password).status == 204
    assert is_fresh(account)


def test_and_that_session_alone(account: Account) -> None:
    credentials = {"email": account.email, "password": account.password}
    other = ApiClient().post("auth/login", json=credentials).json["access_token"]
    Session.objects.update(fresh_at=None)
    assert again(account, password=account.password).status == 204
    assert ApiClient().post(SHOWS_IT, token=other).code == "reauthentication_required"


@pytest.mark.parametrize("method", ["totp", "recovery_code"])
def test_a_second_factor_does_too(app: App, method: str) -> None:
    make_stale(app.account)
    code = app.code() if method == "totp" else app.recovery_codes[0]
    assert again(app.account, method=method, code=code).status == 204
    assert is_fresh(app.account)
    make_stale(app.account)
    assert again(app.account, method=method, code=code).status == 400, "a code counts once"


def test_with_a_factor_the_password_is_still_enough(app: App) -> None:
    make_stale(app.account)
    assert again(app.account, password=app.account.password).status == 204
    assert is_fresh(app.account)


def test_what_is_wrong_is_told_on_its_field_and_recorded(app: App) -> None:
    make_stale(app.account)
    wrong_password = again(app.account, password="not the password")
    wrong_code = again(app.account, method="totp", code=app.wrong_code())
    assert [(one.status, list(one.json["errors"])) for one in (wrong_password, wrong_code)] == [
        (400, ["password"]),
        (400, ["code"]),
    ]
    assert not is_fresh(app.account)
    failures = SecurityEvent.objects.filter(type__in=("login_failed", "second_factor_failed"))
    assert set(failures.values_list("type", "session_id")) == {
        ("login_failed", app.account.session_id),
        ("second_factor_failed", app.account.session_id),
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "non_field_errors"),
        ({"password": "x", "method": "totp", "code": "123456"}, "non_field_errors"),
        ({"method": "totp"}, "code"),
        ({"method": "passkey"}, "credential"),
        ({"method": "sms", "code": "123456"}, "method"),
        ({"password": 12345678}, "password"),
    ],
)
def test_a_body_that_says_neither_is_refused(account: Account, body: Any, field: str) -> None:
    refused = again(account, **body)
    assert (refused.status, list(refused.json["errors"])) == (400, [field])


def test_without_a_factor_any_code_is_wrong(account: Account) -> None:
    assert again(account, method="totp", code="123456").status == 400
    assert again(account, method="recovery_code", code="abcd").status == 400


def test_guessing_the_password_is_limited_for_each_account(account: Account, make_user: Callable[..., Account]) -> None:
    answers = [again(account, password="not the password").status for _ in range(21)]
    assert answers == [400] * 20 + [429]
    other = make_user()
    assert again(other, password=other.password).status == 204


def delete(account: Account, body: Any = None) -> Answer:
    return ApiClient().delete("auth/me", json=body, token=account.access_token)


@pytest.mark.parametrize("body", [None, {}])
def test_in_a_fresh_session_an_account_is_deleted_without_the_password(account: Account, body: Any) -> None:
    assert delete(account, body).status == 202
    assert not User.objects.filter(id=account.user.id).exists()


@pytest.mark.parametrize("body", [None, {}])
def test_in_a_stale_one_it_is_not(account: Account, body: Any) -> None:
    make_stale(account)
    refused = delete(account, body)
    assert (refused.status, refused.code) == (403, "reauthentication_required")
    assert User.objects.get(id=account.user.id).is_active


def test_in_a_stale_one_it_is_by_the_password(account: Account) -> None:
    make_stale(account)
    assert delete(account, {"password": account.password}).status == 202


def test_a_wrong_password_is_refused_in_a_fresh_one_too(account: Account) -> None:
    refused = delete(account, {"password": "not the password"})
    assert (refused.status, list(refused.json["errors"])) == (400, ["password"])
    assert User.objects.get(id=account.user.id).is_active
