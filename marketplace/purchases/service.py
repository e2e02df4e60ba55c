"""Buying a plugin: the saved card is charged, or the buyer gets a page to pay on.

The row is written before Stripe is asked, and says once and for all how it is paid: by which card, or on a page. So
everybody who asks about one purchase asks for the very same thing under the same idempotency key, and it is charged
once, however many ask at once and whatever answers are lost. Nobody is asked within a transaction.

A purchase whose page has expired, or whose price has changed before it was paid, is given up (its page is closed
first) and another begins. While it is unknown whether a card was charged, the purchase keeps its amount.
"""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import transaction

from accounts.models import User
from adiuva.api.errors import Conflict, PaymentRequired, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from adiuva.dashboard.figures import euros
from billing import alerts
from billing.stripe.customers import ensure_customer, replace_customer
from billing.stripe.factory import get_gateway
from billing.stripe.port import (
    PROCESSING,
    SUCCEEDED,
    AmountTooSmall,
    CardRefused,
    CheckoutSession,
    FailureStored,
    Gateway,
    IdempotencyKeyInUse,
    NoSuchCustomer,
    Payment,
    Sale,
)
from marketplace.locks import lock_open_user
from marketplace.models import Plugin, PluginPurchase, PurchaseStatus
from marketplace.purchases.completion import complete

ON_A_PAGE = ""
TOO_SMALL = "Its price is too small to be charged; its author has to change it."
KEYS_KEPT = timedelta(hours=23)  # Stripe keeps them for at least 24 hours (docs.stripe.com/api/idempotent_requests)
ROUNDS = 5
PAUSE_SECONDS = 0.1

T = TypeVar("T")


class _AnotherRoundError(Exception):
    """The purchase is not what it was: look at it again."""


def buy(*, user: User, plugin: Plugin) -> bool:
    """Returns when ``plugin`` is paid for: whether this call installed it.

    Raises:
        PaymentRequired: with ``checkout_url``; the same one again while it can be paid on.
        NotConfigured: production without a key to Stripe.
        Conflict: the account is being deleted, or nobody can pay so little.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: Stripe. It may have been paid: trying again is safe and
            finds out.
    """
    if plugin.is_unsellable:
        raise Conflict(TOO_SMALL)
    gateway = get_gateway()
    for _ in range(ROUNDS):
        purchase = _get_or_create_purchase(user=user, plugin=plugin)
        if purchase.status == PurchaseStatus.PAID:
            return False
        try:
            return _pay(gateway, purchase, user=user, plugin=plugin)
        except _AnotherRoundError:
            continue
        except AmountTooSmall:
            _give_up(purchase)
            if purchase.amount_cents == plugin.price_cents:
                _report_too_small(plugin)
                raise Conflict(TOO_SMALL) from None
    raise UpstreamUnavailable("The purchase is being changed; try again.", retry_after=1)


def _report_too_small(plugin: Plugin) -> None:
    alerts.raise_alert(
        alerts.PLUGIN_PRICE_TOO_SMALL,
        reference=plugin.pk,
        message=f"Nobody can buy {plugin.pk}: Stripe charges no amount as small as {euros(plugin.price_cents)} "
        f"(what is least depends on the currency of your balance). Its author has to submit a version with a higher "
        f"price, or for free.",
    )


def abandon(*, user: User, slug: str) -> None:
    """Closes a page that is still open, for somebody who need not pay any more. Raises what ``buy`` raises."""
    purchase = PluginPurchase.objects.for_user(user.pk).filter(plugin_id=slug, status=PurchaseStatus.PENDING).first()
    if purchase is not None and purchase.checkout_session_id is not None:
        close_page(get_gateway(), purchase)


