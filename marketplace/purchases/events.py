"""What Stripe's events say about purchases of plugins: that one is paid. Any order, any repetition."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from billing.stripe import hooks
from billing.stripe.events import CHECKOUTS, IncomingEvent, read_succeeded_payment
from billing.stripe.hooks import Offer
from billing.stripe.port import Sale
from marketplace.models import PluginPurchase, PurchaseStatus
from marketplace.purchases.completion import complete

METADATA = "purchase_id"  # on everything that Stripe makes of a purchase of ours


def register() -> None:
    for kind in ("payment_intent.succeeded", *sorted(CHECKOUTS)):
        hooks.register(kind, _on_payment)


def _on_payment(event: IncomingEvent) -> None:
    """Payments that are not of this shop carry no purchase of ours."""
    payment = read_succeeded_payment(event)
    purchase_id = _purchase_in(payment.metadata) if payment is not None else None
    if payment is not None and purchase_id is not None:
        complete(purchase_id=purchase_id, payment_intent_id=payment.id)


def _purchase_in(metadata: Mapping[str, str]) -> UUID | None:
    try:
        return UUID(metadata[METADATA])
    except (KeyError, ValueError):
        return None


STATUSES: dict[str, Literal["open", "complete"]] = {
    PurchaseStatus.PENDING: "open",
    PurchaseStatus.PAID: "complete",
}


def find_stub_offer(session_id: str) -> Offer | None:
    purchases = PluginPurchase.objects.select_related("user", "plugin").filter(checkout_session_id=session_id)
    purchase: PluginPurchase | None = purchases.first()
    if purchase is None or purchase.user is None or not purchase.user.is_active or purchase.checkout_expires_at is None:
        return None
    return Offer(
        session_id=session_id,
        user_id=str(purchase.user_id),
        email=purchase.user.email,
        sale=Sale(
            customer_id=str(purchase.user.stripe_customer_id),
            amount_cents=purchase.amount_cents,
            currency=purchase.currency,
            name=purchase.plugin.name,
            metadata={"purchase_id": str(purchase.pk), "plugin_id": purchase.plugin_id},
        ),
        status=STATUSES.get(purchase.status, "closed"),
        expires_at=purchase.checkout_expires_at,
    )
