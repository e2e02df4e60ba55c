"""Who did what in an organisation, as its owners and admins read it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from accounts.organizations.audit.recording import KEPT, record
from accounts.organizations.models import AuditEntry, AuditType, AuditVia, Organization, Role
from tests.accounts.organizations.actions import accept, found, invited, remove, set_role
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def audit(account: Account, organization: Organization, query: str = "") -> Answer:
    return ApiClient().get(f"organizations/{organization.id}/audit{query}", token=account.access_token)


def test_says_who_did_what_to_whom_newest_first(make_user: MakeUser) -> None:
    owner, guest = make_user(tier="team"), make_user()
    organization = Organization.objects.get(id=found(owner).json["id"])
    owner.user.subscription.refresh_from_db()
    owner.user.subscription.seats = 2
    owner.user.subscription.save()
    assert accept(guest, invited(owner, organization, guest.email)).status == 200
    assert set_role(owner, organization, guest, "admin").status == 200
    assert remove(owner, organization, guest).status == 204
    answer = audit(owner, organization)
    assert answer.status == 200
    one, other = ({"id": str(account.user.id), "email": account.email} for account in (owner, guest))
    invitation = str(organization.invitations.get().id)
    assert [(item["type"], item["actor"], item["target_user"], item["target"]) for item in answer.json["items"]] == [
        ("member_removed", one, other, ""),
        ("member_role_changed", one, other, "admin"),
        ("invitation_accepted", other, other, invitation),
        ("invitation_created", one, None, invitation),
        ("organization_created", one, None, ""),
    ]
    assert {item["via"] for item in answer.json["items"]} == {"member"}


def test_is_a_page_of_all(make_user: MakeUser) -> None:
    organization, owner = make_organization()
    for n in range(3):
        record(AuditType.DOMAIN_ADDED, organization_id=organization.id, actor=None, target=f"{n}.example")
    page = audit(owner, organization, "?page=2&limit=1").json
    assert [item["target"] for item in page["items"]] == ["1.example"]
    assert (page["total"], page["page"], page["limit"]) == (3, 2, 1)


def test_says_that_nobody_did_what_a_directory_or_a_deleted_account_did(make_user: MakeUser) -> None:
    organization, owner = make_organization()
    gone = make_user()
    record(AuditType.SCIM_TOKEN_CREATED, organization_id=organization.id, actor=gone.user, target="id")
    record(
        AuditType.MEMBER_DEACTIVATED,
        organization_id=organization.id,
        actor=None,
        via=AuditVia.SCIM,
        target_user=gone.user,
    )
    gone.user.delete()
    items = audit(owner, organization).json["items"]
    assert [(item["via"], item["actor"], item["target_user"]) for item in items] == [
        ("scim", None, None),
        ("member", None, None),
    ]


def test_goes_back_a_year(make_user: MakeUser) -> None:
    organization, owner = make_organization()
    record(AuditType.DOMAIN_ADDED, organization_id=organization.id, actor=None)
    assert audit(owner, organization).json["total"] == 1
    AuditEntry.objects.update(at=datetime.now(UTC) - KEPT - timedelta(minutes=1))
    assert audit(owner, organization).json["total"] == 0


def test_is_for_owners_and_admins_of_the_organisation(make_user: MakeUser) -> None:
    organization, owner = make_organization()
    _, stranger = make_organization(name="Other")
    assert audit(owner, organization).status == audit(join(organization, role=Role.ADMIN), organization).status == 200
    assert audit(join(organization), organization).code == "permission_denied"
    for nobody in (stranger, make_user(tier="team")):
        assert audit(nobody, organization).code == "not_found"


def test_holds_nothing_of_another_organisation() -> None:
    organization, owner = make_organization()
    other, _ = make_organization(name="Other")
    record(AuditType.DOMAIN_ADDED, organization_id=other.id, actor=None)
    assert audit(owner, organization).json["items"] == []
