"""Which transfers there have to be, so that a developer gets what the ledger says: written before Stripe is asked."""

from collections.abc import Sequence
from datetime import datetime

from marketplace.models import RevenueEvent, Transfer


def follow_ledger(*, event: RevenueEvent, owed_cents: int, source: str, at: datetime) -> None:
    """Makes the sum of the sale's transfers ``owed_cents``. The caller has the event's row locked, or made it.

    What nobody has tried to send shrinks or goes away. What somebody has tried may be on its way, with its amount, so
    it stays, and a reversal is added that waits for it.
    """
    transfers = list(Transfer.objects.select_for_update().filter(revenue_event=event).order_by("-created_at", "-pk"))
    missing = owed_cents - sum(transfer.amount_cents for transfer in transfers)
    for transfer in transfers:
        if not transfer.attempts and missing * transfer.amount_cents < 0:
            missing += _shrink(transfer, by=abs(missing))
    if missing > 0:
        Transfer.objects.create(revenue_event=event, source=source, amount_cents=missing, created_at=at)
    elif missing < 0:
        _reverse([one for one in transfers if one.attempts], event=event, cents=-missing, source=source, at=at)


def _shrink(transfer: Transfer, *, by: int) -> int:
    """Moves its amount towards zero; answers by how much less is missing now, with the sign of the transfer."""
    step = min(by, abs(transfer.amount_cents))
    moved = step if transfer.amount_cents > 0 else -step
    transfer.amount_cents -= moved
    if transfer.amount_cents:
        transfer.save(update_fields=["amount_cents"])
    else:
        transfer.delete()
    return moved


def _reverse(transfers: Sequence[Transfer], *, event: RevenueEvent, cents: int, source: str, at: datetime) -> None:
    """Newest payout first; of each no more than what is left of it."""
    payouts = [one for one in transfers if one.amount_cents > 0]
    made = 0
    for payout in payouts:
        left = payout.amount_cents + sum(
            Transfer.objects.filter(reverses=payout).values_list("amount_cents", flat=True)
        )
        part = min(left, cents)
        if part <= 0:
            continue
        made += 1
        cents -= part
        Transfer.objects.create(
            revenue_event=event,
            reverses=payout,
            source=source if made == 1 else f"{source}#{made}",
            amount_cents=-part,
            created_at=at,
        )
