"""What each list of an organisation's promises: pages that do not overlap, and bounds (docs/api.md § 1)."""

import pytest

from accounts.organizations.models import AuditEntry, Domain, Invitation, Membership, ScimToken
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db
# As each says its order; the most that a page holds.
LISTS = {"members": 200, "invitations": 200, "domains": 100, "scim/tokens": 100, "audit": 200}
SHOWN = 50


def ask(path: str, owner: Account, query: str = "") -> Answer:
    return ApiClient().get(path + query, token=owner.access_token)


def fill(path: str, owner: Account) -> None:
    """Three of each; and the audit tells of them."""
    organization = owner.user.membership.organization
    for number in range(3):
        join(organization)
        for place, body in (
            ("invitations", {"email": f"{number}@example.com", "role": "member"}),
            ("domains", {"domain": f"{2 - number}.acme.example"}),
            ("scim/tokens", {}),
        ):
            assert ApiClient().post(f"{path}/{place}", json=body, token=owner.access_token).status == 201


def test_pages_are_whole_and_in_one_order() -> None:
    organization, owner = make_organization(seats=20)
    path = f"organizations/{organization.id}"
    fill(path, owner)
    ids = {
        "members": [str(one.user_id) for one in Membership.objects.order_by("joined_at")],
        "invitations": [str(one.id) for one in Invitation.objects.order_by("-created_at")],
        "domains": [one.name for one in Domain.objects.order_by("name")],
        "scim/tokens": [str(one.id) for one in ScimToken.objects.order_by("created_at")],
        "audit": [str(one.id) for one in AuditEntry.objects.order_by("-at")],
    }
    for name in LISTS:
        shown = [ask(f"{path}/{name}", owner, f"?limit=1&page={page + 1}").json for page in range(len(ids[name]))]
        keys = [item.get("user_id") or item.get("domain") or item["id"] for page in shown for item in page["items"]]
        assert keys == ids[name], name
        assert {page["total"] for page in shown} == {len(keys)}
        beyond = ask(f"{path}/{name}", owner, f"?page={len(keys) + 1}&limit=1").json
        assert beyond == {"items": [], "total": len(keys), "page": len(keys) + 1, "limit": 1}


@pytest.mark.parametrize(("name", "most"), LISTS.items())
def test_a_page_has_bounds(name: str, most: int) -> None:
    organization, owner = make_organization()
    path = f"organizations/{organization.id}/{name}"
    assert ask(path, owner).json["limit"] == SHOWN
    assert ask(path, owner, f"?limit={most + 1}").json["limit"] == most
    for wrong in ("page=0", "page=x", "page=", "limit=0", "limit=-1", "limit=1.0"):
        refused = ask(path, owner, f"?{wrong}")
        assert (refused.status, list(refused.json["errors"])) == (400, [wrong.partition("=")[0]])
