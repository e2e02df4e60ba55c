"""Who is in an organisation, what they may do about the others, and how they leave."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.organizations.members.service import deactivate_member, remove_member
from accounts.organizations.models import AuditEntry, Identity, Invitation, Membership, Role
from tests.accounts.organizations.actions import (
    accept,
    audited,
    found,
    invited,
    remove,
    set_role,
    sign_in_at_provider,
)
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def role_of(account: Account) -> str | None:
    membership = Membership.objects.filter(user=account.user, active=True).first()
    return membership.role if membership else None


def test_every_member_sees_who_is_in(api: ApiClient) -> None:
    organization, owner = make_organization()
    admin, member = join(organization, role=Role.ADMIN), join(organization)
    gone = join(organization)
    Membership.objects.filter(user=gone.user).update(active=False, deactivated_at=datetime.now(UTC))
    make_organization(name="Other")
    for account in (owner, admin, member):
        answer = api.get(f"organizations/{organization.id}/members", token=account.access_token)
        assert answer.status == 200
        assert [(item["user_id"], item["email"], item["role"]) for item in answer.json["items"]] == [
            (str(one.user.id), one.email, role)
            for one, role in ((owner, "owner"), (admin, "admin"), (member, "member"))
        ]
        assert answer.json["total"] == 3
    second = api.get(f"organizations/{organization.id}/members?page=2&limit=1", token=owner.access_token).json
    assert [item["email"] for item in second["items"]] == [admin.email]


def test_strangers_find_no_members(api: ApiClient, make_user: MakeUser) -> None:
    organization, _ = make_organization()
    member = join(organization)
    Membership.objects.filter(user=member.user).update(active=False, deactivated_at=datetime.now(UTC))
    for stranger in (make_user(tier="team"), member):
        for method, path in (("GET", ""), ("PATCH", f"/{member.user.id}"), ("DELETE", f"/{member.user.id}")):
            answer = api.request(
                method, f"organizations/{organization.id}/members{path}", json={}, token=stranger.access_token
            )
            assert (answer.status, answer.code) == (404, "not_found")


# By whom, to whom, what they are to be, and what comes of it.
CHANGES: list[tuple[str, str, str, int]] = [
    *(("owner", target, role, 200) for target in ("owner", "admin", "member") for role in Role.values),
    *(("admin", target, role, 200) for target in ("admin", "member") for role in ("admin", "member")),
    *(("admin", target, "owner", 403) for target in ("admin", "member")),
    *(("admin", "owner", role, 403) for role in Role.values),
    *(("member", target, role, 403) for target in ("owner", "admin", "member") for role in Role.values),
]


@pytest.mark.parametrize(("by", "target", "role", "status"), CHANGES)
def test_who_changes_whom(by: str, target: str, role: str, status: int) -> None:
    organization, _ = make_organization()
    actor, other = join(organization, role=Role(by)), join(organization, role=Role(target))
    answer = set_role(actor, organization, other, role)
    assert answer.status == status
    if status == 200:
        assert (answer.json["user_id"], answer.json["email"]) == (str(other.user.id), other.email)
        assert answer.json["role"] == role_of(other) == role
        assert audited(organization) == ([] if role == target else ["member_role_changed"])
    else:
        assert answer.code == "permission_denied"
        assert role_of(other) == target


REMOVALS = [("owner", "owner", 204), ("owner", "admin", 204), ("owner", "member", 204)]
REMOVALS += [("admin", "owner", 403), ("admin", "admin", 204), ("admin", "member", 204)]
REMOVALS += [("member", "owner", 403), ("member", "admin", 403), ("member", "member", 403)]


@pytest.mark.parametrize(("by", "target", "status"), REMOVALS)
def test_who_removes_whom(by: str, target: str, status: int) -> None:
    organization, _ = make_organization()
    actor, other = join(organization, role=Role(by)), join(organization, role=Role(target))
    assert remove(actor, organization, other).status == status
    assert role_of(other) == (None if status == 204 else target)
    assert audited(organization) == (["member_removed"] if status == 204 else [])


@pytest.mark.parametrize("role", Role.values)
def test_anybody_leaves_by_themselves(role: str) -> None:
    organization, _ = make_organization()
    account = join(organization, role=Role(role))
    assert remove(account, organization, account).status == 204
    entry = AuditEntry.objects.get()
    assert (entry.type, entry.actor, entry.target_user) == ("member_left", account.user, account.user)
    assert remove(account, organization, account).status == 404


def test_the_last_owner_stays_one() -> None:
    organization, owner = make_organization()
    admin = join(organization, role=Role.ADMIN)
    for refused in (remove(owner, organization, owner), set_role(owner, organization, owner, "member")):
        assert (refused.status, refused.code) == (409, "conflict")
    assert set_role(owner, organization, owner, "owner").status == 200
    assert set_role(owner, organization, admin, "owner").status == 200
    assert remove(owner, organization, owner).status == 204
    assert remove(admin, organization, admin).status == 409


def test_an_owner_whose_account_is_being_deleted_is_no_other_owner() -> None:
    organization, owner = make_organization()
    closed = join(organization, role=Role.OWNER)
    closed.user.is_active = False
    closed.user.save()
    assert remove(owner, organization, owner).status == 409


@pytest.mark.parametrize("known", ["00000000-0000-4000-8000-000000000000", "nobody", "%00"])
def test_somebody_who_is_no_member(api: ApiClient, known: str) -> None:
    organization, owner = make_organization()
    for method in ("PATCH", "DELETE"):
        answer = api.request(
            method, f"organizations/{organization.id}/members/{known}", json={"role": 1}, token=owner.access_token
        )
        assert (answer.status, answer.code) == (404, "not_found")


def test_a_member_of_another_organisation_is_nobody_here() -> None:
    organization, owner = make_organization()
    _, stranger = make_organization(name="Other")
    assert set_role(owner, organization, stranger, "member").status == 404
    assert remove(owner, organization, stranger).status == 404


@pytest.mark.parametrize("role", ["king", "", None, 1, "Owner"])
def test_a_role_that_is_none(api: ApiClient, role: Any) -> None:
    organization, owner = make_organization()
    refused = set_role(owner, organization, join(organization), role)
    assert (refused.status, list(refused.json["errors"])) == (400, ["role"])


def test_a_refusal_comes_before_what_is_wrong_with_the_body() -> None:
    organization, owner = make_organization()
    assert set_role(join(organization, role=Role.ADMIN), organization, owner, "king").status == 403


def test_the_sessions_from_its_provider_end_with_a_membership(api: ApiClient) -> None:
    organization, owner = make_organization()
    member, other = join(organization), join(organization)
    for account in (member, other):
        sign_in_at_provider(organization, account)
    assert remove(owner, organization, member).status == 204
    assert api.get("auth/me", token=member.access_token).code == "invalid_token"
    assert api.get("auth/me", token=other.access_token).status == 200
    assert [identity.user for identity in Identity.objects.all()] == [other.user]


@pytest.mark.postgres
@pytest.mark.parametrize("end", [partial(remove_member, actor=None), deactivate_member])
def test_an_account_is_locked_before_its_sessions_are_looked_for(end: Callable[..., None]) -> None:
    """A change of password that is under way, and holds the account, would begin one that is missed."""
    organization, _ = make_organization()
    member = join(organization)
    membership = Membership.objects.get(user=member.user)
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        end(membership=membership)
    said = [query["sql"] for query in queries]
    locked = next(n for n, sql in enumerate(said) if '"users"' in sql and "FOR NO KEY UPDATE" in sql)
    assert locked < next(n for n, sql in enumerate(said) if '"sessions"' in sql)


def test_sessions_of_the_accounts_own_stay_when_it_leaves(api: ApiClient) -> None:
    organization, owner = make_organization()
    member = join(organization)
    assert remove(owner, organization, member).status == 204
    assert api.get("auth/me", token=member.access_token).status == 200


def test_who_was_removed_founds_their_own(make_user: MakeUser) -> None:
    organization, owner = make_organization()
    member = join(organization, make_user(tier="team"))
    assert remove(owner, organization, member).status == 204
    assert found(member).status == 201


def demote(organization: Any, owner: Account, who: Account) -> None:
    assert set_role(owner, organization, who, "member").status == 200


def expel(organization: Any, owner: Account, who: Account) -> None:
    assert remove(owner, organization, who).status == 204


def erase(_organization: Any, _owner: Account, who: Account) -> None:
    who.user.delete()


@pytest.mark.parametrize("lose_rights", [demote, expel, erase])
def test_rights_that_were_lost_do_not_come_back_by_an_earlier_invitation(
    make_user: MakeUser, lose_rights: Callable[..., None]
) -> None:
    organization, owner = make_organization(seats=9)
    rogue = join(organization, role=Role.OWNER)
    guests = {role: make_user() for role in Role.values}
    tokens = {role: invited(rogue, organization, guest.email, role) for role, guest in guests.items()}
    kept = invited(owner, organization, (colleague := make_user()).email, "admin")
    lose_rights(organization, owner, rogue)
    assert [accept(guests[role], tokens[role]).status for role in ("owner", "admin", "member")] == [400, 400, 200]
    assert accept(colleague, kept).status == 200


def test_an_owner_who_becomes_an_admin_keeps_the_invitations_that_an_admin_makes(make_user: MakeUser) -> None:
    organization, owner = make_organization(seats=9)
    other = join(organization, role=Role.OWNER)
    for role in Role.values:
        invited(other, organization, make_user().email, role)
    assert set_role(owner, organization, other, "admin").status == 200
    assert set(Invitation.objects.filter(state="pending").values_list("role", flat=True)) == {"admin", "member"}
    assert audited(organization)[-1] == "invitation_revoked"
