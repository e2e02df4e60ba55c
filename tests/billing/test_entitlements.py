from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.authentication import authenticate
from accounts.models import User
from adiuva.api.errors import FeatureNotAvailable
from billing.entitlements import limit, require_feature, tier_in_sql, tier_of, tier_of_rows
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


@pytest.mark.parametrize("status", ["active", "past_due", "canceled", "unpaid"])
@pytest.mark.parametrize("days_owed", [0, 6, 8])
def test_sql_says_the_tier_that_python_says(make_user: MakeUser, status: str, days_owed: int) -> None:
    user = make_user().user
    since = datetime.now(UTC) - timedelta(days=days_owed) if status == "past_due" else None
    Subscription.objects.create(
        user=user, tier="team", tier_after_grace="pro", status=status, past_due_since=since, stripe_tier="team"
    )
    make_user()
    in_sql = dict(User.objects.values_list("pk", tier_in_sql("")))
    assert in_sql == {one.pk: tier_of(one) for one in User.objects.select_related("subscription")}
    assert Subscription.objects.values_list(tier_of_rows(), flat=True).get() == tier_of(user)
