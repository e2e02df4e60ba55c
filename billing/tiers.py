"""The tiers and what each includes: the one table of docs/api.md § 11. ``None`` stands for ∞."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

GIB = 1024**3
MOST_SEATS = 10_000  # that are sold or granted at once


class Tier(StrEnum):
    """Declared from the lowest to the highest. Compare positions, never the strings: "pro" > "power"."""

    FREE = "free"
    PRO = "pro"
    POWER = "power"
    TEAM = "team"


@dataclass(frozen=True, slots=True, kw_only=True)
class TierLimits:
    """A column of docs/api.md § 11; the names are those of ``GET /billing/tiers``."""

    agents: int | None
    batch_active: int | None
    cloud_storage_bytes: int | None
    backup_storage_bytes: int | None
    llm_providers: int | None
    batch_builder: bool
    plugin_marketplace: bool
    sso: bool
    requests_per_minute: int

    def includes(self, feature: str) -> bool:
        """A switch is included when it is on, an amount when it is unlimited.

        Raises:
            AttributeError: no such row in the table.
        """
        value = getattr(self, feature)
        return value is True or value is None


TIERS: Mapping[Tier, TierLimits] = MappingProxyType(
    {
        Tier.FREE: TierLimits(
            agents=3,
            batch_active=2,
            cloud_storage_bytes=0,
            backup_storage_bytes=0,
            llm_providers=1,
            batch_builder=False,
            plugin_marketplace=False,
            sso=False,
            requests_per_minute=20,
        ),
        Tier.PRO: TierLimits(
            agents=None,
            batch_active=10,
            cloud_storage_bytes=5 * GIB,
            backup_storage_bytes=5 * GIB,
            llm_providers=None,
            batch_builder=True,
            plugin_marketplace=False,
            sso=False,
            requests_per_minute=60,
        ),
        Tier.POWER: TierLimits(
            agents=None,
            batch_active=None,
            cloud_storage_bytes=25 * GIB,
            backup_storage_bytes=25 * GIB,
            llm_providers=None,
            batch_builder=True,
            plugin_marketplace=True,
            sso=False,
            requests_per_minute=120,
        ),
        Tier.TEAM: TierLimits(
            agents=None,
            batch_active=None,
            cloud_storage_bytes=None,
            backup_storage_bytes=None,
            llm_providers=None,
            batch_builder=True,
            plugin_marketplace=True,
            sso=True,
            requests_per_minute=200,
        ),
    }
)

PAID_TIERS = tuple(tier for tier in Tier if tier is not Tier.FREE)


def lowest_tier_with(feature: str) -> Tier:
    """What a refusal names as ``required_tier``; see ``TierLimits.includes`` for what counts.

    Raises:
        AttributeError: no such row in the table.
    """
    return next(tier for tier in Tier if TIERS[tier].includes(feature))
