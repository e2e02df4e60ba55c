"""What Entra and Okta send, by their public documentation, and what RFC 7644 § 3.5.2 says of the rest."""

from typing import Any

import pytest

from accounts.organizations.models import Membership
from tests.accounts.organizations.scim.directory import USER, Directory, address, refusal

pytestmark = pytest.mark.django_db
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


# learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups, "Disable User", and
# application-provisioning-config-problem-scim-compatibility, with and without the feature flag
ENTRA_DISABLES = [
    [{"op": "Replace", "path": "active", "value": False}],
    [{"op": "Replace", "path": "active", "value": "False"}],
    [{"op": "replace", "value": {"active": "false"}}],
    [{"op": "Add", "path": f"{USER}:active", "value": "False"}],
    [
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "updated@acme.example"},
        {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "Remove", "path": f"{ENTERPRISE}:manager"},
        {"op": "Replace", "path": "active", "value": "False"},
    ],
    [
        {
            "op": "replace",
            "value": {
                "active": False,
                "displayName": "x",
                "name.givenName": "y",
                'emails[type eq "work"].value': "z@acme.example",
                f"{ENTERPRISE}:employeeNumber": "7",
                ENTERPRISE: {"active": True},
            },
        }
    ],
]
# developer.okta.com, Okta and SCIM Version 2.0: what a PATCH says when a user is deactivated
OKTA_DISABLES = [[{"op": "replace", "value": {"active": False}}]]
BY_THE_BOOK = [
    [{"op": "replace", "path": "ACTIVE", "value": False}],
    [{"op": "add", "value": {"Active": False}}],
    [{"op": "replace", "value": {USER: {"active": False}}}],
    [{"op": "replace", "value": {f"{USER}:active": False}}],
    [{"op": "replace", "path": USER, "value": {"active": False}}],
    [{"op": "replace", "path": "active", "value": True}, {"op": "replace", "path": "active", "value": False}],
]


@pytest.mark.parametrize("operations", [*ENTRA_DISABLES, *OKTA_DISABLES, *BY_THE_BOOK])
def test_a_user_is_deactivated(directory: Directory, operations: list[Any]) -> None:
    user = directory.make()

    answer = directory.patch(user, *operations)

    assert (answer.status, answer.json) == (200, user | {"active": False})
    assert not Membership.objects.get(user_id=user["id"]).active


def test_entra_and_okta_create_a_user_with_all_that_they_know(directory: Directory) -> None:
    """Their documented bodies; what is not kept is not answered either."""
    name, other = address(), address()
    entra = {
        "schemas": [USER, ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": name,
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": name}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
        "roles": [],
        ENTERPRISE: {"department": "Sales"},
    }
    okta = {
        "schemas": [USER],
        "userName": other,
        "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"primary": True, "value": other, "type": "work"}],
        "displayName": "Test User",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
    }

    for body in (entra, okta):
        created = directory.ask("POST", "Users", body, content_type="application/scim+json; charset=utf-8")
        assert created.status == 201
        assert set(created.json) == {"schemas", "id", "externalId", "userName", "active", "meta"}


def test_okta_reactivates_by_a_put_of_everything(directory: Directory) -> None:
    user = directory.make(active=False)

    body = user | {"active": True, "emails": [{"value": user["userName"]}], "meta": {"resourceType": "User"}}

    assert directory.ask("PUT", f"Users/{user['id']}", body).json == user | {"active": True}


def test_an_external_id_is_set_replaced_and_removed(directory: Directory) -> None:
    user = directory.make()

    for operation, expected in (
        ({"op": "Add", "path": "externalId", "value": "a"}, "a"),
        ({"op": "replace", "value": {"externalId": "b"}}, "b"),
        ({"op": "remove", "path": "externalId"}, None),
        ({"op": "Remove", "path": "displayName"}, None),
    ):
        assert directory.patch(user, operation).json.get("externalId") == expected


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "move", "path": "active", "value": False}, "invalidSyntax"),
        ({"op": "replace", "path": "active.value", "value": False}, "invalidPath"),
        ({"op": "remove", "path": "userName"}, "mutability"),
    ],
)
def test_an_operation_that_is_wrong_undoes_the_others(directory: Directory, operation: Any, scim_type: str) -> None:
    user = directory.make()

    refused = directory.patch(user, {"op": "replace", "path": "externalId", "value": "new"}, operation)

    assert refusal(refused) == (400, scim_type)
    assert directory.get(user).json == user


def test_what_fails_late_undoes_what_went_before(directory: Directory) -> None:
    user, other = directory.make(), directory.make(externalId="taken")

    refused = directory.patch(
        user,
        {"op": "replace", "path": "userName", "value": address()},
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": "externalId", "value": other["externalId"]},
    )

    assert refusal(refused) == (409, "uniqueness")
    assert directory.get(user).json == user
