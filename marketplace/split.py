"""How the price of a plugin is split, in whole cents. Nothing is ever rounded twice, so nothing is lost or made.

What is left after refunds is split as a sale of that amount would be. So a share is a function of the total that went
back: whatever it came in, and in whatever order, everything back leaves nobody with anything.
"""

from dataclasses import dataclass

DEVELOPER_PERCENT = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Cents. Both are at least 0, but for a difference."""

    developer: int
    platform: int

    @property
    def total(self) -> int:
        return self.developer + self.platform

    def __sub__(self, other: "Split") -> "Split":
        """What has to be booked so that ``other`` becomes this one."""
        return Split(developer=self.developer - other.developer, platform=self.platform - other.platform)


def split(amount_cents: int, *, has_developer: bool = True) -> Split:
    """The developer has ``floor(70 %)``, the platform the rest, or all of it where there is no developer.

    Raises:
        ValueError: a negative amount.
    """
    if amount_cents < 0:
        raise ValueError("an amount is never negative")
    developer = amount_cents * DEVELOPER_PERCENT // 100 if has_developer else 0
    return Split(developer=developer, platform=amount_cents - developer)
