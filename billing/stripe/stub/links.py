"""Where the stub's checkout pages are: nobody can guess one, and each works for a day."""

from django.conf import settings
from django.core import signing

from billing.stripe.port import SESSION_LIFETIME

_signer = signing.TimestampSigner(salt="billing.stripe.stub.purchases")
_onboarding_signer = signing.TimestampSigner(salt="billing.stripe.stub.purchases.onboarding")


def page_url(session_id: str) -> str:
    return f"{settings.PUBLIC_URL}/billing/stub/{_signer.sign(session_id)}"


def session_of(token: str) -> str | None:
    """The session that a page's address names; None for an address that we did not make, or that is too old."""
    try:
        return _signer.unsign(token, max_age=SESSION_LIFETIME)
    except signing.BadSignature:
        return None


def onboarding_url(account_id: str) -> str:
    """Where the stub plays Stripe Connect's questions."""
    return f"{settings.PUBLIC_URL}/plugins/onboarding/stub/{_onboarding_signer.sign(account_id)}"


def account_of(token: str) -> str | None:
    """As ``session_of``, for a developer's account."""
    try:
        return _onboarding_signer.unsign(token, max_age=SESSION_LIFETIME)
    except signing.BadSignature:
        return None
