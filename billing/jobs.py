"""What billing puts off, and what it does by the clock: whatever needs Stripe's API and no request waits for."""

import logging
from datetime import UTC, datetime

from django.conf import settings

from adiuva.jobs import Retry, job, schedule
from billing.cancellation import end_duplicates
from billing.checkouts import purge_checkouts
from billing.stripe.factory import get_gateway
from billing.stripe.reconciliation import refresh
from billing.stripe.sync import StripeSync

logger = logging.getLogger(__name__)


@job(name="billing.refresh_customer")
def refresh_customer(*, customer_id: str) -> None:
    """Asks Stripe how a customer's subscriptions look, where its events leave that open or show more than one."""
    if not settings.STRIPE_SECRET_KEY:
        return
    refresh(customer_id)
    end_duplicates(get_gateway(), customer_id=customer_id)


@job(name="billing.sync_stripe", retry=Retry(tries=3, first_seconds=600))
def sync_stripe() -> None:
    """Compares every subscription with Stripe's, as ``manage.py sync_stripe`` does. What differs is a line of the log
    at ERROR, every night until an operator mends it (``--fix``). Raises the gateway's problems.
    """
    if not settings.STRIPE_SECRET_KEY:
        return
    for found in StripeSync(get_gateway(), step=lambda _amount: None).differences(fix=False):
        logger.error(
            "subscriptions differ from Stripe's", extra={"customer": found.customer_id, "difference": found.text}
        )


@job(name="billing.purge_checkouts")
def purge_old_checkouts() -> None:
    """Forgets checkouts that were begun long ago and not paid."""
    purge_checkouts(older_than=datetime.now(UTC), dry_run=False)


schedule("40 3 * * *", sync_stripe)
schedule("35 3 * * *", purge_old_checkouts)