def close_page(gateway: Gateway, purchase: PluginPurchase) -> None:
    """Nothing can be paid on it afterwards, and the purchase is given up; unless it was paid just now: then it is.

    Raises the gateway's problems.
    """
    session_id = str(purchase.checkout_session_id)
    try:
        gateway.expire_checkout_session(session_id)
    except UpstreamError:
        session = gateway.retrieve_checkout_session(session_id)
        if session is not None and session.status == "open":
            raise
        if session is not None and session.is_paid:
            complete(purchase_id=purchase.pk, payment_intent_id=session.payment_intent_id)
    _give_up(purchase)


@transaction.atomic
def _get_or_create_purchase(*, user: User, plugin: Plugin) -> PluginPurchase:
    lock_open_user(user.pk)
    wanted = PluginPurchase.objects.for_user(user.pk).filter(
        plugin=plugin, status__in=[PurchaseStatus.PENDING, PurchaseStatus.PAID]
    )
    purchase: PluginPurchase = wanted.first() or PluginPurchase.objects.create(
        plugin=plugin,
        user=user,
        amount_cents=plugin.price_cents,
        currency=plugin.currency,
        created_at=datetime.now(UTC),
    )
    return purchase


def _pay(gateway: Gateway, purchase: PluginPurchase, *, user: User, plugin: Plugin) -> bool:
    has_other_price = (purchase.amount_cents, purchase.currency) != (plugin.price_cents, plugin.currency)
    if has_other_price and purchase.checkout_session_id is None and not purchase.payment_method_id:
        _give_up(purchase)
        raise _AnotherRoundError
    customer_id = ensure_customer(gateway, user=user)
    sale = _sale_of(purchase, plugin=plugin, customer_id=customer_id)
    if purchase.payment_method_id is None:
        _update(purchase, {"payment_method_id": None}, payment_method_id=gateway.saved_card(customer_id) or ON_A_PAGE)
    if purchase.payment_method_id:
        payment = _charge_card(gateway, purchase, sale)
        if payment is not None and payment.status == PROCESSING:
            # Under its key Stripe would say so for ever; the list says what has become of it.
            payment = _find_payment(gateway, purchase, sale) or payment
        if payment is not None and payment.status == SUCCEEDED:
            return complete(purchase_id=purchase.pk, payment_intent_id=payment.id)
        if payment is not None and payment.status == PROCESSING:
            raise UpstreamTimeout("The bank has not answered yet.")
        _update(purchase, {"payment_method_id": purchase.payment_method_id}, payment_method_id=ON_A_PAGE)
        if has_other_price:
            raise _AnotherRoundError
    if purchase.checkout_session_id is None:
        session = _create_page(gateway, purchase, sale, user=user)
        page = {"checkout_session_id": session.id, "checkout_url": session.url}
        _update(purchase, {"checkout_session_id": None}, **page, checkout_expires_at=session.expires_at)
        raise _payment_required(purchase)
    return _complete_from_page(gateway, purchase, has_other_price=has_other_price)


def _complete_from_page(gateway: Gateway, purchase: PluginPurchase, *, has_other_price: bool) -> bool:
    """Whoever comes back from it has paid, and need not wait until Stripe's event is here."""
    session = gateway.retrieve_checkout_session(str(purchase.checkout_session_id))
    if session is not None and session.is_paid:
        return complete(purchase_id=purchase.pk, payment_intent_id=session.payment_intent_id)
    if session is not None and session.status == "complete":
        raise Conflict("A payment was just made; it takes a moment until it counts.")
    if session is not None and session.status == "open":
        if not has_other_price:
            raise _payment_required(purchase)
        close_page(gateway, purchase)
    else:
        _give_up(purchase)
    raise _AnotherRoundError


