"""Who is owed what: an append-only ledger, each booking of which sums to zero.

``buyer`` is what came in (negative) or went back (positive), ``developer`` and ``platform`` what is theirs of it.
Everything that is shown or paid is summed up from here.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, Sum

from marketplace.models import LedgerAccount, LedgerEntry, RevenueEvent

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


_SALE = "sale:"
SALES = Q(source__startswith=_SALE)  # every other booking takes something back, or gives it again


def source_of_sale(purchase_id: UUID) -> str:
    return f"{_SALE}{purchase_id}"


def book(*, event: RevenueEvent, source: str, shares: Split, at: datetime) -> bool:
    """Moves ``shares`` from the buyer to developer and platform; negative ones go back. In the caller's transaction.

    False when ``source`` is booked already: nothing has changed. The caller has the event's row locked, or made it.
    """
    if LedgerEntry.objects.filter(revenue_event=event, source=source).exists():
        return False
    amounts = {
        LedgerAccount.BUYER: -shares.total,
        LedgerAccount.DEVELOPER: shares.developer,
        LedgerAccount.PLATFORM: shares.platform,
    }
    LedgerEntry.objects.bulk_create(
        LedgerEntry(revenue_event=event, source=source, account=account, amount_cents=amount, booked_at=at)
        for account, amount in amounts.items()
        if amount
    )
    return True


def balances(event: RevenueEvent) -> Split:
    """What developer and platform have of a sale now. What the buyer still pays for it is ``total``."""
    sums = dict(
        LedgerEntry.objects.filter(revenue_event=event)
        .values("account")
        .annotate(cents=Sum("amount_cents"))
        .values_list("account", "cents")
    )
    return Split(developer=sums.get(LedgerAccount.DEVELOPER, 0), platform=sums.get(LedgerAccount.PLATFORM, 0))
