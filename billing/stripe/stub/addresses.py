"""The addresses of the stub's pages: nobody can guess one, and it works for a day, that of an invoice for a month."""

from datetime import timedelta

from django.conf import settings
from django.core import signing

from billing.stripe.port import SESSION_LIFETIME

# A debt outlives a day, and where it is paid is told once: with the payment that failed.
INVOICE_LIFETIME = timedelta(days=30)

_checkouts = signing.TimestampSigner(salt="billing.stripe.stub.purchases")
_portals = signing.TimestampSigner(salt="billing.stripe.stub.portal")
_invoices = signing.TimestampSigner(salt="billing.stripe.stub.invoice")
_onboardings = signing.TimestampSigner(salt="billing.stripe.stub.purchases.onboarding")


def page_url(session_id: str) -> str:
    """Of a checkout."""
    return f"{settings.PUBLIC_URL}/billing/stub/{_checkouts.sign(session_id)}"


def session_of(token: str) -> str | None:
    """The session that a page's address names; None for an address that we did not make, or that is too old."""
    return _read(_checkouts, token, SESSION_LIFETIME)


def portal_url(customer_id: str) -> str:
    """Where the stub plays Stripe's customer portal."""
    return f"{settings.PUBLIC_URL}/billing/stub/portal/{_portals.sign(customer_id)}"


def customer_of(token: str) -> str | None:
    """As ``session_of``, for the portal."""
    return _read(_portals, token, SESSION_LIFETIME)


def invoice_url(invoice_id: str) -> str:
    """Where the stub plays Stripe's hosted page of an invoice."""
    return f"{settings.PUBLIC_URL}/billing/stub/invoice/{_invoices.sign(invoice_id)}"


def pdf_url(invoice_id: str) -> str:
    return f"{invoice_url(invoice_id)}/pdf"


def invoice_of(token: str) -> str | None:
    """As ``session_of``, for an invoice and its PDF."""
    return _read(_invoices, token, INVOICE_LIFETIME)


def onboarding_url(account_id: str) -> str:
    """Where the stub plays Stripe Connect's questions."""
    return f"{settings.PUBLIC_URL}/plugins/onboarding/stub/{_onboardings.sign(account_id)}"


def account_of(token: str) -> str | None:
    """As ``session_of``, for a developer's account."""
    return _read(_onboardings, token, SESSION_LIFETIME)


def _read(signer: signing.TimestampSigner, token: str, lifetime: timedelta) -> str | None:
    try:
        return signer.unsign(token, max_age=lifetime)
    except signing.BadSignature:
        return None
