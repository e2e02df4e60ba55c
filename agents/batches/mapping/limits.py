"""How much of a map run each tier has (docs/api.md § 14)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from accounts.models import User
from billing import entitlements
from billing.tiers import Tier


@dataclass(frozen=True, slots=True)
class MapLimits:
    """``at_once`` items side by side, at most ``items`` in one run."""

    at_once: int
    items: int


MAP_LIMITS: Mapping[Tier, MapLimits] = MappingProxyType(
    {
        Tier.FREE: MapLimits(at_once=2, items=50),
        Tier.PRO: MapLimits(at_once=4, items=200),
        Tier.POWER: MapLimits(at_once=8, items=1000),
        Tier.TEAM: MapLimits(at_once=8, items=1000),
    }
)


def limits_of(user: User) -> MapLimits:
    return MAP_LIMITS[entitlements.tier_of(user)]
