from collections.abc import Callable

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.access import authenticate
from adiuva.http.problems import FeatureNotAvailable
from billing.entitlements import limit, require_feature, tier_of
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
