"""Passwords are also checked by the admin's login and changed by its form and by an operator's command."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client
from django.test.client import RequestFactory

from accounts.login_limits import PER_ACCOUNT, LimitedBackend
from accounts.models import Session, User
from tests.accounts.conftest import Clock
from tests.accounts.organizations.sso.companies import make_company
from tests.support.accounts import PASSWORD, Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


@pytest.fixture
def member(make_user: MakeUser) -> Account:
    """A staff member."""
    account = make_user()
    User.objects.filter(id=account.user.id).update(is_staff=True)
    return account


def admin_login(account: Account, password: str, client: Client | None = None) -> bool:
    form = {"username": account.email.upper(), "password": password}
    return (client or Client()).post("/admin/login/", form).status_code == 302


def test_staff_logs_into_the_admin_with_the_password_of_the_api(member: Account) -> None:
    assert admin_login(member, PASSWORD)
    assert not admin_login(member, "wrong password")


def test_an_account_that_is_not_staff_cannot_log_into_the_admin(make_user: MakeUser) -> None:
    assert not admin_login(make_user(), PASSWORD)


def test_the_admin_is_the_operators_and_no_organisation_closes_it(member: Account) -> None:
    make_company(enforced=True).join(member)
    assert admin_login(member, PASSWORD)


def test_guesses_at_the_admin_and_at_the_api_share_one_limit(
    api: ApiClient, member: Account, limits_clock: Clock
) -> None:
    for _ in range(PER_ACCOUNT // 2):
        assert api.post("auth/login", json={"email": member.email, "password": "wrong password"}).status == 401
        assert not admin_login(member, "wrong password")
    assert not admin_login(member, PASSWORD)
    assert api.post("auth/login", json={"email": member.email, "password": PASSWORD}).status == 429
    limits_clock.now += 61
    assert admin_login(member, PASSWORD)


@pytest.mark.parametrize(("password", "hashes"), [("wrong password", 1), ("wrong cafe\u0301", 2)])
def test_a_failed_admin_login_costs_as_many_hashes_whoever_it_names(
    member: Account, make_user: MakeUser, hash_count: list[str], password: str, hashes: int
) -> None:
    disabled = make_user()
    User.objects.filter(id=disabled.user.id).update(is_active=False)
    for email in (member.email, disabled.email, "nobody@example.com"):
        hash_count.clear()
        Client().post("/admin/login/", {"username": email, "password": password})
        assert len(hash_count) == hashes, email


def test_code_that_authenticates_without_a_request_is_not_limited(member: Account) -> None:
    backend = LimitedBackend()
    for _ in range(PER_ACCOUNT + 1):
        assert backend.authenticate(None, username=member.email, password="wrong password") is None
    assert backend.authenticate(None, username=member.email, password=PASSWORD) == member.user
    assert backend.authenticate(RequestFactory().get("/"), username=None, password=PASSWORD) is None


def test_a_password_changed_in_the_admin_ends_the_sessions(api: ApiClient, member: Account) -> None:
    browser = Client()
    assert admin_login(member, PASSWORD, browser)
    form = {"old_password": PASSWORD, "new_password1": "another good one", "new_password2": "another good one"}
    assert browser.post("/admin/password_change/", form).status_code == 302
    assert api.get("auth/me", token=member.access_token).status == 401
    assert api.post("auth/refresh", json={"refresh_token": member.refresh_token}).status == 401


def test_an_operator_who_sets_a_password_ends_the_sessions(
    api: ApiClient, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, other = make_user(), make_user()
    monkeypatch.setattr("getpass.getpass", lambda **_: "another good one")
    call_command("changepassword", account.email)
    assert api.get("auth/me", token=account.access_token).status == 401
    assert api.get("auth/me", token=other.access_token).status == 200


def test_a_hash_that_is_upgraded_at_a_login_ends_nothing(
    api: ApiClient, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_user()
    monkeypatch.setattr("tests.support.hashers.CheapBCrypt.rounds", 5)
    assert api.post("auth/login", json={"email": account.email, "password": PASSWORD}).status == 200
    assert User.objects.get(id=account.user.id).password != account.user.password
    assert api.get("auth/me", token=account.access_token).status == 200
    assert Session.objects.filter(user_id=account.user.id, revoked_at__isnull=True).count() == 2


def ours() -> list[str]:
    """What the accounts' system checks say."""
    return [message.id for message in run_checks() if message.id and message.id.startswith("accounts.")]


@pytest.mark.parametrize(
    ("setting", "value", "identity"),
    [
        ("AUTH_PASSWORD_VALIDATORS", [], "accounts.E001"),
        ("AUTHENTICATION_BACKENDS", ["django.contrib.auth.backends.ModelBackend"], "accounts.E002"),
        ("PASSWORD_HASHERS", ["django.contrib.auth.hashers.BCryptPasswordHasher"], "accounts.E003"),
    ],
)
def test_the_checks_name_a_setting_that_breaks_a_promise(
    settings: Any, setting: str, value: list[str], identity: str
) -> None:
    assert ours() == []
    setattr(settings, setting, value)
    assert ours() == [identity]
