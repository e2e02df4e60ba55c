"""Users of a directory: made, read, changed and removed (RFC 7644 § 3)."""

import uuid
from typing import Any

import pytest

from accounts.models import User
from accounts.organizations import seats
from accounts.organizations.models import Domain, Membership, Role
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.accounts.organizations.scim.directory import (
    DOMAIN,
    PATCH,
    SCIM,
    USER,
    Directory,
    address,
    make_directory,
    refusal,
)
from tests.support.accounts import make_account
from tests.support.organizations import join

pytestmark = pytest.mark.django_db


def test_a_created_user_is_an_account_without_a_password_and_a_member(directory: Directory) -> None:
    name = address()

    created = directory.create(userName=name, externalId="abc-1", displayName="Barbara", emails=[{"value": name}])

    assert created.status == 201
    assert created.headers["Content-Type"] == SCIM
    user = User.objects.get(email=name)
    assert created.json == {
        "schemas": [USER],
        "id": str(user.id),
        "userName": name,
        "externalId": "abc-1",
        "active": True,
        "meta": {
            "resourceType": "User",
            "created": created.json["meta"]["created"],
            "location": created.headers["Location"],
        },
    }
    assert created.headers["Location"].endswith(f"/scim/v2/{directory.organization.id}/Users/{user.id}")
    assert not user.has_usable_password()
    assert user.email_verified
    assert (user.membership.role, user.membership.is_provisioned) == ("member", True)
    assert directory.audit() == ["member_provisioned"]


def test_a_user_is_read_as_it_was_created(directory: Directory) -> None:
    created = directory.make()

    read = directory.get(created)

    assert (read.status, read.json) == (200, created)


def test_members_who_came_another_way_are_users_with_their_own_address(directory: Directory) -> None:
    listed = directory.ask("GET", "Users").json

    assert [user["userName"] for user in listed["Resources"]] == [directory.owner.email]
    assert "externalId" not in listed["Resources"][0]


def test_a_user_name_in_no_proven_domain_is_refused(directory: Directory) -> None:
    no_names = ("u@elsewhere.example", "u@sub.acme.example", "no address", "@acme.example", "u@acme.example\u200b", "")

    for name in no_names:
        assert refusal(directory.create(userName=name)) == (400, "invalidValue")
    assert not User.objects.exclude(id=directory.owner.user.id).exists()


def test_a_domain_that_waits_for_its_proof_proves_nothing(directory: Directory) -> None:
    Domain.objects.update(verified_at=None)

    assert refusal(directory.create()) == (400, "invalidValue")


def test_values_that_do_not_fit_are_refused(directory: Directory) -> None:
    misfits: list[dict[str, Any]] = [
        {},
        {"userName": 7},
        {"userName": None},
        {"userName": "a" * 250 + "@acme.example"},
        {"userName": f"a@{DOMAIN}", "active": "perhaps"},
        {"userName": f"a@{DOMAIN}", "externalId": 7},
        {"userName": f"a@{DOMAIN}", "externalId": "x" * 256},
    ]

    for body in misfits:
        assert refusal(directory.ask("POST", "Users", body)) == (400, "invalidValue")


def test_an_address_that_has_an_account_is_not_made_a_member(directory: Directory) -> None:
    account = make_account(email=address())

    refused = directory.create(userName=account.email.upper())

    assert refusal(refused) == (409, "uniqueness")
    assert "invite" in refused.json["detail"]
    assert not Membership.objects.filter(user=account.user).exists()


def test_a_user_name_and_an_external_id_are_those_of_one_member(directory: Directory) -> None:
    user = directory.make(externalId="one")

    assert refusal(directory.create(userName=user["userName"].upper())) == (409, "uniqueness")
    assert refusal(directory.create(externalId="one")) == (409, "uniqueness")
    assert directory.create(externalId="ONE").status == 201


def test_without_a_free_seat_nobody_is_created(db: None) -> None:
    directory = make_directory(seats=1)
    name = address()

    assert refusal(directory.create(userName=name)) == (402, None)
    assert not User.objects.filter(email=name).exists()
    assert directory.audit() == []


def test_who_is_created_inactive_takes_no_seat(db: None) -> None:
    directory = make_directory(seats=1)

    user = directory.make(active=False)

    assert user["active"] is False
    assert refusal(directory.patch(user, {"op": "replace", "path": "active", "value": True})) == (402, None)
    assert directory.get(user).json["active"] is False


def test_so_many_wait_without_a_seat_and_no_more(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "INACTIVE_A_SEAT", 2)
    directory = make_directory(seats=1)
    for _ in range(2):
        directory.make(active=False)

    assert refusal(directory.create(active=False)) == (402, None)


