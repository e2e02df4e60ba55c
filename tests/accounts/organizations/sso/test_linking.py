"""POST /auth/sso/link: whoever is logged in shows who they are at their organisation's provider."""

import secrets
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from accounts.models import Session, User
from accounts.organizations.models import (
    Connection,
    Domain,
    Identity,
    InvitationState,
    Membership,
    Role,
    SsoSession,
)
from adiuva.mail.kinds import MailKind
from adiuva.mail.models import OutgoingMail
from tests.accounts.concurrency import run_concurrently
from tests.accounts.factors.passkeys.owners import Owner
from tests.accounts.handoff.test_handoff_codes import code_of
from tests.accounts.organizations.sso.companies import ALICE, Company, deactivate, make_company
from tests.fakes.authenticator import Authenticator
from tests.support.accounts import Account, make_account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


def assert_refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code), answer


def link_with(account: Account, body: dict[str, Any]) -> Answer:
    return ApiClient().post("auth/sso/link", json=body, token=account.access_token)


def test_a_member_links_their_account_and_signs_in_from_then_on(company: Company, api: ApiClient) -> None:
    account = company.join(make_account(email=ALICE))
    assert company.sign_in().code == "link_required"
    assert company.link(account).status == 204
    assert company.audit() == [("sso_linked", "sso", account.user.id)]
    tokens = company.sign_in().json
    assert api.get("auth/me", token=tokens["access_token"]).json["id"] == str(account.user.id)


def test_the_address_at_the_provider_makes_no_difference_to_a_member(company: Company) -> None:
    for subject, email, verified in (("a", None, False), ("b", "x@elsewhere.example", False)):
        assert company.link(company.join(), subject, email, email_verified=verified).status == 204


def test_who_was_not_linked_before_it_was_enforced_is_by_a_break_glass_code(company: Company, api: ApiClient) -> None:
    account = company.join(make_account(email=ALICE))
    code = company.break_glass_codes()[0]
    company.change(enforced=True)
    assert company.sign_in().code == "link_required"
    body = {"email": account.email, "password": account.password}
    assert api.post("auth/login", json=body).code == "sso_required"
    tokens = api.post("auth/login", json=body | {"break_glass_code": code}).json
    assert api.post("auth/sso/link", json=company.code(), token=tokens["access_token"]).status == 204
    assert company.sign_in().status == 200


def test_linking_the_same_again_changes_nothing(company: Company) -> None:
    account = company.join()
    assert [company.link(account).status for _ in range(2)] == [204, 204]
    assert Identity.objects.count() == 1
    assert OutgoingMail.objects.filter(kind=MailKind.IDENTITY_LINKED).count() == 1


def test_the_owner_of_the_account_is_told_by_mail(company: Company) -> None:
    """A stolen session that links it to a provider of the thief's would be a way in that outlives every password."""
    account = company.join()
    company.link(account)
    (mail,) = OutgoingMail.objects.filter(kind=MailKind.IDENTITY_LINKED)
    assert (mail.recipient, mail.account_id) == (account.email, account.user.id)
    assert mail.facts["organization"] == company.organization.name
    assert len(company.audit()) == 1


def test_an_identity_of_somebody_else_stays_theirs(company: Company) -> None:
    company.identify(company.join())
    assert_refused(company.link(company.join()), 409, "conflict")


def test_another_identity_takes_the_place_of_the_one_before(company: Company) -> None:
    account = company.join()
    company.identify(account, "before")
    tokens = [company.sign_in("before").json for _ in range(2)]
    in_one = ApiClient().post("auth/sso/link", json=company.code("after"), token=tokens[0]["access_token"])
    assert in_one.status == 204
    assert [one.subject for one in Identity.objects.all()] == ["after"]
    # The session in which both were shown goes on, as the new one's; the other one ends.
    statuses = [ApiClient().get("auth/me", token=one["access_token"]).status for one in tokens]
    assert statuses == [200, 401]
    assert SsoSession.objects.filter(session__revoked_at__isnull=True).get().identity.subject == "after"
    assert company.sign_in("before").status == 403


def test_an_identity_of_the_issuer_before_stays_beside_the_new_one(company: Company) -> None:
    account = company.join()
    company.identify(account, issuer="https://old.example")
    assert company.link(account).status == 204
    assert Identity.objects.count() == 2


# Who becomes a member by it


def test_an_invitation_to_ones_own_address_is_accepted(company: Company) -> None:
    account = make_account(email="private@elsewhere.example")
    invitation = company.invite("Private@elsewhere.example", Role.ADMIN)
    assert company.link(account).status == 204
    invitation.refresh_from_db()
    assert invitation.state == InvitationState.ACCEPTED
    membership = Membership.objects.get(user=account.user)
    assert (membership.role, membership.is_provisioned) == (Role.ADMIN, False)
    assert Counter(company.audit()) == Counter(
        [("invitation_accepted", "sso", account.user.id), ("sso_linked", "sso", account.user.id)]
    )


def test_just_in_time_takes_in_whom_the_provider_gives_an_address_of_the_organisations(company: Company) -> None:
    company.change(just_in_time=True)
    account = make_account(email="private@elsewhere.example")
    assert company.link(account).status == 204
    assert Membership.objects.get(user=account.user).role == Role.MEMBER


def uninvited(company: Company) -> Account:
    return make_account()


