"""GET, POST and DELETE /organizations/{id}/scim/tokens (docs/api.md § 16)."""

from uuid import uuid4

import pytest

from accounts.models import hash_of
from accounts.organizations.models import AuditEntry, Role, ScimToken
from accounts.organizations.scim.tokens.service import create_token
from adiuva.api.errors import PermissionDenied
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.accounts.concurrency import run_concurrently
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Account:
    return make_organization()[1]


def path_of(owner: Account, token_id: object = None) -> str:
    base = f"organizations/{owner.user.membership.organization_id}/scim/tokens"
    return base if token_id is None else f"{base}/{token_id}"


def create(api: ApiClient, owner: Account, caller: Account | None = None) -> Answer:
    return api.post(path_of(owner), token=(caller or owner).access_token)


def test_a_token_is_shown_once_and_kept_as_its_hash(api: ApiClient, owner: Account) -> None:
    created = create(api, owner)

    assert created.status == 201
    raw_token = created.json["token"]
    assert raw_token.startswith("scim_")
    assert len(raw_token) == len("scim_") + 43
    row = ScimToken.objects.get()
    assert (str(row.id), row.token_hash, row.created_by) == (created.json["id"], hash_of(raw_token), owner.user)
    listed = api.get(path_of(owner), token=owner.access_token)
    assert listed.json["items"] == [
        {"id": created.json["id"], "created_at": listed.json["items"][0]["created_at"], "last_used_at": None}
    ]
    assert raw_token not in listed.content.decode()


def test_an_admin_makes_tokens_and_a_member_does_not(api: ApiClient, owner: Account) -> None:
    organization = owner.user.membership.organization
    admin, member = (join(organization, role=role) for role in (Role.ADMIN, Role.MEMBER))

    assert create(api, owner, admin).status == 201
    assert create(api, owner, member).code == "permission_denied"
    assert api.get(path_of(owner), token=member.access_token).code == "permission_denied"
    assert api.delete(path_of(owner, uuid4()), token=member.access_token).code == "permission_denied"


def test_strangers_find_nothing(api: ApiClient, owner: Account) -> None:
    token_id = create(api, owner).json["id"]
    _, stranger = make_organization()

    assert api.get(path_of(owner), token=stranger.access_token).code == "not_found"
    assert create(api, owner, stranger).code == "not_found"
    assert api.delete(path_of(owner, token_id), token=stranger.access_token).code == "not_found"
    assert api.delete(path_of(stranger, token_id), token=stranger.access_token).code == "not_found"
    assert ScimToken.objects.count() == 1


def test_a_revoked_token_is_gone(api: ApiClient, owner: Account) -> None:
    token_id = create(api, owner).json["id"]

    assert api.delete(path_of(owner, token_id), token=owner.access_token).status == 204
    assert api.delete(path_of(owner, token_id), token=owner.access_token).code == "not_found"
    assert api.delete(path_of(owner, "x"), token=owner.access_token).code == "not_found"
    assert api.get(path_of(owner), token=owner.access_token).json["total"] == 0


def test_making_and_revoking_is_in_the_audit_without_the_token(api: ApiClient, owner: Account) -> None:
    created = create(api, owner).json
    api.delete(path_of(owner, created["id"]), token=owner.access_token)

    entries = list(AuditEntry.objects.order_by("at").values_list("type", "via", "actor", "target"))

    assert entries == [
        (kind, "member", owner.user.id, created["id"]) for kind in ("scim_token_created", "scim_token_revoked")
    ]


def test_while_nothing_is_paid_tokens_are_looked_at_and_removed_only(api: ApiClient, owner: Account) -> None:
    token_id = create(api, owner).json["id"]
    set_tier(user=owner.user, tier=Tier.FREE)

    assert create(api, owner).code == "feature_not_available"
    assert api.get(path_of(owner), token=owner.access_token).json["total"] == 1
    assert api.delete(path_of(owner, token_id), token=owner.access_token).status == 204


@pytest.mark.django_db(transaction=True)
def test_an_organisation_has_ten_tokens_at_most_also_of_two_at_once(api: ApiClient) -> None:
    owner = make_organization()[1]
    for _ in range(9):
        assert create(api, owner).status == 201

    answers = run_concurrently(*[lambda: create(ApiClient(), owner)] * 2)

    assert sorted(answer.status for answer in answers) == [201, 409]
    assert ScimToken.objects.count() == 10


def test_who_has_just_lost_the_role_makes_no_token_that_would_outlive_it(owner: Account) -> None:
    """As of a request whose role was looked at before, and that then waited for the organisation's lock."""
    organization = owner.user.membership.organization
    demoted = join(organization)

    with pytest.raises(PermissionDenied):
        create_token(organization_id=organization.id, actor=demoted.user)
    assert not ScimToken.objects.exists()
