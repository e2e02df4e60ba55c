"""Stripe's customer portal, and what a customer was billed: both asked of Stripe, nothing of them is kept here."""

import logging
from itertools import islice

from django.conf import settings

from accounts.models import User
from billing.models import BillingFact
from billing.stripe.customers import ensure_customer, replace_customer
from billing.stripe.factory import get_gateway
from billing.stripe.port import NoSuchCustomer, StripeInvoice
from billing.stripe.projection import our_subscription_ids

logger = logging.getLogger(__name__)

INVOICE_STATUSES = ("open", "paid", "uncollectible", "void")
MOST_INVOICES = 500  # of one customer: forty years of months


def open_portal(*, user: User) -> str:
    """The address of the portal; the customer is made first where there is none.

    Raises:
        NotConfigured: production without a key to Stripe.
        Conflict: the account is being deleted.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: Stripe.
    """
    gateway = get_gateway()
    customer_id, return_url = ensure_customer(gateway, user=user), f"{settings.PUBLIC_URL}/billing/back"
    try:
        return gateway.create_portal_session(customer_id=customer_id, return_url=return_url)
    except NoSuchCustomer:
        logger.warning("a customer is gone at Stripe and gets a successor", extra={"customer": customer_id})
        successor = replace_customer(gateway, user=user, gone=customer_id)
        return gateway.create_portal_session(customer_id=successor, return_url=return_url)


def list_invoices(*, user: User) -> list[StripeInvoice]:
    """Those of ``user``, newest first: drafts are nobody's business yet, and a subscription to another product in the
    account is not ours to show.

    Raises NotConfigured, UpstreamError, UpstreamUnavailable and UpstreamTimeout.
    """
    customer_id = user.stripe_customer_id
    if not customer_id:
        return []
    ours = our_subscription_ids(BillingFact.objects.filter(subject_id=customer_id))
    newest = islice(get_gateway().list_invoices(customer_id=customer_id), MOST_INVOICES)
    return [
        one
        for one in newest
        if one.status in INVOICE_STATUSES and (not one.subscription_id or one.subscription_id in ours)
    ]
