"""What a person has to pay in Stripe's dashboard, because the developer has left and their account is forgotten."""

from collections.abc import Sequence

from django.db.models import Q

from billing import alerts
from billing.models import OperatorAlert
from billing.stripe.factory import is_stubbed
from marketplace.models import DeveloperAccount, RevenueEvent, Transfer
from marketplace.payouts.accounts import waiting_cents

PAYOUT_BY_HAND = "payout_by_hand"  # the alert's kind; its reference is the account at Stripe, or the sale
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


def tell_of_sale(event: RevenueEvent, *, has_risen: bool) -> None:
    """``has_risen``: the developer's share of it has, after a dispute that was won or a refund that failed. Where they
    have left meanwhile nobody can send it; an alert about it that is open follows the share down, too.
    """
    if not _has_left(event):
        return
    sent_to = Transfer.objects.filter(revenue_event=event).exclude(destination="").order_by("-created_at", "-pk")
    account_id = sent_to.values_list("destination", flat=True).first()
    cents, reference = waiting_cents(Q(revenue_event=event)), str(event.pk)
    if not cents:
        alerts.resolve(PAYOUT_BY_HAND, reference=reference)
    elif account_id and (has_risen or _is_open(reference)):
        alerts.update_alert(
            PAYOUT_BY_HAND,
            reference=reference,
            message=f"The developer of {event.plugin_id} has deleted their account, and {cents} cents of a sale "
            f"({event.purchase.payment_intent_id}) are owed to {account_id} since a refund or a dispute came out "
            f"in their favour: settle it in Stripe's dashboard, unless that was done for an earlier alert.",
        )


def _is_open(reference: str) -> bool:
    return OperatorAlert.objects.filter(kind=PAYOUT_BY_HAND, reference=reference, resolved_at=None).exists()


def _has_left(event: RevenueEvent) -> bool:
    """Also while the rest of their erasure takes its time. Somebody who was ever sent money has an account till then,
    but for the stub, which pays anybody.
    """
    if event.developer_id is None:
        return True
    return not is_stubbed() and not DeveloperAccount.objects.filter(user_id=event.developer_id).exists()


def _look_first(unanswered: Sequence[Transfer]) -> str:
    if not unanswered:
        return ""
    named = ", ".join(f"{one.pk.hex} ({one.amount_cents} cents)" for one in unanswered[:_MOST_NAMED])
    more = len(unanswered) - _MOST_NAMED
    return (
        f" Stripe never answered whether it made some of the payouts: look there first for transfers with the metadata "
        f"reference {named}{f' and {more} more' if more > 0 else ''}."
    )
