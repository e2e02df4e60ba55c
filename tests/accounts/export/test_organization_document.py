"""What of an organisation is in the export of one of its members: what is theirs, and nothing of anybody else."""

import pytest

from accounts.organizations.models import Membership
from tests.accounts.export.archives import document, export, opened
from tests.support.accounts import make_account
from tests.support.organizations import fill_organization, join

pytestmark = pytest.mark.django_db(transaction=True)  # an export gives its connection back


def test_membership_and_identities_are_in_it_and_no_other_member() -> None:
    account = make_account()
    organization = fill_organization("Acme", owner=account.user, mark="staff-17", invited="invited@example.com")
    other = join(organization)
    Membership.objects.filter(user=other.user).update(external_id="staff-18")
    answer = export(account)
    found = document(opened(answer.content), "organization.json")
    joined = found["membership"].pop("joined_at")
    assert joined is not None
    assert found["membership"] == {
        "organization_id": str(organization.id),
        "organization": "Acme",
        "role": "owner",
        "active": True,
        "made_by_the_organization": False,
        "user_name": account.email,
        "external_id": "staff-17",
    }
    (identity,) = found["identities"]
    assert (identity["issuer"], identity["subject"]) == ("https://login.example", "staff-17")
    for secret in (other.email, "staff-18", "invited@example.com", "sealed-secret"):
        assert secret.encode() not in answer.content


def test_who_is_in_none_has_an_empty_one() -> None:
    found = document(opened(export(make_account()).content), "organization.json")
    assert found == {"membership": None, "identities": []}
