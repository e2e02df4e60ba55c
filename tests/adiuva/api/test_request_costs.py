"""What requests may cost, in what can be counted: queries, and serializers of a page."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers

from adiuva.api.pagination import InMemoryRows, Page, serialized_by
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.organizations import join, make_organization


def queries_of(api: ApiClient, path: str, account: Account) -> int:
    with CaptureQueriesContext(connection) as queries:
        answer = api.get(path, token=account.access_token)
    assert answer.status == 200, answer
    return len(queries)


@pytest.mark.django_db
@pytest.mark.parametrize("tier", ["free", "pro", "team"])
def test_a_profile_costs_one_query(api: ApiClient, make_user: Callable[..., Account], tier: str) -> None:
    assert queries_of(api, "auth/me", make_user(tier=tier)) == 1


@pytest.mark.django_db
def test_the_profile_of_an_organisations_member_costs_one_query(api: ApiClient) -> None:
    organization, _ = make_organization()
    member = join(organization)
    assert queries_of(api, "auth/me", member) == 1
    assert api.get("auth/me", token=member.access_token).json["tier"] == "team"


@pytest.mark.django_db
def test_the_lists_of_an_organisation_cost_the_same_for_many_rows(api: ApiClient) -> None:
    organization, owner = make_organization(seats=20)
    path = f"organizations/{organization.id}"

    def add(number: int) -> None:
        join(organization)
        for place, body in (
            ("invitations", {"email": f"{number}@example.com", "role": "member"}),
            ("domains", {"domain": f"{number}.acme.example"}),
            ("scim/tokens", {}),
        ):
            assert api.post(f"{path}/{place}", json=body, token=owner.access_token).status == 201

    def cost() -> dict[str, int]:
        return {
            name: queries_of(api, f"{path}/{name}", owner)
            for name in ("members", "invitations", "domains", "scim/tokens", "audit")
        }

    add(0)
    with_one = cost()
    for number in range(1, 4):
        add(number)
    assert cost() == with_one


class Row(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    made = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        type(self).made += 1
        super().__init__(*arguments, **options)


def test_a_page_has_one_serializer_for_all_its_rows() -> None:
    page = Page(number=1, limit=50).of(InMemoryRows([{"number": 1}, {"number": 2}]), serialized_by(Row))
    assert page["items"] == [{"number": 1}, {"number": 2}]
    assert Row.made == 1
