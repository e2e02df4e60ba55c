"""Starting a purchase: one page to pay on at a time, and never a second subscription by accident.

A user who has a paid subscription and buys another tier goes through checkout as well: they see and confirm what it
costs. The older subscription ends when the new one has begun (``billing.cancellation``), with what is left
of it credited. Nothing here changes a tier; only Stripe's events do.
"""

import hashlib
import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings

from accounts.models import User
from adiuva.api.errors import Conflict, IdempotencyMismatch, UpstreamError
from billing.customers import ensure_customer, replace_customer
from billing.entitlements import tier_of
from billing.models import BillingFact, Checkout
from billing.stripe.factory import get_gateway
from billing.stripe.port import CheckoutSession, Gateway, NoSuchCustomer
from billing.tiers import Tier

logger = logging.getLogger(__name__)

KEPT = timedelta(hours=48)  # Stripe keeps keys for 24 hours, and sessions are open as long


def start_checkout(*, user: User, tier: Tier, idempotency_key: str | None) -> str:
    """The address of the page on which ``user`` buys ``tier``.

    With a key that was used before: the same address again. Without one, or with a new one, the page of an earlier
    request is closed first.

    Raises:
        NotConfigured: production without a key to Stripe.
        IdempotencyMismatch: the key came with another tier before.
        Conflict: the tier is active already, or its payment is on its way.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: Stripe. Trying again with the same key is safe.
    """
    gateway = get_gateway()
    mine = Checkout.objects.for_user(user.pk)
    kept = mine.filter(created_at__gte=datetime.now(UTC) - KEPT)
    checkout = kept.filter(idempotency_key=idempotency_key).first() if idempotency_key else None
    if checkout is None or not _is_answered(checkout, tier):
        if tier_of(user) is tier:
            raise Conflict(f"The tier {tier} is active already.")
        checkout = checkout or _create_row(user=user, tier=tier, idempotency_key=idempotency_key)
    if not _is_answered(checkout, tier):
        _close_other_pages(gateway, checkout)
        session = _create_session(gateway, checkout, user=user)
        # Of two requests at once with one key, both say what the first one wrote.
        mine.filter(pk=checkout.pk, session_id=None).update(
            session_id=session.id, url=session.url, expires_at=session.expires_at
        )
        checkout.refresh_from_db()
    return checkout.url


def _is_answered(checkout: Checkout, tier: Tier) -> bool:
    """Whether the request was made before and got its page. Raises IdempotencyMismatch when it asked for another."""
    if checkout.tier != tier:
        raise IdempotencyMismatch
    return checkout.session_id is not None


def _create_row(*, user: User, tier: Tier, idempotency_key: str | None) -> Checkout:
    """Written before Stripe is asked: whatever happens then, a repetition asks under the same key of ours."""
    Checkout.objects.for_user(user.pk).filter(created_at__lt=datetime.now(UTC) - KEPT).delete()
    wanted = {"tier": tier, "price_id": settings.STRIPE_PRICES[tier]}
    if idempotency_key is None:
        return Checkout.objects.create(user=user, **wanted)
    row, _ = Checkout.objects.get_or_create(user=user, idempotency_key=idempotency_key, defaults=wanted)
    return row


def purge_checkouts(*, older_than: datetime, dry_run: bool) -> int:
    """Those whose key is no longer answered and whose page is closed: how many there were."""
    old = Checkout.objects.filter(created_at__lt=min(older_than, datetime.now(UTC) - KEPT))
    return old.count() if dry_run else old.delete()[0]


def _create_session(gateway: Gateway, checkout: Checkout, *, user: User) -> CheckoutSession:
    customer_id = ensure_customer(gateway, user=user)
    try:
        return _create_session_for(gateway, checkout, customer_id=customer_id)
    except NoSuchCustomer:
        logger.warning("a customer is gone at Stripe and gets a successor", extra={"customer": customer_id})
        return _create_session_for(
            gateway, checkout, customer_id=replace_customer(gateway, user=user, gone=customer_id)
        )


def _create_session_for(gateway: Gateway, checkout: Checkout, *, customer_id: str) -> CheckoutSession:
    success_url, cancel_url = f"{settings.PUBLIC_URL}/billing/done", f"{settings.PUBLIC_URL}/billing/cancelled"
    # Stripe refuses a key that comes with other parameters, so what may have changed since is part of it.
    parameters = f"{checkout.price_id}\n{customer_id}\n{success_url}\n{cancel_url}"
    digest = hashlib.sha256(parameters.encode()).hexdigest()[:16]
    return gateway.create_checkout_session(
        customer_id=customer_id,
        user_id=str(checkout.user_id),
        tier=checkout.tier,
        price_id=checkout.price_id,
        success_url=success_url,
        cancel_url=cancel_url,
        idempotency_key=f"checkout:{checkout.pk}:{digest}",
    )


def _close_other_pages(gateway: Gateway, checkout: Checkout) -> None:
    """Nobody pays on two pages. Raises Conflict when an earlier one was paid on, and we have not heard of it yet."""
    for earlier in Checkout.objects.for_user(checkout.user_id).open().exclude(pk=checkout.pk):
        try:
            gateway.expire_checkout_session(str(earlier.session_id))
        except UpstreamError:
            _require_not_paid(gateway, str(earlier.session_id))
        Checkout.objects.filter(pk=earlier.pk).update(closed_at=datetime.now(UTC))


def _require_not_paid(gateway: Gateway, session_id: str) -> None:
    """For a session that could not be closed. One that cannot be read either stays as it is: two subscriptions
    that come of it become one again when they have begun.
    """
    try:
        session = gateway.retrieve_checkout_session(session_id)
    except UpstreamError:
        return
    if session is None or session.status != "complete":
        return
    if not BillingFact.objects.filter(subscription_id=session.subscription_id).exists():
        raise Conflict("A payment was just made; it takes a moment until it counts.")
