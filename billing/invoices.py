"""What subscriptions have brought in: a row for each paid invoice, from Stripe's events. Of whom is not kept."""

from billing.models import FactKind, SubscriptionPayment
from billing.stripe import hooks
from billing.stripe.events import INVOICES, IncomingEvent, read_paid_invoice


def register() -> None:
    for kind, meaning in INVOICES.items():
        if meaning is FactKind.PAYMENT_SUCCEEDED:
            hooks.register(kind, _on_paid)


def _on_paid(event: IncomingEvent) -> None:
    """Stripe tells of one payment twice, by two types of event."""
    invoice = read_paid_invoice(event)
    if invoice is not None:
        SubscriptionPayment.objects.get_or_create(
            invoice_id=invoice.id,
            defaults={
                "amount_cents": invoice.paid_cents,
                "currency": invoice.currency,
                "paid_at": event.created,
            },
        )
