"""Which implementation of ``billing.stripe.port.Gateway`` is in charge; nobody else imports one."""

from functools import lru_cache

from django.conf import settings

from adiuva.api.errors import NotConfigured
from billing.stripe.port import Gateway


def get_gateway() -> Gateway:
    """Stripe where there is a key; without one the stub in dev, and nothing in prod.

    Raises:
        NotConfigured: production without STRIPE_SECRET_KEY.
    """
    if settings.STRIPE_SECRET_KEY:
        return _gateway(
            settings.STRIPE_SECRET_KEY,
            settings.STRIPE_API_BASE,
            settings.STRIPE_API_VERSION,
            settings.STRIPE_TIMEOUT_SECONDS,
        )
    if is_stubbed():
        from billing.stripe.stub.gateway import StubGateway

        return StubGateway()
    raise NotConfigured("Payments are not set up on this server.")


def is_stubbed() -> bool:
    """Whether purchases are only played: never in production, and never where Stripe could be asked."""
    return not settings.IS_PROD and not settings.STRIPE_SECRET_KEY


@lru_cache(maxsize=8)
def _gateway(secret_key: str, api_base: str, api_version: str, timeout: float) -> Gateway:
    from billing.stripe.client.gateway import StripeGateway

    return StripeGateway(secret_key=secret_key, api_base=api_base, api_version=api_version, timeout=timeout)
