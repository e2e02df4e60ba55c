"""What billing puts off, and what it does by the clock: whatever needs Stripe's API and no request waits for."""

import logging
from datetime import UTC, datetime

from django.conf import settings

from adiuva.jobs import Retry, job, schedule
from billing.cancellation import end_duplicates
from billing.checkouts import purge_checkouts
from billing.notices import send_receipt
from billing.organizations.seats import settle_all
from billing.prices import PriceBook, learn, tier_lists
from billing.revenue import books
from billing.revenue.comparison import RevenueComparison
from billing.revenue.models import InvoicePayment, PaidInvoice
from billing.stripe.factory import get_gateway
from billing.stripe.money_port import InvoicePaid
from billing.stripe.reconciliation import refresh
from billing.stripe.sync import StripeSync

logger = logging.getLogger(__name__)

PAYMENT_INTENT = "pi_"  # begins the ids of those payments of which Stripe can be asked


@job(name="billing.refresh_customer")
def refresh_customer(*, customer_id: str) -> None:
    """Asks Stripe how a customer's subscriptions look, where its events leave that open or show more than one."""
    if not settings.STRIPE_SECRET_KEY:
        return
    refresh(customer_id)
    end_duplicates(get_gateway(), customer_id=customer_id)


@job(name="billing.read_invoice")
def read_invoice(*, invoice_id: str) -> None:
    """Asks Stripe for all the lines of an invoice whose event did not show them, and books it by them. Who paid it gets
    the receipt now, where it took the lines to know that it is one of ours.
    """
    if not settings.STRIPE_SECRET_KEY:
        return
    invoice = _read_and_book(invoice_id)
    if invoice is not None:
        send_receipt(invoice)


def _read_and_book(invoice_id: str) -> InvoicePaid | None:
    invoice = get_gateway().retrieve_invoice(invoice_id)
    if invoice is not None:
        books.record_invoice(invoice, heard_at=datetime.now(UTC))
    return invoice


@job(name="billing.trace_payment")
def trace_payment(*, payment_id: str) -> None:
    """Asks Stripe which invoice a payment paid, of which money went back, and books that one too. A payment is asked of
    once: Stripe knows it when it takes it.
    """
    is_known = not payment_id.startswith(PAYMENT_INTENT) or InvoicePayment.objects.filter(pk=payment_id).exists()
    if not settings.STRIPE_SECRET_KEY or is_known:
        return
    invoice_id = get_gateway().find_invoice_of(payment_id) or ""
    books.record_payment_of(payment_id=payment_id, invoice_id=invoice_id)
    if invoice_id and not PaidInvoice.objects.filter(pk=invoice_id).exists():
        _read_and_book(invoice_id)


@job(name="billing.sync_stripe", retry=Retry(tries=3, first_seconds=600))
def sync_stripe() -> None:
    """Compares every subscription and the revenue of two months with Stripe's, as ``manage.py sync_stripe`` does. What
    differs is a line of the log at ERROR, every night until an operator mends it (``--fix``). Raises the gateway's
    problems.
    """
    if not settings.STRIPE_SECRET_KEY:
        return
    for found in StripeSync(get_gateway(), step=lambda _amount: None).differences(fix=False):
        logger.error(
            "subscriptions differ from Stripe's", extra={"customer": found.customer_id, "difference": found.text}
        )
    money = RevenueComparison(get_gateway(), now=datetime.now(UTC), step=lambda _amount: None)
    for difference in money.differences(fix=False):
        logger.error("revenue differs from Stripe's", extra={"difference": str(difference)})


@job(name="billing.learn_prices", retry=Retry(tries=5, first_seconds=60))
def learn_prices() -> None:
    """Asks Stripe of the prices in the operator's lists: which each is, and how often it is paid. What they stand for
    is kept, also for when they have left the lists. Raises the gateway's problems.
    """
    if not settings.STRIPE_SECRET_KEY:
        return
    gateway = get_gateway()
    found = [gateway.find_price(name) for names in tier_lists().values() for name in names]
    learn((price for price in found if price is not None), book=PriceBook.load())


@job(name="billing.purge_checkouts")
def purge_old_checkouts() -> None:
    """Forgets checkouts that were begun long ago and not paid."""
    purge_checkouts(older_than=datetime.now(UTC), dry_run=False)


@job(name="billing.settle_organizations", retry=Retry(tries=1))
def settle_organizations() -> None:
    """Finds an owner's subscription for organisations whose own is over."""
    settle_all()


schedule("*/10 * * * *", settle_organizations)
schedule("40 3 * * *", sync_stripe)
schedule("30 3 * * *", learn_prices, at_start=True)
schedule("35 3 * * *", purge_old_checkouts)
