"""Where an organisation enforces its provider, no session of a member's begins in another way (docs/api.md § 16)."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import LoginChallenge, MailTokenPurpose, SecurityEvent, Session, SessionQuerySet, User
from accounts.organizations.models import AuditEntry, Membership, SsoSession
from accounts.recovery.mail_tokens import RESET_LIFETIME, issue_token
from accounts.security_events.recording import Origin
from accounts.sessions import Shown, start_session
from tests.accounts.factors.authenticator import App, AppClock, add_app, answer, log_in
from tests.accounts.factors.passkeys.owners import Owner
from tests.accounts.handoff.test_handoff_codes import code_of, redeem
from tests.accounts.organizations.sso.companies import Company, age, deactivate, make_company, provisioned, session_of
from tests.accounts.recovery.actions import NEW_PASSWORD, reset_token
from tests.fakes.authenticator import Authenticator
from tests.support.accounts import Account, make_account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
HERE = Origin(ip=None, user_agent="tests")


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def member(company: Company) -> Account:
    """Of an organisation that enforces its provider from now on."""
    account = company.join()
    company.change(enforced=True)
    return account


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> AppClock:
    clock = AppClock()
    monkeypatch.setattr("accounts.factors.totp.read_clock", lambda: clock.now)
    return clock


def assert_sso_required(answer: Answer, status: int = 403) -> None:
    assert (answer.status, answer.code) == (status, "sso_required"), answer
    assert "access_token" not in answer.json


def sessions_of(account: Account) -> SessionQuerySet:
    found: SessionQuerySet = Session.objects.for_user(account.user.id).exclude(id=account.session_id)
    return found


# Each way in


def test_a_password_begins_none(member: Account) -> None:
    """And the refusal, after the password, says where to sign in: the address alone may not lead there."""
    refused = log_in(member)

    assert_sso_required(refused)
    assert refused.json["organization"] == str(Membership.objects.get(user=member.user).organization_id)
    assert not sessions_of(member).exists()


def test_a_wrong_password_is_told_from_none_by_nothing(member: Account, api: ApiClient, hash_count: list[str]) -> None:
    told = []
    for email in (member.email, "nobody@example.com"):
        hash_count.clear()
        refused = api.post("auth/login", json={"email": email, "password": "wrong password"})
        told.append((refused.status, refused.code, refused.json["detail"], len(hash_count)))
    assert told == [(401, "invalid_credentials", told[0][2], 1)] * 2


def test_a_password_is_refused_before_its_second_factor(company: Company, clock: AppClock) -> None:
    account = company.join()
    add_app(account, clock)
    company.change(enforced=True)
    assert_sso_required(log_in(account))
    assert not LoginChallenge.objects.exists()


def test_a_second_factor_begins_none_that_the_organisation_asks_its_provider_for_meanwhile(
    company: Company, clock: AppClock
) -> None:
    app = add_app(company.join(), clock)
    challenge = log_in(app.account).json["challenge_id"]
    company.change(enforced=True)
    assert_sso_required(answer(challenge, code=app.code()))
    assert not sessions_of(app.account).exists()
    company.change(enforced=False)  # neither is used up
    assert answer(challenge, code=app.code()).status == 200


@pytest.fixture
def passkey(member: Account, api: ApiClient, settings: Any) -> Owner:
    owner = Owner(account=member, device=Authenticator(origin=settings.PUBLIC_ORIGIN), api=api)
    owner.add_passkey()
    return owner


def test_a_passkey_begins_none(passkey: Owner, api: ApiClient) -> None:
    assert_sso_required(api.post("auth/passkeys/login", json=passkey.assertion()))
    assert not sessions_of(passkey.account).exists()


def test_a_passkey_in_the_browser_begins_none(passkey: Owner) -> None:
    verifier = secrets.token_urlsafe(48)
    assert_sso_required(redeem(code_of(passkey, verifier), verifier))
    assert not sessions_of(passkey.account).exists()


def test_a_reset_before_the_first_sign_on_changes_nothing(company: Company, api: ApiClient) -> None:
    """With a password the account would be somebody's: the provider could not let its owner in, nor could anything."""
    company.change(enforced=True)
    user = provisioned(company)
    token = issue_token(user=user, purpose=MailTokenPurpose.RESET, email=user.email, lifetime=RESET_LIFETIME)
    page = Client().post("/account/reset", {"token": token, "password": NEW_PASSWORD})
    assert (page.status_code, "Sign in with your organisation" in page.content.decode()) == (403, True)
    assert_sso_required(api.post("auth/password/reset/confirm", json={"token": token, "new_password": NEW_PASSWORD}))
    user.refresh_from_db()
    assert not user.has_usable_password()
    assert company.sign_in(email=user.email).status == 200