def test_while_nothing_is_paid_users_are_read_deactivated_and_deleted_only(directory: Directory) -> None:
    user, other = directory.make(), directory.make()
    set_tier(user=directory.owner.user, tier=Tier.FREE)

    assert refusal(directory.create()) == refusal(directory.create(active=False)) == (402, None)
    assert directory.get(user).status == 200
    assert directory.patch(user, {"op": "replace", "path": "active", "value": False}).status == 200
    assert refusal(directory.patch(user, {"op": "replace", "path": "active", "value": True})) == (402, None)
    assert directory.ask("DELETE", f"Users/{other['id']}").status == 204


def test_a_put_replaces_what_it_names(directory: Directory) -> None:
    user, name = directory.make(externalId="before"), address()

    replaced = directory.ask(
        "PUT", f"Users/{user['id']}", {"schemas": [USER], "id": "x", "userName": name, "externalId": "after"}
    )

    assert replaced.status == 200
    assert replaced.json == user | {"userName": name, "externalId": "after"}
    assert directory.get(user).json == replaced.json


def test_another_user_name_changes_nobodys_own_address(directory: Directory) -> None:
    user, name = directory.make(), address()

    assert directory.patch(user, {"op": "replace", "path": "userName", "value": name}).json["userName"] == name
    assert User.objects.get(id=user["id"]).email == user["userName"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_user_name_stays_in_a_proven_domain_and_one_members(directory: Directory, method: str) -> None:
    user, other = directory.make(), directory.make()

    def rename(name: str) -> tuple[int, str | None]:
        if method == "PUT":
            return refusal(directory.ask("PUT", f"Users/{user['id']}", {"userName": name}))
        return refusal(directory.patch(user, {"op": "replace", "path": "userName", "value": name}))

    assert rename("u@elsewhere.example") == (400, "invalidValue")
    assert rename(other["userName"].upper()) == (409, "uniqueness")
    assert rename(directory.owner.email) == (400, "invalidValue")


def test_a_user_whose_domain_was_given_up_can_still_be_deactivated(directory: Directory) -> None:
    user = directory.make()
    Domain.objects.all().delete()

    body = {"userName": user["userName"].upper(), "active": False}

    assert directory.ask("PUT", f"Users/{user['id']}", body).json["active"] is False


def test_what_changes_nothing_is_200_and_leaves_no_trace(directory: Directory) -> None:
    user = directory.make(externalId="x")
    before = directory.audit()

    again = {"userName": user["userName"], "externalId": "x", "active": True}

    assert directory.ask("PUT", f"Users/{user['id']}", again).json == user
    assert directory.patch(user, {"op": "replace", "value": again}).json == user
    assert directory.audit() == before


def test_deactivating_and_reactivating_is_in_the_audit_once_each(directory: Directory) -> None:
    user = directory.make()
    for active in (False, False, True, True):
        assert directory.patch(user, {"op": "replace", "path": "active", "value": active}).json["active"] is active

    assert directory.audit() == ["member_provisioned", "member_deactivated", "member_reactivated"]


def test_the_last_owner_stays_one(directory: Directory) -> None:
    owner = {"id": directory.owner.user.id}

    assert refusal(directory.patch(owner, {"op": "replace", "path": "active", "value": False})) == (409, None)
    assert refusal(directory.ask("DELETE", f"Users/{owner['id']}")) == (409, None)
    assert directory.owner.user.membership.role == "owner"


def test_an_owner_comes_back_as_a_member(directory: Directory) -> None:
    second = join(directory.organization, role=Role.OWNER)
    user = {"id": second.user.id}

    directory.patch(user, {"op": "replace", "path": "active", "value": False})
    directory.patch(user, {"op": "replace", "path": "active", "value": True})

    assert Membership.objects.get(user=second.user).role == "member"


def test_a_deleted_user_is_gone_and_stays_an_account(directory: Directory) -> None:
    user = directory.make()

    assert directory.ask("DELETE", f"Users/{user['id']}").status == 204

    assert refusal(directory.get(user)) == (404, None)
    assert refusal(directory.ask("DELETE", f"Users/{user['id']}")) == (404, None)
    assert User.objects.filter(id=user["id"]).exists()
    assert directory.audit() == ["member_provisioned", "member_removed"]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_users_of_another_organisation_are_not_there(directory: Directory, method: str) -> None:
    stranger = make_directory(domain="other.example").owner
    body = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}

    for user_id in (stranger.user.id, uuid.uuid4(), "x"):
        answer = directory.ask(method, f"Users/{user_id}", body if method in {"PUT", "PATCH"} else None)
        assert refusal(answer) == (404, None)
    assert Membership.objects.get(user=stranger.user).active