def invited_at_an_address_not_verified(company: Company) -> Account:
    company.invite("bob@elsewhere.example")
    return make_account(email="bob@elsewhere.example", verified=False)


def invited_at_another_address(company: Company) -> Account:
    company.invite()
    return make_account()


def invited_without_a_seat(company: Company) -> Account:
    company.owner.user.subscription.seats = 1
    company.owner.user.subscription.save()
    company.invite("bob@elsewhere.example")
    return make_account(email="bob@elsewhere.example")


def deactivated(company: Company) -> Account:
    company.change(just_in_time=True)
    account = company.join()
    deactivate(account)
    return account


def alice_elsewhere(company: Company) -> Account:
    company.change(just_in_time=True)
    member = company.join(make_account(email="before@elsewhere.example"))
    Membership.objects.filter(user=member.user).update(user_name=ALICE)
    return member


def as_somebody_whom_the_directory_has(company: Company) -> Account:
    alice_elsewhere(company)
    return make_account()


def as_somebody_whom_the_directory_has_taken_back(company: Company) -> Account:
    deactivate(alice_elsewhere(company))
    return make_account()


def of_another_organisation(company: Company) -> Account:
    company.change(just_in_time=True)
    return make_organization()[1]


def just_in_time_elsewhere(company: Company) -> Account:
    company.change(just_in_time=True)
    Domain.objects.update(verified_at=None)
    return make_account()


@pytest.mark.parametrize(
    "make",
    [
        uninvited,
        invited_at_an_address_not_verified,
        invited_at_another_address,
        invited_without_a_seat,
        deactivated,
        as_somebody_whom_the_directory_has,
        as_somebody_whom_the_directory_has_taken_back,
        of_another_organisation,
        just_in_time_elsewhere,
    ],
)
def test_nobody_else_comes_in(company: Company, make: Any) -> None:
    account = make(company)
    before = list(Membership.objects.values("user", "organization", "active"))
    assert_refused(company.link(account), 403, "not_provisioned")
    assert list(Membership.objects.values("user", "organization", "active")) == before
    assert not Identity.objects.exists()


def test_just_in_time_takes_a_verified_address(company: Company) -> None:
    company.change(just_in_time=True)
    assert_refused(company.link(make_account(), email_verified=False), 403, "not_provisioned")
    assert_refused(company.link(make_account(), email=None), 403, "not_provisioned")


def test_a_membership_that_another_directory_has_taken_back_gives_way(company: Company) -> None:
    company.change(just_in_time=True)
    account = make_organization()[1]
    deactivate(account)
    assert company.link(account).status == 204
    assert Membership.objects.get(user=account.user).organization == company.organization


# The code, and the session


def test_a_code_counts_once_and_for_its_verifier(company: Company) -> None:
    account = company.join()
    body = company.code()
    assert link_with(account, body).status == 204
    assert_refused(link_with(account, body), 401, "invalid_grant")
    assert_refused(link_with(account, company.code() | {"code_verifier": "x"}), 401, "invalid_grant")
    assert_refused(link_with(account, {"code": "x", "code_verifier": "x"}), 401, "invalid_grant")


def test_a_code_of_a_passkey_links_nothing(company: Company, api: ApiClient, settings: Any) -> None:
    account = company.join()
    owner = Owner(account=account, device=Authenticator(origin=settings.PUBLIC_ORIGIN), api=api)
    owner.add_passkey()
    verifier = secrets.token_urlsafe(48)
    body = {"code": code_of(owner, verifier), "code_verifier": verifier}
    assert_refused(link_with(account, body), 401, "invalid_grant")


def test_a_code_dies_with_its_connection(company: Company) -> None:
    account, body = company.join(), company.code()
    Connection.objects.all().delete()
    assert_refused(link_with(account, body), 401, "invalid_grant")


def test_it_takes_a_fresh_session(company: Company) -> None:
    account, body = company.join(), company.code()
    Session.objects.update(fresh_at=None)
    assert_refused(link_with(account, body), 403, "reauthentication_required")
    Session.objects.update(fresh_at=datetime.now(UTC))
    assert link_with(account, body).status == 204, "the code was not used up"


def test_it_takes_a_session(company: Company, api: ApiClient) -> None:
    assert_refused(api.post("auth/sso/link", json=company.code()), 401, "not_authenticated")


def test_without_a_cache_it_is_503(company: Company, no_cache: None) -> None:
    answer = link_with(company.join(), {"code": "x", "code_verifier": "x"})
    assert (answer.status, answer.code) == (503, "upstream_unavailable")


def test_a_body_without_a_code_is_400_on_that_field(company: Company) -> None:
    answer = link_with(company.join(), {"code_verifier": "x"})
    assert (answer.status, set(answer.json["errors"])) == (400, {"code"})


@pytest.mark.django_db(transaction=True)
def test_of_two_accounts_that_link_one_identity_at_once_one_has_it() -> None:
    company = make_company()
    accounts = [company.join() for _ in range(4)]
    bodies = [company.code() for _ in accounts]
    answers = run_concurrently(
        *(partial(link_with, account, body) for account, body in zip(accounts, bodies, strict=True))
    )
    assert Counter(answer.status for answer in answers) == {204: 1, 409: 3}
    assert Identity.objects.count() == 1
    assert User.objects.count() == 5