@pytest.mark.parametrize("has_factor", [False, True])
def test_a_reset_changes_the_password_and_begins_none(
    company: Company, clock: AppClock, api: ApiClient, has_factor: bool
) -> None:
    account = company.join()
    if has_factor:
        add_app(account, clock)
    company.change(enforced=True)
    body = {"token": reset_token(account), "new_password": NEW_PASSWORD}
    assert_sso_required(api.post("auth/password/reset/confirm", json=body))
    assert User.objects.get(id=account.user.id).check_password(NEW_PASSWORD)
    assert not Session.objects.for_user(account.user.id).filter(revoked_at__isnull=True).exists()
    assert not LoginChallenge.objects.filter(ended_at__isnull=True).exists()
    assert SecurityEvent.objects.filter(type="password_reset").count() == 1
    again = api.post("auth/password/reset/confirm", json=body)
    assert (again.status, set(again.json["errors"])) == (400, {"token"})


def test_whatever_begins_a_session_has_to_say_how_it_was_shown(member: Account) -> None:
    """So that a way in that is still to come cannot forget it."""
    with pytest.raises(Exception, match="provider") as refused:
        start_session(user=member.user, origin=HERE)
    assert type(refused.value).__name__ == "SsoRequired"
    assert start_session(user=member.user, origin=HERE, shown=Shown.TO_PROVIDER).access_token


# Who it is for


def test_the_provider_begins_one(company: Company, member: Account) -> None:
    company.identify(member)
    assert company.sign_in().status == 200


def not_enforced(company: Company, _: Account) -> None:
    company.change(enforced=False)


def taken_back(_: Company, member: Account) -> None:
    deactivate(member)


def gone(company: Company, _: Account) -> None:
    company.connection.delete()


@pytest.mark.parametrize("change", [not_enforced, taken_back, gone])
def test_to_who_is_not_asked_a_password_is_enough(
    company: Company, member: Account, change: Callable[[Company, Account], None]
) -> None:
    change(company, member)
    assert log_in(member).status == 200


def test_to_a_stranger_it_is_nothing(member: Account) -> None:
    assert log_in(make_account()).status == 200


def test_it_outlives_the_subscription(company: Company, member: Account) -> None:
    company.owner.user.subscription.delete()
    assert_sso_required(log_in(member))


# A session that is there


def test_a_session_that_is_there_goes_on(member: Account, api: ApiClient) -> None:
    assert api.get("auth/me", token=member.access_token).status == 200
    assert api.post("auth/refresh", json={"refresh_token": member.refresh_token}).status == 200


def change_password(account: Account, token: str) -> Answer:
    body = {"current_password": account.password, "new_password": NEW_PASSWORD}
    return ApiClient().post("auth/password", json=body, token=token)


def test_a_password_can_be_changed_in_it(member: Account) -> None:
    assert change_password(member, member.access_token).status == 200


def test_a_changed_password_makes_no_session_younger(company: Company, member: Account, api: ApiClient) -> None:
    age(Session.objects.get(id=member.session_id), hours=23)
    changed = change_password(member, member.access_token).json
    assert api.post("auth/refresh", json={"refresh_token": changed["refresh_token"]}).status == 200
    company.change(session_hours=23)
    assert_sso_required(api.post("auth/refresh", json={"refresh_token": changed["refresh_token"]}), 401)


