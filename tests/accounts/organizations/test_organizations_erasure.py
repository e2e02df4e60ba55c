"""Deleting the account of somebody who is in an organisation."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from django.db import transaction

from accounts import erasure
from accounts.models import User
from accounts.organizations.erasure import erase_traces
from accounts.organizations.models import AuditEntry, Invitation, Membership, Organization, Role
from tests.accounts.concurrency import run_concurrently
from tests.accounts.database_dump import whole_database
from tests.accounts.organizations.actions import invite, invited
from tests.support.accounts import Account, make_account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import fill_organization, join, make_organization

pytestmark = pytest.mark.django_db


def delete(account: Account) -> Answer:
    return ApiClient().delete("auth/me", json={"password": account.password}, token=account.access_token)


def test_the_last_owner_of_others_stays_and_so_does_all_of_the_account() -> None:
    organization, owner = make_organization()
    join(organization, role=Role.ADMIN)
    answer = delete(owner)
    assert (answer.status, answer.code) == (409, "conflict")
    assert ApiClient().get("auth/me", token=owner.access_token).status == 200
    assert ApiClient().post("auth/refresh", json={"refresh_token": owner.refresh_token}).status == 200
    assert organization.members.count() == 2
    assert not organization.audit.exists()


def test_a_wrong_password_is_said_before_what_an_owner_must_do_first() -> None:
    organization, owner = make_organization()
    join(organization)
    answer = ApiClient().delete("auth/me", json={"password": "wrong password"}, token=owner.access_token)
    assert answer.code == "validation_error"


def test_with_another_owner_they_go() -> None:
    organization, owner = make_organization()
    other = join(organization, role=Role.OWNER)
    assert delete(owner).status == 202
    assert [member.user for member in organization.members.all()] == [other.user]
    (entry,) = organization.audit.all()
    assert (entry.type, entry.actor, entry.target_user) == ("member_left", None, None)


def test_an_owner_whose_account_is_closed_is_no_other_owner(hooks: Callable[..., None]) -> None:
    def fail(_user_id: UUID) -> None:
        raise ConnectionError("a store that is away all day")

    hooks("storage", fail)
    organization, owner = make_organization()
    other = join(organization, role=Role.OWNER)
    join(organization)
    assert delete(other).status == 202
    assert User.objects.filter(id=other.user.id).exists()
    assert delete(owner).code == "conflict"


def test_who_is_alone_takes_the_organisation_along() -> None:
    owner = make_account(tier="team")
    organization = fill_organization("Acme", owner=owner.user, invited="invited@example.com")
    assert delete(owner).status == 202
    assert not Organization.objects.exists()
    held = whole_database()
    assert str(organization.id) not in held
    assert "invited@example.com" not in held


def test_members_whom_the_directory_took_back_do_not_keep_an_organisation() -> None:
    organization, owner = make_organization()
    gone = join(organization)
    Membership.objects.filter(user=gone.user).update(active=False, deactivated_at=organization.created_at)
    assert delete(owner).status == 202
    assert not Organization.objects.exists()
    assert User.objects.filter(id=gone.user.id).exists()


def test_of_a_member_nothing_stays_in_any_table_of_the_organisation() -> None:
    organization = fill_organization("Acme", owner=make_account().user)
    member = join(organization, role=Role.ADMIN)
    Membership.objects.filter(user=member.user).update(user_name=member.email, external_id="staff-17")
    AuditEntry.objects.update(actor=member.user, target_user=member.user)
    other = fill_organization("Other", owner=make_account().user, invited=member.email)
    Invitation.objects.filter(organization=organization).update(invited_by=member.user)
    assert delete(member).status == 202
    held = whole_database()
    assert member.email not in held
    assert "staff-17" not in held
    assert member.user.id.hex not in held.replace("-", "")
    assert not other.invitations.exists()
    assert (organization.invitations.count(), organization.audit.count()) == (1, 2)


def test_their_invitations_whose_mails_go_with_them_wait_no_longer() -> None:
    organization, _ = make_organization(seats=4)
    admin = join(organization, role=Role.ADMIN)
    assert invite(admin, organization, "unsent@example.com").status == 201
    invited(admin, organization, "sent@example.com")
    assert delete(admin).status == 202
    assert [one.email for one in Invitation.objects.filter(state="pending")] == ["sent@example.com"]


def test_what_a_request_made_as_the_account_was_closed_goes_with_it() -> None:
    owner = make_account(tier="team")
    with transaction.atomic():
        erasure.close_account(user=owner.user)
    fill_organization("Late", owner=owner.user)
    erase_traces(owner.user.id)
    assert not Organization.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_go_at_once_one_stays() -> None:
    organization, owner = make_organization()
    other = join(organization, role=Role.OWNER)
    join(organization)
    answers = run_concurrently(partial(delete, owner), partial(delete, other))
    assert {answer.status for answer in answers} == {202, 409}
    assert organization.members.owners().count() == 1
