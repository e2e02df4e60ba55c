"""Stripe's events about what subscriptions earn. They come in any order, repeated and in parallel, and leave the same
books. What they leave open a job asks Stripe.
"""

from adiuva.jobs import enqueue
from billing.jobs import read_invoice, trace_payment
from billing.notices import send_receipt
from billing.revenue import books
from billing.stripe import hooks
from billing.stripe.events import CHARGE_REFUNDED, IncomingEvent
from billing.stripe.money_events import (
    DISPUTES,
    INVOICE_PAYMENTS,
    PAID_INVOICES,
    REFUNDS,
    read_invoice_paid,
    read_money_back,
    read_payment_of_invoice,
)


def register() -> None:
    for kinds, handler in (
        (PAID_INVOICES, _on_paid_invoice),
        (INVOICE_PAYMENTS, _on_invoice_payment),
        ((CHARGE_REFUNDED, *REFUNDS, *DISPUTES), _on_money_back),
    ):
        for kind in kinds:
            hooks.register(kind, handler)


def _on_paid_invoice(event: IncomingEvent) -> None:
    invoice = read_invoice_paid(event)
    if invoice is None:
        return
    is_decided = books.record_invoice(invoice, heard_at=event.created)
    send_receipt(invoice)
    if not is_decided or (invoice.lines and not invoice.is_whole):
        enqueue(read_invoice, invoice_id=invoice.id)


def _on_invoice_payment(event: IncomingEvent) -> None:
    link = read_payment_of_invoice(event)
    if link is not None:
        books.record_payment_of(payment_id=link.payment_id, invoice_id=link.invoice_id)


def _on_money_back(event: IncomingEvent) -> None:
    told = read_money_back(event)
    if told is None:
        return
    _on_invoice_payment(event)  # a charge may name its invoice
    if not books.record_return(told, said_at=event.created):
        enqueue(trace_payment, payment_id=told.payment_id)
