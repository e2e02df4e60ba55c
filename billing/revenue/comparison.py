"""Our revenue held against Stripe's: what ``manage.py sync_stripe`` says of money, and mends.

What Stripe lists by when it was made counts when money moved, so the lists begin ``MADE_BEFORE`` earlier. An invoice
that was open for longer still is looked up where it is booked here, and is not seen where its event was lost.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from adiuva.money import format_amounts, format_money
from billing.prices import PriceBook
from billing.revenue import books
from billing.revenue.figures import revenue_by_month
from billing.revenue.models import InvoicePayment, PaidInvoice, ReturnedMoney, SubscriptionPayment
from billing.stripe.money_port import InvoicePaid, MoneyBack
from billing.stripe.port import Gateway

MADE_BEFORE = timedelta(days=92)
Rows = dict[str, SubscriptionPayment]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyDifference:
    """One movement of money; ``ours`` or ``theirs`` is None where it is not there."""

    source: str
    ours: SubscriptionPayment | None
    theirs: SubscriptionPayment | None

    def __str__(self) -> str:
        return f"{self.source}: {_word(self.ours)} -> {_word(self.theirs)}"


@dataclass(slots=True)
class _Told:
    """What Stripe says of one invoice, and of what went back of it lately."""

    invoice: InvoicePaid
    returns: list[MoneyBack] = field(default_factory=list)


class RevenueComparison:
    """Of this month and the one before, by UTC. ``differing`` and ``fixed`` count what ``differences`` went over."""

    def __init__(self, gateway: Gateway, *, now: datetime, step: Callable[[int], None]) -> None:
        self._gateway = gateway
        self._step = step
        self._now = now
        this = now.astimezone(UTC).date().replace(day=1)
        self.months = ((this - timedelta(days=1)).replace(day=1), this)
        self._since = datetime(self.months[0].year, self.months[0].month, 1, tzinfo=UTC)
        self._left: list[MoneyDifference] = []
        self.differing = self.fixed = 0

    def differences(self, *, fix: bool) -> Iterator[MoneyDifference]:
        """Raises the gateway's problems."""
        book = PriceBook.load()
        told_of = self._list()
        recent = SubscriptionPayment.objects.filter(paid_at__gte=self._since).order_by().values_list("invoice_id")
        ours = {invoice_id for (invoice_id,) in recent.distinct()}
        for told in told_of.values():
            if told.returns or told.invoice.id in ours or self._is_recent(told.invoice):
                yield from self._compare(told.invoice.id, told, fix=fix, book=book)
        for invoice_id in sorted(ours - told_of.keys()):
            invoice = self._gateway.retrieve_invoice(invoice_id)
            yield from self._compare(invoice_id, _Told(invoice) if invoice else None, fix=fix, book=book)

    def lines(self) -> list[str]:
        """``"2026-11: €51.00 + $20.00 here, €60.00 + $20.00 at Stripe"``, once ``differences`` has gone over all."""
        here = revenue_by_month(since=self._since)
        found = []
        for month in self.months:
            ours = {currency: amount.cents for currency, amount in here.get(month, {}).items()}
            theirs = defaultdict(int, ours)
            for one in self._left:
                for row, sign in ((one.ours, -1), (one.theirs, 1)):
                    if row is not None and _month_of(row) == month:
                        theirs[row.currency] += sign * row.amount_cents
            found.append(f"{month:%Y-%m}: {format_amounts(ours)} here, {format_amounts(theirs)} at Stripe")
        return found

    def _list(self) -> dict[str, _Told]:
        told_of: dict[str, _Told] = {}
        paid_by: dict[str, str] = {}
        for invoice in self._gateway.list_paid_invoices(since=self._since - MADE_BEFORE):
            self._step(1)
            paid_by |= dict.fromkeys(invoice.payment_ids, invoice.id)
            told_of[invoice.id] = _Told(invoice)
        for back in self._gateway.list_money_back(since=self._since - MADE_BEFORE):
            self._step(1)
            invoice_id = paid_by.get(back.payment_id) or self._invoice_of(back.payment_id)
            if invoice_id and invoice_id not in told_of:
                older = self._gateway.retrieve_invoice(invoice_id)
                if older is not None:
                    told_of[invoice_id] = _Told(older)
            if invoice_id in told_of:
                told_of[invoice_id].returns.append(back)
        return told_of

    def _is_recent(self, invoice: InvoicePaid) -> bool:
        return invoice.paid_at is None or invoice.paid_at >= self._since

    def _invoice_of(self, payment_id: str) -> str:
        link = InvoicePayment.objects.filter(pk=payment_id).first()
        return link.invoice_id if link is not None else self._gateway.find_invoice_of(payment_id) or ""

    def _compare(self, invoice_id: str, told: _Told | None, *, fix: bool, book: PriceBook) -> list[MoneyDifference]:
        here = _rows_here(invoice_id)
        # With the key of another account nothing would be at Stripe: it is said, and left as it is.
        theirs = _rows_told(told, now=self._now, book=book) if told is not None else {}
        found = self._differences_between(here, theirs)
        self.differing += len(found)
        left = found
        if found and fix and told is not None:
            _take_over(told, now=self._now)
            left = self._differences_between(_rows_here(invoice_id), theirs)
            self.fixed += len(found) - len(left)
        self._left += left
        return found

    def _differences_between(self, here: Rows, theirs: Rows) -> list[MoneyDifference]:
        pairs = ((source, here.get(source), theirs.get(source)) for source in sorted(here.keys() | theirs.keys()))
        return [
            MoneyDifference(source=source, ours=ours, theirs=told)
            for source, ours, told in pairs
            if _content_of(ours) != _content_of(told)
            and any(row is not None and row.paid_at >= self._since for row in (ours, told))
        ]


def _rows_here(invoice_id: str) -> Rows:
    return {row.source: row for row in SubscriptionPayment.objects.filter(invoice_id=invoice_id)}


def _rows_told(told: _Told, *, now: datetime, book: PriceBook) -> Rows:
    """What our books would come to with what Stripe says; nothing is stored."""
    known = PaidInvoice.objects.filter(pk=told.invoice.id).first()
    invoice = books.book_invoice(told.invoice, known, heard_at=now, again=True, book=book)
    payments = InvoicePayment.objects.filter(invoice_id=told.invoice.id).values_list("payment_id", flat=True)
    paid_by = {*payments, *told.invoice.payment_ids, *(back.payment_id for back in told.returns)}
    facts = {fact.stripe_id: fact for fact in ReturnedMoney.objects.filter(payment_id__in=paid_by)}
    for back in told.returns:
        facts[back.id] = books.merge(books.fact_of(back, said_at=now), facts.get(back.id))
    return {row.source: row for row in books.rows_of(invoice, facts.values())}


def _take_over(told: _Told, *, now: datetime) -> None:
    books.record_invoice(told.invoice, heard_at=now, again=True)
    for back in told.returns:
        books.record_payment_of(payment_id=back.payment_id, invoice_id=told.invoice.id)
        books.record_return(back, said_at=now)


def _content_of(row: SubscriptionPayment | None) -> tuple[object, ...] | None:
    """An event may tell of a return some seconds after the object's own time: the month is what counts."""
    return (row.amount_cents, row.currency, _month_of(row)) if row is not None else None


def _month_of(row: SubscriptionPayment) -> date:
    return row.paid_at.astimezone(UTC).date().replace(day=1)


def _word(row: SubscriptionPayment | None) -> str:
    return f"{format_money(row.amount_cents, row.currency)} in {_month_of(row):%Y-%m}" if row is not None else "nothing"
