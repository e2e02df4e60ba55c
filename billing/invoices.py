"""What subscriptions have brought in: a row for each paid invoice, from Stripe's events. Of whom is not kept."""

from billing.models import FactKind, SubscriptionPayment
from billing.stripe import hooks
from billing.stripe.objects import PAYMENTS, IncomingEvent

_MOST_CENTS = 2**31 - 1
_CURRENCY_LETTERS = 3


def register() -> None:
    for kind, meaning in PAYMENTS.items():
        if meaning is FactKind.PAYMENT_SUCCEEDED:
            hooks.register(kind, _on_paid)


def _on_paid(event: IncomingEvent) -> None:
    """Stripe tells of one payment twice, by two types of event. An invoice of nothing, as a trial's, is no income."""
    invoice_id, cents = event.data_object.get("id"), event.data_object.get("amount_paid")
    if event.fact.kind != FactKind.PAYMENT_SUCCEEDED or not isinstance(invoice_id, str):
        return
    if not isinstance(cents, int) or isinstance(cents, bool) or not 0 < cents <= _MOST_CENTS:
        return
    currency = event.data_object.get("currency")
    SubscriptionPayment.objects.get_or_create(
        invoice_id=invoice_id[:255],
        defaults={
            "amount_cents": cents,
            "currency": currency[:_CURRENCY_LETTERS] if isinstance(currency, str) else "eur",
            "paid_at": event.created,
        },
    )
