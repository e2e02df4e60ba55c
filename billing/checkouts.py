"""Starting a purchase: one page to pay on at a time, and never a second subscription by accident.

A user who has a paid subscription and buys another tier goes through checkout as well: they see and confirm what it
costs. The older subscription ends when the new one has begun (``billing.cancellation``), with what is left
of it credited. Nothing here changes a tier; only Stripe's events do.
"""

import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings

from accounts.models import User
from adiuva.api.errors import (
    Conflict,
    IdempotencyMismatch,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
    ValidationFailed,
)
from billing.entitlements import own_tier_of, tier_of
from billing.models import BillingFact, Checkout, Subscription, SubscriptionStatus
from billing.prices import ID_PREFIX, Interval, Price, PriceBook, learn, tier_lists
from billing.stripe.customers import ensure_customer, replace_customer
from billing.stripe.factory import get_gateway
from billing.stripe.port import CheckoutSession, Gateway, NoSuchCustomer
from billing.tiers import Tier

logger = logging.getLogger(__name__)

KEPT = timedelta(hours=48)  # Stripe keeps keys for 24 hours, and sessions are open as long


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What somebody wants to buy."""

    tier: Tier
    interval: Interval = "month"
    seats: int = 1


def start_checkout(*, user: User, wanted: Purchase, idempotency_key: str | None) -> str:
    """The address of the page on which ``user`` buys what is ``wanted``.

    With a key that was used before: the same address again. Without one, or with a new one, the page of an earlier
    request is closed first. Who owes for that tier pays on the page of the open invoice: a second subscription would
    leave the first one owing.

    Raises:
        NotConfigured: production without a key to Stripe.
        ValidationFailed: the tier is not sold by that interval.
        IdempotencyMismatch: the key came with something else before.
        Conflict: the tier is active already, or its payment is on its way.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: Stripe. Trying again with the same key is safe.
    """
    gateway = get_gateway()
    mine = Checkout.objects.for_user(user.pk)
    kept = mine.filter(created_at__gte=datetime.now(UTC) - KEPT)
    checkout = kept.filter(idempotency_key=idempotency_key).first() if idempotency_key else None
    if checkout is None or not _is_answered(checkout, wanted):
        if (page := _page_of_debt(gateway, user=user, tier=wanted.tier)) is not None:
            return page
        # Somebody's organisation gives them team, and what they pay for themselves stays as it is beneath it.
        if wanted.tier in {tier_of(user), own_tier_of(user)}:
            raise Conflict(f"The tier {wanted.tier} is active already.")
        price_id = find_sold_price(gateway, tier=wanted.tier, interval=wanted.interval)
        checkout = checkout or _create_row(user, wanted, price_id=price_id, idempotency_key=idempotency_key)
    if not _is_answered(checkout, wanted):
        _close_other_pages(gateway, checkout)
        session = _create_session(gateway, checkout, user=user)
        # Of two requests at once with one key, both say what the first one wrote.
        mine.filter(pk=checkout.pk, session_id=None).update(
            session_id=session.id, url=session.url, expires_at=session.expires_at
        )
        checkout.refresh_from_db()
    return checkout.url


def _page_of_debt(gateway: Gateway, *, user: User, tier: Tier) -> str | None:
    """Where ``user`` pays what they owe for ``tier``; None for who owes nothing for it."""
    row = Subscription.objects.filter(user=user).first()
    if row is None or row.status != SubscriptionStatus.PAST_DUE or row.stripe_tier != tier:
        return None
    try:
        page = gateway.open_invoice_page(str(row.stripe_subscription_id))
    except (UpstreamError, UpstreamUnavailable, UpstreamTimeout):
        if not row.pay_url:
            raise
        return str(row.pay_url)  # as it was told with the failed payment
    if not page:
        raise Conflict("The open invoice was just paid; it takes a moment until it counts.")
    return page


def _is_answered(checkout: Checkout, wanted: Purchase) -> bool:
    """Whether the request was made before and got its page. Raises IdempotencyMismatch when it asked for another."""
    if (checkout.tier, checkout.interval, checkout.seats) != (wanted.tier, wanted.interval, wanted.seats):
        raise IdempotencyMismatch
    return checkout.session_id is not None


def _create_row(user: User, wanted: Purchase, *, price_id: str, idempotency_key: str | None) -> Checkout:
    """Written before Stripe is asked: whatever happens then, a repetition asks under the same key of ours."""
    Checkout.objects.for_user(user.pk).filter(created_at__lt=datetime.now(UTC) - KEPT).delete()
    columns = {**asdict(wanted), "price_id": price_id}
    if idempotency_key is None:
        return Checkout.objects.create(user=user, **columns)
    row, _ = Checkout.objects.get_or_create(user=user, idempotency_key=idempotency_key, defaults=columns)
    return row


def find_sold_price(gateway: Gateway, *, tier: Tier, interval: Interval) -> str:
    """The id of the price that is sold. Raises ValidationFailed, and the gateway's problems where it must be asked."""
    book = learn_list(gateway, tier=tier)
    sold = next((one for one in book.sold(tier) if one.interval == interval), None)
    if sold is None:
        raise ValidationFailed({"interval": [f"The tier {tier} is not sold by the {interval}."]})
    if sold.price_id is None:
        raise UpstreamError("The payment service does not know the price of that tier.")
    return sold.price_id


def learn_list(gateway: Gateway, *, tier: Tier) -> PriceBook:
    """The book, once Stripe has been asked of what it lacks in the tier's list. Without an answer the only id of a
    list is still good enough to be bought; of a lookup key, and of one among several, the problem is raised.
    """
    book = PriceBook.load()
    found: list[Price] = []
    # Of one price a guess at its interval is good enough; of several it might sell a year for a month.
    may_guess = len(tier_lists()[tier]) == 1
    for name in book.lacking(tier):
        try:
            price = gateway.find_price(name)
        except (UpstreamError, UpstreamUnavailable, UpstreamTimeout):
            if not (may_guess and name.startswith(ID_PREFIX)):
                raise
            continue
        if price is not None:
            found.append(price)
    if not found:
        return book
    learn(found, book=book)
    return PriceBook.load()


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
    return gateway.create_checkout_session(
        customer_id=customer_id,
        user_id=str(checkout.user_id),
        tier=checkout.tier,
        price_id=checkout.price_id,
        quantity=checkout.seats,
        success_url=success_url,
        cancel_url=cancel_url,
        idempotency_key=f"checkout:{checkout.pk}",
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
