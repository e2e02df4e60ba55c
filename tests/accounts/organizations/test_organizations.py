"""Founding, seeing, renaming and deleting an organisation."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Session, User
from accounts.organizations.models import Membership, Organization, Role
from billing.models import Subscription
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.accounts.organizations.actions import accept, audited, found, invited, sign_in_at_provider
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def test_who_pays_for_the_team_tier_founds_one_and_owns_it(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="team")
    answer = found(account, "  Acme \N{LATIN SMALL LETTER U WITH DIAERESIS}ber alles  ")
    assert answer.status == 201
    founded = Organization.objects.get()
    assert answer.json == {
        "id": str(founded.id),
        "name": "Acme \N{LATIN SMALL LETTER U WITH DIAERESIS}ber alles",
        "seats": 1,
        "role": "owner",
    }
    assert api.get("organizations/current", token=account.access_token).json == answer.json
    assert Subscription.objects.get(user=account.user).organization == founded
    assert audited(founded) == ["organization_created"]


@pytest.mark.parametrize("tier", ["free", "pro", "power"])
def test_who_pays_for_less_founds_none(make_user: MakeUser, tier: str) -> None:
    refused = found(make_user(tier=tier))
    assert (refused.status, refused.code, refused.json["required_tier"]) == (403, "feature_not_available", "team")
    assert not Organization.objects.exists()


def test_the_seats_of_another_pay_for_no_second_organisation() -> None:
    organization, _ = make_organization()
    refused = found(join(organization))
    assert (refused.status, refused.code) == (403, "feature_not_available")


def test_an_address_that_is_not_verified_founds_none(make_user: MakeUser) -> None:
    refused = found(make_user(tier="team", verified=False))
    assert (refused.status, refused.code) == (403, "email_not_verified")


def test_a_refusal_comes_before_what_is_wrong_with_the_body(make_user: MakeUser) -> None:
    assert found(make_user(), "").code == "feature_not_available"


def test_who_is_in_one_founds_no_other_and_pays_for_the_same(make_user: MakeUser) -> None:
    organization, owner = make_organization()
    refused = found(owner, "Another")
    assert (refused.status, refused.code) == (409, "conflict")
    assert Subscription.objects.get(user=owner.user).organization == organization
    assert Organization.objects.count() == 1


def test_who_was_taken_back_by_a_directory_founds_their_own(make_user: MakeUser) -> None:
    organization, _ = make_organization()
    account = join(organization, make_user(tier="team"))
    Membership.objects.filter(user=account.user).update(active=False, deactivated_at=datetime.now(UTC))
    assert ApiClient().get("organizations/current", token=account.access_token).status == 404
    assert found(account).status == 201


@pytest.mark.parametrize(
    "name",
    ["", " \t ", "x" * 121, "a\nb", "a\x1bb", "a\u202eb", "a\u2028b", "\u200d", "a\ue000b", 5, None, ["Acme"]],
    ids=ascii,
)
def test_a_name_that_is_none(make_user: MakeUser, name: object) -> None:
    account = make_user(tier="team")
    refused = ApiClient().post("organizations", json={"name": name}, token=account.access_token)
    assert (refused.status, refused.code, list(refused.json["errors"])) == (400, "validation_error", ["name"])


@pytest.mark.parametrize("name", ["x", "x" * 120, "<b>& \"'", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"])
def test_a_name_in_whatever_script(make_user: MakeUser, name: str) -> None:
    assert found(make_user(tier="team"), name).json["name"] == name


def test_who_is_in_none_has_no_current_one(api: ApiClient, make_user: MakeUser) -> None:
    refused = api.get("organizations/current", token=make_user(tier="team").access_token)
    assert (refused.status, refused.code) == (404, "not_found")


def test_a_member_sees_its_seats_and_their_own_role(api: ApiClient) -> None:
    organization, _ = make_organization(seats=7)
    member = join(organization, role=Role.ADMIN)
    answer = api.get("organizations/current", token=member.access_token)
    assert answer.json == {"id": str(organization.id), "name": "Acme", "seats": 7, "role": "admin"}


def test_while_nothing_is_paid_there_are_no_seats(api: ApiClient) -> None:
    _, owner = make_organization(seats=7)
    set_tier(user=owner.user, tier=Tier.PRO)
    assert api.get("organizations/current", token=owner.access_token).json["seats"] == 0


def test_an_owner_renames_it(api: ApiClient) -> None:
    organization, owner = make_organization()
    path = f"organizations/{organization.id}"
    for _ in range(2):  # the second changes nothing
        answer = api.patch(path, json={"name": "Umbrella"}, token=owner.access_token)
        assert (answer.status, answer.json["name"], answer.json["role"]) == (200, "Umbrella", "owner")
    assert audited(organization) == ["organization_renamed"]
    assert api.patch(path, json={}, token=owner.access_token).status == 400


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
def test_nobody_but_an_owner_renames_or_deletes_it(api: ApiClient, method: str, role: Role) -> None:
    organization, _ = make_organization()
    refused = api.request(
        method, f"organizations/{organization.id}", json={"name": 1}, token=join(organization, role=role).access_token
    )
    assert (refused.status, refused.code) == (403, "permission_denied")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_an_owner_of_another_one_does_not_find_it(api: ApiClient, method: str) -> None:
    organization, _ = make_organization()
    _, stranger = make_organization(name="Other")
    for known in (organization.id, "nothing", "00000000-0000-4000-8000-000000000000"):
        refused = api.request(method, f"organizations/{known}", json={"name": 1}, token=stranger.access_token)
        assert (refused.status, refused.code) == (404, "not_found")


def test_deleted_it_leaves_the_accounts_of_its_members_alone(api: ApiClient) -> None:
    organization, owner = make_organization()
    member = join(organization)
    assert api.delete(f"organizations/{organization.id}", token=owner.access_token).status == 204
    assert not Organization.objects.exists()
    for account in (owner, member):
        assert api.get("auth/me", token=account.access_token).status == 200
        assert api.get("organizations/current", token=account.access_token).status == 404
    assert User.objects.count() == 2
    assert Subscription.objects.get(user=owner.user).organization is None
    assert found(owner).status == 201


def test_deleted_it_ends_the_sessions_that_began_at_its_provider(api: ApiClient) -> None:
    organization, owner = make_organization()
    member = join(organization)
    sign_in_at_provider(organization, member)
    assert api.get("auth/me", token=member.access_token).status == 200
    assert api.delete(f"organizations/{organization.id}", token=owner.access_token).status == 204
    assert api.get("auth/me", token=member.access_token).code == "invalid_token"
    assert api.get("auth/me", token=owner.access_token).status == 200


@pytest.mark.parametrize("gone", ["", "/sso"])
def test_however_many_signed_in_there_its_end_takes_as_many_queries(api: ApiClient, gone: str) -> None:
    """Everybody of it waits behind its lock meanwhile, and on SQLite everybody who writes."""

    def end(members: int) -> int:
        organization, owner = make_organization()
        for _ in range(members):
            sign_in_at_provider(organization, join(organization))
        with CaptureQueriesContext(connection) as queries:
            assert api.delete(f"organizations/{organization.id}{gone}", token=owner.access_token).status == 204
        assert not Session.objects.filter(sso__isnull=False).exists()
        assert Session.objects.filter(revoked_at__isnull=False).count() >= members
        return len(queries)

    assert end(2) == end(9)


def test_an_invitation_to_one_that_is_gone_is_none(api: ApiClient, make_user: MakeUser) -> None:
    organization, owner = make_organization()
    guest = make_user()
    token = invited(owner, organization, guest.email)
    assert api.delete(f"organizations/{organization.id}", token=owner.access_token).status == 204
    assert accept(guest, token).status == 400
