"""What a person has to pay in Stripe's dashboard, because the developer has left and their account is forgotten."""

from collections.abc import Sequence

from django.db.models import Q

from billing import alerts
from marketplace.models import DeveloperAccount, Transfer
from marketplace.payouts.accounts import waiting_cents

PAYOUT_BY_HAND = "payout_by_hand"  # the alert's kind; its reference is the account at Stripe
_MOST_NAMED = 8


def tell_of_account(account: DeveloperAccount, *, unanswered: Sequence[Transfer]) -> None:
    """``unanswered``: those payouts that Stripe may have made. To be called before the account is forgotten."""
    cents = waiting_cents(Q(revenue_event__developer=account.user_id))
    if cents or unanswered:
        alerts.raise_alert(
            PAYOUT_BY_HAND,
            reference=account.stripe_account_id,
            message=f"The account of a developer was deleted while {cents} cents were still owed to "
            f"{account.stripe_account_id}: settle it in Stripe's dashboard.{_look_first(unanswered)}",
        )


def _look_first(unanswered: Sequence[Transfer]) -> str:
    if not unanswered:
        return ""
    named = ", ".join(f"{one.pk.hex} ({one.amount_cents} cents)" for one in unanswered[:_MOST_NAMED])
    more = len(unanswered) - _MOST_NAMED
    return (
        f" Stripe never answered whether it made some of the payouts: look there first for transfers with the metadata "
        f"reference {named}{f' and {more} more' if more > 0 else ''}."
    )
