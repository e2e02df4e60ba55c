"""Stripe's signed events about money that has moved, as ``billing.stripe.events``: which there are, and what they say.

None of it where the event is of a connected account, whose business is its own.
"""

from billing.models import FactKind
from billing.stripe import money_objects
from billing.stripe.events import CHARGE_REFUNDED, INVOICES, IncomingEvent
from billing.stripe.money_port import InvoicePaid, MoneyBack, PaymentOfInvoice

PAID_INVOICES = tuple(kind for kind, meaning in INVOICES.items() if meaning is FactKind.PAYMENT_SUCCEEDED)
INVOICE_PAYMENTS = ("invoice_payment.paid",)
REFUNDS = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
DISPUTES = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
_ABOUT = "data.object."


def read_invoice_paid(event: IncomingEvent) -> InvoicePaid | None:
    """Of one of ``PAID_INVOICES``. Raises ValidationFailed, as do the others."""
    return None if event.account_id else money_objects.read_invoice_paid(event.data_object, at=_ABOUT)


def read_payment_of_invoice(event: IncomingEvent) -> PaymentOfInvoice | None:
    """Of one of ``INVOICE_PAYMENTS``, or of a charge whose version of the API still names its invoice."""
    if event.account_id:
        return None
    if event.type in INVOICE_PAYMENTS:
        return money_objects.read_payment_of_invoice(event.data_object, at=_ABOUT)
    return money_objects.read_invoice_of_charge(event.data_object) if event.type == CHARGE_REFUNDED else None


def read_money_back(event: IncomingEvent) -> MoneyBack | None:
    """Of ``CHARGE_REFUNDED``, one of ``REFUNDS`` or one of ``DISPUTES``; None where no payment is named."""
    if event.account_id:
        return None
    if event.type == CHARGE_REFUNDED:
        return money_objects.read_refunded_charge(event.data_object, heard_at=event.created, at=_ABOUT)
    read = money_objects.read_dispute if event.type in DISPUTES else money_objects.read_refund
    return read(event.data_object, heard_at=event.created, at=_ABOUT)
