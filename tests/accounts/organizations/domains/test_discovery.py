"""How to sign in with an address, by its domain alone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.organizations.models import Connection, Domain, Organization
from tests.accounts.conftest import Clock
from tests.support.accounts import make_account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import make_connection, make_organization

pytestmark = pytest.mark.django_db


def discover(email: Any) -> Answer:
    return ApiClient().post("auth/sso/discover", json={"email": email})


def with_sign_on(domain: str = "acme.example", *, is_verified: bool = True, **changes: Any) -> Organization:
    organization, _ = make_organization()
    now = datetime.now(UTC)
    Domain.objects.create(
        organization=organization,
        name=domain,
        txt_value="value",
        created_at=now,
        verified_at=now if is_verified else None,
    )
    make_connection(organization, **changes)
    return organization


NOTHING = {"sso": False, "enforced": False, "start_url": None}


@pytest.mark.parametrize("is_enforced", [True, False])
def test_the_proven_domain_of_an_organisation_with_sign_on_leads_there(settings: Any, is_enforced: bool) -> None:
    settings.PUBLIC_URL = "https://api.adiuva.example"
    organization = with_sign_on(enforced=is_enforced)
    answer = discover("Ada@ACME.example")
    assert answer.status == 200
    assert answer.json == {
        "sso": True,
        "enforced": is_enforced,
        "start_url": f"https://api.adiuva.example/api/v1/auth/sso/start?organization={organization.id}",
    }


def test_an_account_makes_no_difference() -> None:
    with_sign_on()
    make_account(email="ada@acme.example")
    make_account(email="ada@elsewhere.example")
    assert discover("ada@acme.example").content == discover("nobody@acme.example").content
    assert discover("ada@elsewhere.example").content == discover("nobody@elsewhere.example").content


@pytest.mark.parametrize("email", ["ada@mail.acme.example", "ada@example", "ada@acme.example.com", "ada@[192.0.2.1]"])
def test_another_domain_leads_nowhere(email: str) -> None:
    with_sign_on()
    answer = discover(email)
    assert answer.status == 400 or answer.json == NOTHING


def test_a_domain_that_is_only_claimed_leads_nowhere() -> None:
    with_sign_on(is_verified=False)
    assert discover("ada@acme.example").json == NOTHING


def test_a_proven_domain_without_sign_on_leads_nowhere() -> None:
    organization = with_sign_on()
    Connection.objects.filter(organization=organization).delete()
    assert discover("ada@acme.example").json == NOTHING


@pytest.mark.parametrize(
    "spelled", ["münchen.example", "MÜNCHEN.example", "mu\u0308nchen.example", "xn--mnchen-3ya.example"]
)
def test_a_domain_has_one_meaning_in_each_of_its_spellings(spelled: str) -> None:
    with_sign_on("xn--mnchen-3ya.example")
    assert discover(f"ada@{spelled}").json["sso"] is True


@pytest.mark.parametrize("email", ["", "acme.example", "@acme.example", None, 1, "ada@acme.example@"])
def test_what_is_no_address_is_400(email: Any) -> None:
    assert discover(email).code == "validation_error"


def test_an_address_is_asked_about_twenty_times_a_minute(limits_clock: Clock) -> None:
    answers = [discover("ada@acme.example") for _ in range(21)]
    assert [answer.status for answer in answers] == [200] * 20 + [429]
    assert answers[0].headers["RateLimit-Limit"] == "120"  # the client's, which is reached later
    assert discover("grace@acme.example").status == 200
