"""What a person has to look at: one row in the admin and one ERROR in the log."""

import logging

from django.db import transaction
from django.db.models.functions import Now

from billing.models import OperatorAlert

logger = logging.getLogger(__name__)

# The kinds, and what their reference names.
UNKNOWN_PRICE = "unknown_price"  # the price
UNKNOWN_STATUS = "unknown_status"  # the subscription
UNKNOWN_CUSTOMER = "unknown_customer"  # the customer
CUSTOMER_CONFLICT = "customer_conflict"  # the customer
SUBSCRIPTION_CONFLICT = "subscription_conflict"  # the subscription
SECOND_SUBSCRIPTION = "second_subscription"  # the customer
MIRROR_INCOMPLETE = "mirror_incomplete"  # the event or the subscription
DISPUTE = "dispute"  # the dispute
CANCEL_BY_HAND = "cancel_by_hand"  # the subscription, or the checkout session
CONNECT_RESTRICTED = "connect_restricted"  # the connected account
CONNECT_DEAUTHORIZED = "connect_deauthorized"  # the connected account
PLUGIN_DISPUTE = "plugin_dispute"  # the dispute
PLUGIN_PRICE_TOO_SMALL = "plugin_price_too_small"  # the plugin


def raise_alert(kind: str, *, reference: str, message: str) -> None:
    """Opens an alert, unless the same one is open already. The log gets its line when the transaction is committed."""
    _, is_new = OperatorAlert.objects.get_or_create(
        kind=kind, reference=reference, resolved_at=None, defaults={"message": message}
    )
    if is_new:
        transaction.on_commit(
            lambda: logger.error("operator alert: %s", message, extra={"alert": kind, "reference": reference}),
            robust=True,
        )


def update_alert(kind: str, *, reference: str, message: str) -> None:
    """As ``raise_alert``; an alert that is open already says ``message`` from now on."""
    opened = OperatorAlert.objects.filter(kind=kind, reference=reference, resolved_at=None)
    if not opened.update(message=message):
        raise_alert(kind, reference=reference, message=message)


def resolve(kind: str, *, reference: str, outcome: str = "") -> None:
    """Closes the alert, if one is open. ``outcome`` is what became of it: it takes the place of the message."""
    said = {"message": outcome} if outcome else {}
    OperatorAlert.objects.filter(kind=kind, reference=reference, resolved_at=None).update(resolved_at=Now(), **said)