def test_a_changed_password_leaves_a_session_the_providers(company: Company, member: Account) -> None:
    company.identify(member)
    tokens = company.sign_in(sid="session 1").json
    before = SsoSession.objects.get()
    assert change_password(member, tokens["access_token"]).status == 200
    after = SsoSession.objects.exclude(pk=before.pk).get()
    assert after.session == session_of(member.user)
    assert (after.identity, after.provider_session_id) == (before.identity, "session 1")
    assert after.authenticated_at == before.authenticated_at


def test_an_ended_session_changes_no_password(member: Account) -> None:
    Session.objects.all().delete()
    assert change_password(member, member.access_token).status == 401
    assert User.objects.get(id=member.user.id).check_password(member.password)


# Break-glass codes


def break_in(account: Account, code: str, *, password: str | None = None) -> Answer:
    body = {"email": account.email, "password": password or account.password, "break_glass_code": code}
    return ApiClient().post("auth/login", json=body)


def test_a_break_glass_code_passes_with_the_password_and_once(company: Company, member: Account) -> None:
    code = company.break_glass_codes()[3]
    assert break_in(member, code).status == 200
    assert company.audit()[-1] == ("break_glass_code_used", "member", None)
    assert AuditEntry.objects.get(type="break_glass_code_used").actor == member.user
    again = break_in(member, code)
    assert (again.status, again.code) == (401, "invalid_credentials")


def test_a_code_may_be_typed_as_people_type(company: Company, member: Account) -> None:
    code = company.break_glass_codes()[0]
    assert break_in(member, f" {code.replace('-', ' ').upper()} ").status == 200


def test_a_code_without_the_password_is_nothing_and_stays_good(company: Company, member: Account) -> None:
    code = company.break_glass_codes()[0]
    refused = break_in(member, code, password="wrong password")
    assert (refused.status, refused.code) == (401, "invalid_credentials")
    assert break_in(member, code).status == 200


@pytest.mark.parametrize("code", ["wrong", "", " ", "\0", "é" * 64])
def test_a_wrong_code_is_as_a_wrong_password(company: Company, member: Account, code: str) -> None:
    company.break_glass_codes()
    refused = break_in(member, code)
    assert refused.status in {400, 401}
    if refused.status == 401:
        assert refused.code == "invalid_credentials"
        assert SecurityEvent.objects.filter(type="login_failed", user=member.user).exists()


def test_a_code_of_another_organisation_is_none(company: Company, member: Account) -> None:
    company.organization.domains.all().delete()
    other = make_company(enforced=True)
    assert break_in(member, other.break_glass_codes()[0]).status == 401


def test_a_code_where_nothing_is_enforced_is_not_used_up(company: Company, member: Account) -> None:
    code = company.break_glass_codes()[0]
    company.change(enforced=False)
    assert break_in(member, code).status == 200
    company.change(enforced=True)
    assert break_in(member, code).status == 200


@pytest.fixture
def app(company: Company, clock: AppClock) -> App:
    """Of a member of an organisation that enforces its provider."""
    app = add_app(company.join(), clock)
    company.change(enforced=True)
    return app


def test_a_code_takes_the_place_of_the_provider_and_not_of_the_second_factor(company: Company, app: App) -> None:
    code = company.break_glass_codes()[0]
    waiting = break_in(app.account, code)
    assert (waiting.status, waiting.code) == (403, "second_factor_required")
    assert answer(waiting.json["challenge_id"], code=app.code()).status == 200
    assert company.audit()[-1][0] == "break_glass_code_used"
    assert break_in(app.account, code).status == 401


def test_a_code_stays_good_until_the_second_factor_is_there(company: Company, app: App) -> None:
    code = company.break_glass_codes()[0]
    first = break_in(app.account, code).json["challenge_id"]
    assert answer(first, code=app.wrong_code()).status == 401
    second = break_in(app.account, code).json["challenge_id"]
    assert_sso_required(answer(first, code=app.code()))  # the code is the later login's
    assert answer(second, code=app.code()).status == 200


def test_new_codes_void_one_that_a_login_holds(company: Company, app: App) -> None:
    challenge = break_in(app.account, company.break_glass_codes()[0]).json["challenge_id"]
    company.break_glass_codes()
    assert_sso_required(answer(challenge, code=app.code()))
