"""What a domain is, whoever spells it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.organizations.domains.lookup import domain_of, is_proven, organization_of_address, spell_domain
from accounts.organizations.models import Domain
from adiuva.spelling import address_key
from tests.support.organizations import make_organization

LABELS = st.text(st.sampled_from("abcäöüß\u017fİΣçñ日本Ⅷ-_0\u0661xn."), min_size=1, max_size=12)
TYPED = st.one_of(
    st.text(max_size=40), LABELS.map("{}.example".format), st.sampled_from(["ⓐcme.example", "a。example"])
)


@given(TYPED)
def test_the_spelling_of_a_spelling_is_itself_and_what_its_column_takes(typed: str) -> None:
    try:
        name = spell_domain(typed)
    except ValueError:
        return
    assert spell_domain(name) == spell_domain(name.upper()) == spell_domain(f"{name}.") == name
    assert name == name.lower()
    assert len(name) <= 253
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")


@given(TYPED)
def test_addresses_that_are_compared_as_one_have_one_domain(typed: str) -> None:
    email = f"ada@{typed}"
    assert domain_of(email) == domain_of(address_key(email))


@pytest.mark.parametrize("email", ["", "acme.example", "@acme.example", "ada@", "ada@printer.local", "ada@[192.0.2.1]"])
def test_an_address_without_a_domain_has_none(email: str) -> None:
    assert domain_of(email) is None


@pytest.mark.django_db
def test_the_domain_after_the_last_at_is_the_addresses() -> None:
    organization, _ = make_organization()
    moment = organization.created_at
    Domain.objects.create(
        organization=organization, name="acme.example", txt_value="x", created_at=moment, verified_at=moment
    )
    assert organization_of_address('"ada@acme.example"@evil.example') is None
    assert organization_of_address('"ada@evil.example"@acme.example') == organization
    assert is_proven(organization.id, "ada@acme.example")
    assert not is_proven(make_organization()[0].id, "ada@acme.example")
