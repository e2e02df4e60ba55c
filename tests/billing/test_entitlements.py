from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.authentication import authenticate
from accounts.models import User
from accounts.organizations.models import Membership, Organization, Role
from adiuva.api.errors import FeatureNotAvailable
from billing.entitlements import (
    COLUMNS,
    RELATIONS,
    limit,
    own_tier_of,
    require_feature,
    tier_in_sql,
    tier_of,
    tier_of_rows,
)
from billing.models import Subscription
from billing.tiers import Tier
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def test_no_subscription_is_the_free_tier(make_user: MakeUser) -> None:
    assert tier_of(make_user().user) is Tier.FREE


@pytest.mark.parametrize("tier", list(Tier))
def test_the_subscription_says_the_tier(make_user: MakeUser, tier: Tier) -> None:
    user = make_user().user
    Subscription.objects.create(user=user, tier=tier)
    assert tier_of(user) is tier


def test_the_display_copy_decides_nothing(make_user: MakeUser) -> None:
    user = make_user().user
    user.tier = Tier.TEAM
    user.save()
    assert tier_of(user) is Tier.FREE


@pytest.mark.parametrize("tier", [Tier.FREE, Tier.POWER])
def test_an_authenticated_user_brings_the_tier_along(
    make_user: MakeUser, tier: Tier, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    account = make_user(tier=tier)
    with django_assert_num_queries(1):
        assert tier_of(authenticate(account.access_token).user) is tier


def test_a_feature_of_the_tier_passes(make_user: MakeUser) -> None:
    require_feature(make_user(tier="power").user, "plugin_marketplace")


@pytest.mark.parametrize(
    ("tier", "feature", "required"),
    [
        ("free", "batch_builder", "pro"),
        ("pro", "plugin_marketplace", "power"),
        ("free", "agents", "pro"),
        ("power", "sso", "team"),
    ],
)
def test_a_feature_of_a_higher_tier_is_refused_with_its_name(
    make_user: MakeUser, tier: str, feature: str, required: str
) -> None:
    with pytest.raises(FeatureNotAvailable) as refusal:
        require_feature(make_user(tier=tier).user, feature)
    assert refusal.value.extra == {"required_tier": required}


def test_amounts_are_those_of_the_tier_and_none_is_unlimited(make_user: MakeUser) -> None:
    assert limit(make_user(tier="free").user, "agents") == 3
    assert limit(make_user(tier="pro").user, "cloud_storage_bytes") == 5 * 1024**3
    assert limit(make_user(tier="team").user, "backup_storage_bytes") is None


@dataclass(frozen=True, slots=True)
class Row:
    """A subscription; ``days_owed`` since it is past due."""

    tier: Tier
    status: str = "active"
    after: Tier = Tier.FREE
    days_owed: int | None = None

    def of(self, user: User, *, organization: Organization | None = None) -> Subscription:
        now = datetime.now(UTC)
        since = None if self.days_owed is None else now - timedelta(days=self.days_owed)
        return Subscription(
            user=user,
            organization=organization,
            tier=self.tier,
            status=self.status,
            tier_after_grace=self.after,
            past_due_since=since,
            stripe_tier=self.tier,
        )


ROWS = st.none() | st.builds(
    Row,
    st.sampled_from(Tier),
    st.sampled_from(["active", "trialing", "canceled", "unpaid"]),
    st.sampled_from(Tier),
)
ROWS |= st.builds(Row, st.sampled_from(Tier), st.just("past_due"), st.sampled_from(Tier), st.sampled_from([0, 6, 8]))


@dataclass(frozen=True, slots=True)
class Person:
    """``is_active`` is of the membership, None for no member; ``pays``: their own row is the organisation's."""

    own: Row | None
    is_active: bool | None = None
    paying: Row | None = None
    pays: bool = False


def settle(person: Person) -> User:
    user = make_person()
    organization = Organization.objects.create(name="Acme", created_at=datetime.now(UTC))
    if person.own is not None:
        person.own.of(user, organization=organization if person.pays else None).save()
    if person.paying is not None and not (person.pays and person.own is not None):
        person.paying.of(make_person(), organization=organization).save()
    if person.is_active is not None:
        Membership.objects.create(
            organization=organization,
            user=user,
            role=Role.MEMBER,
            active=person.is_active,
            joined_at=datetime.now(UTC),
            deactivated_at=None if person.is_active else datetime.now(UTC),
        )
    return user


def make_person() -> User:
    return User.objects.create_user(email=f"{uuid4()}@example.com")


def expected(person: Person) -> Tier:
    """The rule as docs/api.md § 16 has it, said once more."""

    def worth(row: Row | None) -> Tier:
        if row is None:
            return Tier.FREE
        return row.after if row.days_owed is not None and row.days_owed > 7 else row.tier

    paying = person.own if person.pays and person.own is not None else person.paying
    is_covered = person.is_active is True and worth(paying) is Tier.TEAM
    return Tier.TEAM if is_covered else worth(person.own)


PEOPLE = st.builds(Person, ROWS, st.sampled_from([None, False, True]), ROWS, st.booleans())


@given(people=st.lists(PEOPLE, min_size=1, max_size=4))
@settings(max_examples=60)
@example(people=[Person(own=None, is_active=True, paying=Row(Tier.TEAM))])
@example(people=[Person(own=Row(Tier.PRO), is_active=False, paying=Row(Tier.TEAM))])
@example(people=[Person(own=Row(Tier.TEAM, "past_due", Tier.PRO, 8), is_active=True, pays=True)])
@example(people=[Person(own=None, is_active=True, paying=Row(Tier.PRO, "past_due", Tier.TEAM, 8))])
def test_sql_says_the_tier_that_python_says(people: list[Person]) -> None:
    with transaction.atomic():
        wanted = {settle(one).pk: expected(one) for one in people}
        mine = User.objects.filter(pk__in=wanted)
        assert dict(mine.values_list("pk", tier_in_sql(""))) == wanted
        assert {one.pk: tier_of(one) for one in mine} == wanted
        with CaptureQueriesContext(connection) as queries:
            assert {one.pk: tier_of(one) for one in mine.select_related(*RELATIONS).only("id", *COLUMNS)} == wanted
        assert len(queries) == 1
        in_rows = dict(Subscription.objects.filter(user__in=mine).values_list("user_id", tier_of_rows()))
        assert in_rows == {one.pk: own_tier_of(one) for one in mine if hasattr(one, "subscription")}
        transaction.set_rollback(True)
