"""The one writer of revenue: keeps what Stripe said, and books what it comes to.

Every function here may be called in any order, again, and in parallel. One payment, and then one invoice, is worked on
by one transaction at a time, so that of two that speak of the same money the later one sees what the earlier one kept.
Nothing here asks Stripe: what only Stripe knows is left to a job.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.db import transaction
from django.db.models import Q

from billing.models import BillingFact
from billing.prices import Price, PriceBook
from billing.revenue import disputes
from billing.revenue.entries import entries_of
from billing.revenue.models import InvoicePayment, MoneyKind, PaidInvoice, ReturnedMoney, SubscriptionPayment
from billing.revenue.shares import earned_cents
from billing.stripe.customers import lock_subject
from billing.stripe.money_port import InvoicePaid, MoneyBack
from billing.stripe.projection import our_subscription_ids

_ORDER = ("phase", "said_at", "is_with_payer", "amount_cents", "status")


@dataclass(frozen=True, slots=True)
class _Share:
    """What our prices earned of an invoice; ``is_exact`` is False where its lines were not all there."""

    cents: int
    is_exact: bool


@transaction.atomic
def record_invoice(invoice: InvoicePaid, *, heard_at: datetime, again: bool = False) -> bool:
    """Books what our prices earned of a paid invoice, whoever's customer paid it. False where only its lines, which are
    not all here, could tell.

    What was booked by its lines once stays as it was, whatever stands for a tier today; ``again`` looks anew, and lets
    it become more. ``heard_at`` is when Stripe said so, for an invoice that does not.
    """
    for payment_id in sorted(invoice.payment_ids):
        _lock_payment(payment_id)
    _lock_invoice(invoice.id)
    for payment_id in invoice.payment_ids:
        _keep_link(payment_id, invoice.id)
    known = PaidInvoice.objects.filter(pk=invoice.id).first()
    booked = book_invoice(invoice, known, heard_at=heard_at, again=again, book=PriceBook.load())
    if booked is not None:
        booked.save()
    elif known is not None:
        known.delete()
    _settle_locked(invoice.id)
    return booked is not None or invoice.is_whole or not invoice.paid_cents


@transaction.atomic
def record_payment_of(*, payment_id: str, invoice_id: str) -> None:
    """That ``payment_id`` paid this invoice; empty: Stripe says that it paid none."""
    _lock_payment(payment_id)
    if invoice_id:
        _lock_invoice(invoice_id)
    _keep_link(payment_id, invoice_id)
    if invoice_id:
        _settle_locked(invoice_id)


@transaction.atomic
def record_return(told: MoneyBack, *, said_at: datetime) -> bool:
    """Keeps it, and takes it off what it is a return of. False where it is not known what its payment paid."""
    _lock_payment(told.payment_id)
    link = InvoicePayment.objects.filter(pk=told.payment_id).first()
    invoice_id = link.invoice_id if link is not None else ""
    if invoice_id:
        _lock_invoice(invoice_id)  # before any row, which who settles the invoice may write to as well
    known = ReturnedMoney.objects.filter(pk=told.id).first()
    merge(fact_of(told, said_at=said_at), known).save()
    if invoice_id:
        _settle_locked(invoice_id)
    return link is not None


def book_invoice(
    invoice: InvoicePaid, known: PaidInvoice | None, *, heard_at: datetime, again: bool, book: PriceBook
) -> PaidInvoice | None:
    """What is to be booked of it, not saved: ``known`` where nothing better was said, None for what is not ours."""
    share = _share_of(invoice, book)
    if share is None or not _is_better(share, known, again=again):
        return known
    if not share.cents:
        # What was booked before there were lines stays, as long as its subscription is one of ours.
        is_theirs = not invoice.paid_cents or not our_subscription_ids(_facts_of(invoice))
        return None if is_theirs else known
    return PaidInvoice(
        invoice_id=invoice.id,
        our_cents=share.cents,
        paid_cents=invoice.paid_cents,
        currency=invoice.currency,
        paid_at=invoice.paid_at or (known.paid_at if known is not None else heard_at),
        is_exact=share.is_exact,
    )


def _share_of(invoice: InvoicePaid, book: PriceBook) -> _Share | None:
    """None where its lines are not all here and nothing else says whose it is."""
    if not invoice.paid_cents:
        return _Share(0, is_exact=True)
    if invoice.is_whole:
        is_ours = _ours(invoice, book)
        return _Share(earned_cents(invoice.lines, paid_cents=invoice.paid_cents, is_ours=is_ours), is_exact=True)
    if invoice.subscription_id and our_subscription_ids(_facts_of(invoice)):
        return _Share(invoice.paid_cents, is_exact=False)
    return None


def fact_of(told: MoneyBack, *, said_at: datetime) -> ReturnedMoney:
    """Not saved."""
    return ReturnedMoney(
        stripe_id=told.id,
        kind=MoneyKind(told.kind),
        payment_id=told.payment_id,
        amount_cents=told.cents,
        currency=told.currency,
        status=told.status,
        phase=told.phase,
        is_with_payer=told.is_with_payer,
        taken_at=told.taken_at,
        back_at=told.back_at,
        reason=told.reason,
        due_by=told.due_by,
        said_at=said_at,
    )


def merge(one: ReturnedMoney, other: ReturnedMoney | None) -> ReturnedMoney:
    """What both say of one thing; the same, whichever came first. The one further on counts, and of two times at which
    the money came again the earlier: it is told more than once. What was refunded of a charge by the first that saw it.
    """
    if other is None:
        return one
    further = max(one, other, key=lambda fact: tuple(getattr(fact, name) for name in _ORDER))
    times = [fact.back_at for fact in (one, other) if fact.back_at is not None]
    further.back_at = min(times, default=None)
    if further.kind == MoneyKind.CHARGE:
        further.taken_at = min(one.taken_at, other.taken_at)
    further.told = one.told or other.told
    return further


def _is_better(share: _Share, known: PaidInvoice | None, *, again: bool) -> bool:
    if known is None or not known.is_exact:
        return known is None or share.is_exact
    return again and share.is_exact and share.cents > known.our_cents


def _keep_link(payment_id: str, invoice_id: str) -> None:
    link, is_new = InvoicePayment.objects.get_or_create(payment_id=payment_id, defaults={"invoice_id": invoice_id})
    if not is_new and invoice_id and not link.invoice_id:
        InvoicePayment.objects.filter(pk=payment_id).update(invoice_id=invoice_id)


def _settle_locked(invoice_id: str) -> None:
    """Makes the rows of an invoice what is known of it comes to, and tells an operator of its disputes."""
    booked = {row.source: row for row in SubscriptionPayment.objects.filter(invoice_id=invoice_id)}
    invoice = PaidInvoice.objects.filter(pk=invoice_id).first()
    returns: list[ReturnedMoney] = []
    if invoice is not None:
        paid_by = InvoicePayment.objects.filter(invoice_id=invoice_id).values("payment_id")
        returns = list(ReturnedMoney.objects.filter(payment_id__in=paid_by))
    for row in rows_of(invoice, returns):
        before = booked.pop(row.source, None)
        if before is None or not _is_same(before, row):
            row.save(force_insert=before is None)
    SubscriptionPayment.objects.filter(pk__in=list(booked)).delete()
    for fact in returns:
        if fact.kind == MoneyKind.DISPUTE:
            disputes.tell(fact, invoice_id=invoice_id)


def rows_of(invoice: PaidInvoice | None, returns: Iterable[ReturnedMoney]) -> list[SubscriptionPayment]:
    """What an invoice comes to, not saved; nothing for one that is not ours."""
    if invoice is None:
        return []
    return [
        SubscriptionPayment(
            source=entry.source,
            invoice_id=invoice.invoice_id,
            kind=entry.kind,
            amount_cents=entry.cents,
            currency=invoice.currency,
            paid_at=entry.at,
        )
        for entry in entries_of(invoice, returns)
    ]


def _is_same(one: SubscriptionPayment, other: SubscriptionPayment) -> bool:
    names = ("source", "invoice_id", "kind", "amount_cents", "currency", "paid_at")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _ours(invoice: InvoicePaid, book: PriceBook) -> Callable[[Price], bool]:
    """A price that is in a list or was in one, one of a product of ours, and one that stood for a tier in this very
    subscription. Where none did, and it is ours by what its checkout wrote down, all of its prices are.
    """

    @cache
    def ours_in_it() -> set[str]:
        facts = _facts_of(invoice)
        every = [(name, tier) for fact in facts for name, tier in fact.price_tiers.items()]
        stood_for_a_tier = {name for name, tier in every if tier}
        if stood_for_a_tier or not our_subscription_ids(facts):
            return stood_for_a_tier
        return {name for name, _ in every}

    def is_ours(price: Price) -> bool:
        return book.tier_of(price) is not None or book.is_of_our_product(price) or price.id in ours_in_it()

    return is_ours


def _facts_of(invoice: InvoicePaid) -> list[BillingFact]:
    """Of its subscription."""
    of_it = Q(subject_id=invoice.customer_id, subscription_id=invoice.subscription_id)
    return list(BillingFact.objects.filter(of_it)) if invoice.subscription_id else []


def _lock_payment(payment_id: str) -> None:
    """Before the invoice's, never after."""
    lock_subject(f"revenue:{payment_id}")


def _lock_invoice(invoice_id: str) -> None:
    lock_subject(f"revenue:{invoice_id}")
