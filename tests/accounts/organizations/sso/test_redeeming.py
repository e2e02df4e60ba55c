"""From what a provider has proven to a session: POST /auth/sso/token (docs/api.md § 16)."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from accounts.models import EmailChange, SecurityEvent, Session, User
from accounts.organizations.models import (
    Connection,
    Domain,
    Identity,
    InvitationState,
    Membership,
    Role,
    SsoSession,
)
from tests.accounts.concurrency import run_concurrently
from tests.accounts.factors.authenticator import AppClock, add_app
from tests.accounts.organizations.sso.companies import ALICE, Company, deactivate, make_company, provisioned, user_of
from tests.support.accounts import Account, make_account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import make_connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


def assert_refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code)


# Who is known


def test_who_is_known_signs_in_whatever_the_provider_calls_them(company: Company, api: ApiClient) -> None:
    account = company.join()
    identity = company.identify(account)
    for email, verified in ((ALICE, True), ("bob@elsewhere.example", False), (None, False)):
        answer = company.sign_in(email=email, email_verified=verified)
        assert answer.status == 200, answer
        assert api.get("auth/me", token=answer.json["access_token"]).json["email"] == account.email
    identity.refresh_from_db()
    assert identity.last_used_at is not None


def test_the_session_knows_where_it_began_and_is_a_login(company: Company) -> None:
    account = company.join()
    identity = company.identify(account)
    assert company.sign_in(sid="session 1").status == 200
    begun = SsoSession.objects.get()
    assert (begun.identity, begun.provider_session_id) == (identity, "session 1")
    assert begun.session.fresh_at is not None
    assert SecurityEvent.objects.filter(type="login", session_id=begun.session_id).count() == 1


def test_an_identity_is_never_an_address(company: Company) -> None:
    account = company.join(make_account(email=ALICE))
    company.identify(account, "alice")
    assert_refused(company.sign_in("somebody else", ALICE), 403, "link_required")


def test_the_same_subject_of_another_issuer_is_somebody_else(company: Company) -> None:
    account = company.join(make_account(email=ALICE))
    company.identify(account, issuer="https://old.example")
    assert_refused(company.sign_in(), 403, "link_required")


def test_the_same_subject_of_another_connection_is_somebody_else(company: Company) -> None:
    company.identify(company.join())
    Domain.objects.all().delete()
    other = make_company()
    assert_refused(other.sign_in(), 403, "not_provisioned")


def test_the_accounts_own_second_factor_is_the_providers_to_ask(company: Company, clock: AppClock) -> None:
    account = company.join()
    add_app(account, clock)
    company.identify(account)
    assert company.sign_in().status == 200


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> AppClock:
    clock = AppClock()
    monkeypatch.setattr("accounts.factors.totp.read_clock", lambda: clock.now)
    return clock


def test_who_is_no_member_any_more_is_not_provisioned(company: Company) -> None:
    account = company.join()
    company.identify(account)
    Membership.objects.filter(user=account.user).delete()
    assert_refused(company.sign_in(), 403, "not_provisioned")


def test_who_the_directory_has_taken_back_is_not_provisioned_even_just_in_time(company: Company) -> None:
    company.change(just_in_time=True)
    account = company.join(make_account(email=ALICE))
    company.identify(account)
    deactivate(account)
    assert_refused(company.sign_in(), 403, "not_provisioned")
    Identity.objects.all().delete()
    assert_refused(company.sign_in(), 403, "not_provisioned")
    assert not Membership.objects.get(user=account.user).active


@pytest.mark.parametrize(("active", "code"), [(False, "not_provisioned"), (True, "link_required")])
def test_whom_the_directory_calls_by_an_address_is_who_has_it(company: Company, *, active: bool, code: str) -> None:
    """Also where the account has another address since: nobody comes in anew, nor a second time."""
    company.change(just_in_time=True)
    account = company.join(make_account(email="alice@elsewhere.example"))
    Membership.objects.filter(user=account.user).update(user_name="Alice@acme.example")
    if not active:
        deactivate(account)
    before = User.objects.count()
    assert_refused(company.sign_in(), 403, code)
    assert User.objects.count() == before


def test_a_closed_account_is_nobodys(company: Company) -> None:
    account = company.join()
    company.identify(account)
    User.objects.filter(id=account.user.id).update(is_active=False)
    assert_refused(company.sign_in(), 401, "invalid_grant")


def test_a_code_is_worth_nothing_once_the_connection_is_gone_or_to_another_provider(company: Company) -> None:
    company.identify(company.join())
    first, second = company.code(), company.code()
    company.change(issuer="https://new.example")
    assert_refused(ApiClient().post("auth/sso/token", json=first), 401, "invalid_grant")
    Connection.objects.all().delete()
    assert_refused(ApiClient().post("auth/sso/token", json=second), 401, "invalid_grant")


def test_a_refused_sign_on_leaves_nothing_behind(company: Company) -> None:
    before = Session.objects.count(), User.objects.count()
    assert company.sign_in().status == 403
    assert (Session.objects.count(), User.objects.count(), Identity.objects.count()) == (*before, 0)


# Who is not known


@pytest.mark.parametrize(
    ("email", "verified"),
    [
        (None, False),
        (ALICE, False),
        ("no address", True),
        ("a" * 300 + "@acme.example", True),
        ("\0@acme.example", True),
    ],
)
def test_an_address_has_to_be_verified(company: Company, email: str | None, verified: bool) -> None:
    company.change(just_in_time=True)
    assert_refused(company.sign_in(email=email, email_verified=verified), 403, "email_not_verified")


def test_an_address_has_to_be_in_a_domain_that_this_organisation_has_proven(company: Company) -> None:
    company.change(just_in_time=True)
    Domain.objects.update(verified_at=None)
    assert_refused(company.sign_in(), 403, "not_provisioned")
    other = make_company(just_in_time=True)
    assert_refused(company.sign_in(), 403, "not_provisioned")
    assert_refused(other.sign_in(email="alice@mail.acme.example"), 403, "not_provisioned")


def test_without_an_invitation_and_not_just_in_time_nobody_comes_in(company: Company) -> None:
    assert_refused(company.sign_in(), 403, "not_provisioned")


def test_just_in_time_makes_an_account_and_a_member(company: Company, api: ApiClient) -> None:
    company.change(just_in_time=True)
    answer = company.sign_in(email="Alice@ACME.example")
    assert answer.status == 200, answer
    profile = api.get("auth/me", token=answer.json["access_token"]).json
    assert (profile["email"], profile["email_verified"]) == (ALICE, True)
    user = user_of()
    assert not user.has_usable_password()
    membership = Membership.objects.get(user=user)
    assert (membership.role, membership.is_provisioned) == ("member", True)
    assert company.audit() == [("member_provisioned", "sso", user.id)]
    assert company.sign_in(email="other@elsewhere.example").status == 200
    assert User.objects.filter(email__endswith="acme.example").count() == 1


def test_just_in_time_needs_a_free_seat() -> None:
    company = make_company(seats=1, just_in_time=True)
    assert_refused(company.sign_in(), 403, "not_provisioned")
    company.invite()
    assert_refused(company.sign_in(), 403, "not_provisioned")


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
def test_an_invitation_is_accepted_with_its_role(company: Company, role: Role) -> None:
    invitation = company.invite(role=role)
    assert company.sign_in().status == 200
    invitation.refresh_from_db()
    assert invitation.state == InvitationState.ACCEPTED
    user = user_of()
    assert Membership.objects.get(user=user).role == role
    assert Counter(company.audit()) == Counter(
        [("member_provisioned", "sso", user.id), ("invitation_accepted", "sso", user.id)]
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"state": InvitationState.REVOKED},
        {"expires_at": datetime.now(UTC) - timedelta(seconds=1), "created_at": datetime.now(UTC) - timedelta(days=8)},
        {"email": "bob@acme.example", "address_key": "bob@acme.example"},
        {"role": Role.OWNER},
    ],
    ids=["revoked", "expired", "another's", "to be an owner: an admin chooses the provider"],
)
def test_an_invitation_that_is_none_any_more_lets_nobody_in(company: Company, changes: dict[str, Any]) -> None:
    company.invite(**changes)
    assert_refused(company.sign_in(), 403, "not_provisioned")


# Who has an account


@pytest.mark.parametrize("is_member", [True, False])
def test_an_account_with_the_address_has_to_be_linked_by_its_owner(company: Company, is_member: bool) -> None:
    company.change(just_in_time=True)
    company.invite()
    account = make_account(email=ALICE)
    if is_member:
        company.join(account)
    assert_refused(company.sign_in(), 403, "link_required")
    assert not Identity.objects.exists()


def test_an_account_that_the_directory_made_and_nobody_used_is_linked_by_its_address(company: Company) -> None:
    user = provisioned(company)
    assert company.sign_in().status == 200
    assert Identity.objects.get().user == user
    assert company.audit()[-1] == ("sso_linked", "sso", user.id)


def given_a_password(user: User, _: Company) -> None:
    user.set_password("a good long password")
    user.save()


def given_an_identity(user: User, company: Company) -> None:
    Identity.objects.create(
        connection=company.connection, issuer="https://old.example", subject="x", user=user, linked_at=datetime.now(UTC)
    )


def given_a_passkey(user: User, _: Company) -> None:
    now = datetime.now(UTC)
    user.factors.create(type="passkey", name="", created_at=now, confirmed_at=now, credential_id="x", public_key=b"x")


def closed(user: User, _: Company) -> None:
    user.is_active = False
    user.save()


def made_by_its_owner(user: User, _: Company) -> None:
    Membership.objects.filter(user=user).update(is_provisioned=False)


def made_an_owner(user: User, _: Company) -> None:
    Membership.objects.filter(user=user).update(role=Role.OWNER)


def signed_in_before_the_connection_was_made_anew(_: User, company: Company) -> None:
    """By who has the role to: an admin, say, with a provider of their own, long after every trace of it is purged."""
    assert company.sign_in().status == 200
    Connection.objects.all().delete()
    Session.objects.all().delete()
    SecurityEvent.objects.all().delete()
    company.connection = make_connection(company.organization, just_in_time=True)


@pytest.mark.parametrize(
    "become",
    [
        *(given_a_password, given_an_identity, given_a_passkey, closed, made_by_its_owner, made_an_owner),
        signed_in_before_the_connection_was_made_anew,
    ],
)
def test_an_account_that_somebody_uses_is_not(company: Company, become: Callable[[User, Company], None]) -> None:
    become(provisioned(company), company)
    assert_refused(company.sign_in(), 403, "link_required")


def test_an_account_of_another_organisations_directory_is_not(company: Company) -> None:
    user = provisioned(company)
    Domain.objects.all().delete()
    other = make_company(just_in_time=True)
    assert_refused(other.sign_in(), 403, "link_required")
    assert Membership.objects.get(user=user).organization == company.organization


def test_an_address_that_an_account_may_want_back_is_not_given_away(company: Company) -> None:
    company.change(just_in_time=True)
    moved, now = make_account(), datetime.now(UTC)
    EmailChange.objects.create(
        user=moved.user, old_email=ALICE, old_key=ALICE, new_email=moved.email, requested_at=now, confirmed_at=now
    )
    assert_refused(company.sign_in(), 403, "link_required")


# At the same moment


@pytest.mark.django_db(transaction=True)
def test_two_sign_ons_of_the_same_new_person_make_one_account() -> None:
    company = make_company(just_in_time=True)
    bodies = [company.code() for _ in range(6)]
    answers = run_concurrently(*(partial(ApiClient().post, "auth/sso/token", json=body) for body in bodies))
    assert Counter(answer.status for answer in answers) == {200: 6}
    assert User.objects.filter(email=ALICE).count() == Identity.objects.count() == 1
    assert SsoSession.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_of_many_new_people_one_gets_the_last_seat() -> None:
    company = make_company(seats=2, just_in_time=True)
    bodies = [company.code(f"user {n}", f"user-{n}@acme.example") for n in range(6)]
    answers = run_concurrently(*(partial(ApiClient().post, "auth/sso/token", json=body) for body in bodies))
    assert Counter(answer.status for answer in answers) == {200: 1, 403: 5}
    assert Membership.objects.active().count() == 2


@pytest.mark.django_db(transaction=True)
def test_who_registers_with_the_address_at_the_same_moment_keeps_their_account_to_themselves() -> None:
    for n in range(5):
        email = f"user-{n}@acme.example"
        Domain.objects.all().delete()
        company = make_company(just_in_time=True)
        registration = {"email": email, "password": "a good long password"}
        registered, signed_in = run_concurrently(
            partial(ApiClient().post, "auth/register", json=registration),
            partial(ApiClient().post, "auth/sso/token", json=company.code("x", email)),
        )
        assert (registered.status, signed_in.status) in {(201, 403), (409, 200)}
        assert User.objects.filter(email=email).count() == 1


def test_a_code_that_two_redeem_begins_one_session(company: Company) -> None:
    company.identify(company.join())
    body = company.code()
    assert ApiClient().post("auth/sso/token", json=body).status == 200
    assert_refused(ApiClient().post("auth/sso/token", json=body), 401, "invalid_grant")


def test_whoever_signs_on_has_their_account_alone(company: Company) -> None:
    """Two members of one organisation and one provider."""
    accounts: list[Account] = [company.join() for _ in range(2)]
    for n, account in enumerate(accounts):
        company.identify(account, f"user {n}")
    tokens = [company.sign_in(f"user {n}", ALICE).json["access_token"] for n in range(2)]
    found = [ApiClient().get("auth/me", token=token).json["email"] for token in tokens]
    assert found == [account.email for account in accounts]
