import dataclasses

import pytest

from billing.models import SubscriptionTier
from billing.tiers import TIERS, Tier, lowest_tier_with

GIB = 1024**3
UNLIMITED = None

# docs/api.md § 11, row by row: free, pro, power, team.
TABLE = {
    "agents": (3, UNLIMITED, UNLIMITED, UNLIMITED),
    "batch_active": (2, 10, UNLIMITED, UNLIMITED),
    "cloud_storage_bytes": (0, 5 * GIB, 25 * GIB, UNLIMITED),
    "backup_storage_bytes": (0, 5 * GIB, 25 * GIB, UNLIMITED),
    "llm_providers": (1, UNLIMITED, UNLIMITED, UNLIMITED),
    "batch_builder": (False, True, True, True),
    "plugin_marketplace": (False, False, True, True),
    "sso": (False, False, False, True),
    "requests_per_minute": (20, 60, 120, 200),
}


@pytest.mark.parametrize("row", TABLE)
def test_a_row_is_as_the_contract_has_it(row: str) -> None:
    assert tuple(getattr(TIERS[tier], row) for tier in Tier) == TABLE[row]


def test_the_table_has_these_rows_and_no_other() -> None:
    assert [field.name for field in dataclasses.fields(TIERS[Tier.FREE])] == list(TABLE)


def test_tiers_are_declared_from_the_lowest_to_the_highest() -> None:
    assert list(Tier) == ["free", "pro", "power", "team"]


def test_the_database_knows_the_same_tiers() -> None:
    assert list(Tier) == SubscriptionTier.values


def test_the_table_cannot_be_changed_at_run_time() -> None:
    with pytest.raises(TypeError):
        TIERS[Tier.FREE] = TIERS[Tier.TEAM]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        TIERS[Tier.FREE].sso = True  # type: ignore[misc]


@pytest.mark.parametrize(
    ("feature", "tier"),
    [
        ("batch_builder", "pro"),
        ("plugin_marketplace", "power"),
        ("sso", "team"),
        ("agents", "pro"),
        ("llm_providers", "pro"),
        ("batch_active", "power"),
        ("cloud_storage_bytes", "team"),
    ],
)
def test_the_lowest_tier_with_a_feature(feature: str, tier: str) -> None:
    assert lowest_tier_with(feature) == tier


def test_a_feature_that_is_not_in_the_table_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(AttributeError):
        lowest_tier_with("teleport")