def _charge_card(gateway: Gateway, purchase: PluginPurchase, sale: Sale) -> Payment | None:
    """None when the card does not pay.

    Once Stripe may have forgotten the key, asking again could charge again; by then nothing is under way any more, and
    its list of payments says what became of it.
    """
    if datetime.now(UTC) - purchase.created_at > KEYS_KEPT:
        payment = _find_payment(gateway, purchase, sale)
        if payment is None or payment.status not in {SUCCEEDED, PROCESSING}:
            _give_up(purchase)
            raise _AnotherRoundError
        return payment
    try:
        return _retry_until_answered(
            purchase,
            lambda: gateway.charge_card(
                sale,
                payment_method_id=str(purchase.payment_method_id),
                idempotency_key=f"purchase:{purchase.pk}",
            ),
        )
    except FailureStored:
        # It may have been charged before Stripe failed. Another key could charge again, so nobody uses one: where
        # there is no payment, the buyer decides on the page.
        payment = _find_payment(gateway, purchase, sale)
        return payment if payment is not None and payment.status in {SUCCEEDED, PROCESSING} else None
    except (CardRefused, NoSuchCustomer):
        return None


def _find_payment(gateway: Gateway, purchase: PluginPurchase, sale: Sale) -> Payment | None:
    return gateway.find_payment(customer_id=sale.customer_id, metadata=sale.metadata, since=purchase.created_at)


def _create_page(gateway: Gateway, purchase: PluginPurchase, sale: Sale, *, user: User) -> CheckoutSession:
    try:
        return _request_page(gateway, purchase, sale)
    except NoSuchCustomer:
        successor = replace_customer(gateway, user=user, gone=sale.customer_id)
        return _request_page(gateway, purchase, _sale_of(purchase, plugin=purchase.plugin, customer_id=successor))


def _request_page(gateway: Gateway, purchase: PluginPurchase, sale: Sale) -> CheckoutSession:
    success_url, cancel_url = f"{settings.PUBLIC_URL}/billing/paid", f"{settings.PUBLIC_URL}/billing/cancelled"
    # Stripe refuses a key that comes with other parameters, so what may have changed since is part of it.
    parameters = f"{sale.name}\n{sale.customer_id}\n{success_url}\n{cancel_url}"
    digest = hashlib.sha256(parameters.encode()).hexdigest()[:16]
    return _retry_until_answered(
        purchase,
        lambda: gateway.create_payment_page(
            sale,
            user_id=str(purchase.user_id),
            success_url=success_url,
            cancel_url=cancel_url,
            idempotency_key=f"purchase:{purchase.pk}:page:{digest}",
        ),
    )


def _retry_until_answered(purchase: PluginPurchase, ask: Callable[[], T]) -> T:
    """Waits for another request that asks the same, as long as Stripe may take to answer it."""
    deadline = time.monotonic() + 2 * settings.STRIPE_TIMEOUT_SECONDS
    while True:
        try:
            return ask()
        except IdempotencyKeyInUse:
            if time.monotonic() > deadline:
                raise UpstreamUnavailable("The payment is still under way.", retry_after=1) from None
        time.sleep(PAUSE_SECONDS)
        if not PluginPurchase.objects.filter(pk=purchase.pk, status=PurchaseStatus.PENDING).exists():
            raise _AnotherRoundError


def _sale_of(purchase: PluginPurchase, *, plugin: Plugin, customer_id: str) -> Sale:
    return Sale(
        customer_id=customer_id,
        amount_cents=purchase.amount_cents,
        currency=purchase.currency,
        name=plugin.name,
        metadata={"purchase_id": str(purchase.pk), "plugin_id": plugin.pk, "user_id": str(purchase.user_id)},
    )


def _update(purchase: PluginPurchase, before: dict[str, object], **after: object) -> None:
    """Of several that decide at once the first one counts. Raises _AnotherRoundError once it is not pending."""
    PluginPurchase.objects.filter(pk=purchase.pk, status=PurchaseStatus.PENDING, **before).update(**after)
    purchase.refresh_from_db()
    if purchase.status != PurchaseStatus.PENDING:
        raise _AnotherRoundError


def _give_up(purchase: PluginPurchase) -> None:
    PluginPurchase.objects.filter(pk=purchase.pk, status=PurchaseStatus.PENDING).update(status=PurchaseStatus.FAILED)


def _payment_required(purchase: PluginPurchase) -> PaymentRequired:
    return PaymentRequired(checkout_url=purchase.checkout_url)
