"""What is left of a developer's money when their account is deleted: the bookings stay, and name nobody."""

from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from billing import alerts
from marketplace import transfers
from marketplace.models import DeveloperAccount

PAYOUT_BY_HAND = "payout_by_hand"  # the alert's kind; its reference is the account at Stripe


def erase(user_id: UUID) -> None:
    """Pays what can be paid; what is left is for a person to settle. Sales and purchases lose the person with the row
    of their account, here goes what leads to them at Stripe. Who never said how to be paid leaves their share behind.
    """
    account = DeveloperAccount.objects.filter(user_id=user_id).first()
    if account is None:
        return
    transfers.run_open(developer_id=user_id)
    with transaction.atomic():
        # Reversals among them need no account: they name the payout.
        left = transfers.open_transfers().filter(revenue_event__developer=user_id, reverses=None)
        cents = left.aggregate(cents=Sum("amount_cents"))["cents"]
        if cents:
            alerts.raise_alert(
                PAYOUT_BY_HAND,
                reference=account.stripe_account_id,
                message=f"The account of a developer was deleted while {cents} cents were still owed to "
                f"{account.stripe_account_id}: settle it in Stripe's dashboard.",
            )
        account.delete()
