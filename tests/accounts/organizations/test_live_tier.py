"""Members have the team tier while their organisation's subscription is good for it (docs/api.md § 16)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.authentication import authenticate
from accounts.organizations.models import Membership, Organization, Role
from accounts.organizations.seats import payment
from billing.entitlements import tier_of
from billing.models import Subscription
from tests.billing.purchases import cancel, checkout, subscription
from tests.billing.stripe.portal_person import Person
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def profile(api: ApiClient, account: Account) -> Any:
    answer = api.get("auth/me", token=account.access_token)
    assert answer.status == 200, answer
    return answer.json


def owe(account: Account, *, days: int, after: str = "free") -> None:
    since = datetime.now(UTC) - timedelta(days=days)
    Subscription.objects.filter(user=account.user).update(
        status="past_due", past_due_since=since, tier_after_grace=after
    )


def test_who_joins_has_team_at_the_next_request(api: ApiClient, make_user: MakeUser) -> None:
    organization, _owner = make_organization(name="Acme")
    member = make_user(tier="pro")
    assert profile(api, member)["organization"] is None
    join(organization, member)
    shown = profile(api, member)
    assert shown["tier"] == "team"
    assert shown["organization"] == {"id": str(organization.id), "name": "Acme", "role": "member"}


def test_a_member_has_what_team_includes(api: ApiClient, make_user: MakeUser) -> None:
    organization, _owner = make_organization()
    member = join(organization)
    shown = api.get("storage/quota", token=member.access_token)
    assert shown.json["storage"]["limit_bytes"] is None
    assert shown.headers["RateLimit-Limit"] == "200"
    assert api.get("plugins", token=member.access_token).status == 200


def test_who_leaves_has_their_own_tier_again(api: ApiClient, make_user: MakeUser) -> None:
    organization, _owner = make_organization()
    member = join(organization, make_user(tier="pro"))
    Membership.objects.filter(user=member.user).delete()
    shown = profile(api, member)
    assert (shown["tier"], shown["organization"]) == ("pro", None)


def test_a_membership_that_the_directory_has_taken_back_gives_nothing(api: ApiClient) -> None:
    organization, _owner = make_organization()
    member = join(organization)
    Membership.objects.filter(user=member.user).update(active=False, deactivated_at=datetime.now(UTC))
    shown = profile(api, member)
    assert (shown["tier"], shown["organization"]) == ("free", None)


@pytest.mark.parametrize(("days", "after", "tier"), [(6, "free", "team"), (8, "free", "free"), (8, "team", "team")])
def test_the_grace_of_the_payer_is_that_of_the_members(api: ApiClient, days: int, after: str, tier: str) -> None:
    organization, owner = make_organization()
    member = join(organization)
    owe(owner, days=days, after=after)
    assert profile(api, member)["tier"] == tier
    assert payment().seats(organization.id) == (5 if tier == "team" else 0)


def test_a_payer_on_a_lower_tier_gives_no_member_that_one(api: ApiClient) -> None:
    organization, owner = make_organization()
    member = join(organization)
    Subscription.objects.filter(user=owner.user).update(tier="power")
    assert (profile(api, member)["tier"], profile(api, owner)["tier"]) == ("free", "power")


def test_without_a_subscription_an_organisation_gives_nothing(api: ApiClient) -> None:
    organization, owner = make_organization()
    member = join(organization)
    Subscription.objects.filter(user=owner.user).delete()
    assert profile(api, member)["tier"] == "free"
    assert profile(api, member)["organization"]["role"] == "member"


def test_one_organisation_gives_nothing_to_the_members_of_another(api: ApiClient) -> None:
    make_organization(name="Acme")
    unpaid = Organization.objects.create(name="Unpaid", created_at=datetime.now(UTC))
    assert profile(api, join(unpaid, role=Role.OWNER))["tier"] == "free"


@pytest.mark.parametrize("is_member", [False, True])
def test_a_profile_costs_one_query_whoever_asks(api: ApiClient, make_user: MakeUser, is_member: bool) -> None:
    organization, _owner = make_organization()
    account = join(organization) if is_member else make_user()
    with CaptureQueriesContext(connection) as queries:
        assert (profile(api, account)["organization"] is not None) == is_member
    assert len(queries) == 1, [query["sql"] for query in queries]


def test_a_member_who_was_read_elsewhere_has_the_same_tier(make_user: MakeUser) -> None:
    organization, _owner = make_organization()
    member = join(organization, make_user(tier="pro"))
    member.user.refresh_from_db()
    assert tier_of(member.user) == tier_of(authenticate(member.access_token).user) == "team"


def test_a_member_buys_no_team_and_may_buy_a_lower_tier_once(api: ApiClient) -> None:
    organization, _owner = make_organization()
    person = Person(api, join(organization))
    refused = checkout(api, person.account, "team")
    assert (refused.status, refused.code) == (409, "conflict")
    person.buy("pro")
    assert checkout(api, person.account, "pro").status == 409
    shown = subscription(api, person.account)
    assert (shown["tier"], shown["status"], shown["seats"]) == ("team", "active", 1)
    Membership.objects.filter(user=person.account.user).delete()
    assert profile(api, person.account)["tier"] == "pro"


def test_a_member_ends_their_own_subscription_and_keeps_the_organisations(api: ApiClient, make_user: MakeUser) -> None:
    organization, owner = make_organization()
    member = join(organization, make_user(tier="pro"))
    answer = cancel(api, member)
    assert (answer.json["tier"], answer.json["status"]) == ("team", "none")
    assert not Subscription.objects.filter(user=member.user).exists()
    assert payment().seats(organization.id) == 5
    assert profile(api, owner)["tier"] == "team"


@pytest.mark.django_db(transaction=True)
def test_a_team_is_bought_shared_and_ended(api: ApiClient, make_user: MakeUser) -> None:
    owner = Person(api, make_user())
    owner.buy("team", seats=3)
    organization, _ = _found(owner.account)
    member = join(organization)
    assert (profile(api, member)["tier"], payment().seats(organization.id)) == ("team", 3)
    owner.press("seats", seats="2")
    assert payment().seats(organization.id) == 2
    owner.press("fail")
    assert (profile(api, member)["tier"], payment().seats(organization.id)) == ("team", 2)
    ended = cancel(api, owner.account)
    assert ended.json["tier"] == "free"
    assert (profile(api, member)["tier"], profile(api, owner.account)["tier"]) == ("free", "free")
    assert payment().seats(organization.id) == 0
    owner.page = ""
    owner.buy("team", seats=4)
    assert (profile(api, member)["tier"], payment().seats(organization.id)) == ("team", 4)


def _found(owner: Account) -> tuple[Organization, Account]:
    organization = Organization.objects.create(name="Acme", created_at=datetime.now(UTC))
    join(organization, owner, Role.OWNER)
    payment().attach(organization=organization, user=owner.user)
    return organization, owner
