"""What Stripe's events say about purchases of plugins: that one is paid. Any order, any repetition."""

from typing import Any, Literal
from uuid import UUID

from billing.stripe import hooks
from billing.stripe.objects import IncomingEvent
from billing.stripe.port import Sale
from billing.stripe.stub.payments import Offer
from marketplace.models import PluginPurchase, PurchaseStatus
from marketplace.purchases.completion import complete

METADATA = "purchase_id"  # on everything that Stripe makes of a purchase of ours


def register() -> None:
    hooks.register("payment_intent.succeeded", _on_payment)
    for kind in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
        hooks.register(kind, _on_session)


def _on_payment(event: IncomingEvent) -> None:
    _complete(event, payment_intent_id=event.data_object.get("id"))


def _on_session(event: IncomingEvent) -> None:
    session = event.data_object
    if session.get("mode") == "payment" and session.get("payment_status") == "paid":
        payment = session.get("payment_intent")
        _complete(event, payment_intent_id=payment.get("id") if isinstance(payment, dict) else payment)


def _complete(event: IncomingEvent, *, payment_intent_id: Any) -> None:
    """Payments that are not of this shop carry no purchase of ours, and connected accounts have shops of their own."""
    purchase_id = _purchase_in(event.data_object.get("metadata"))
    if purchase_id is not None and not event.account_id and isinstance(payment_intent_id, str):
        complete(purchase_id=purchase_id, payment_intent_id=payment_intent_id)


def _purchase_in(metadata: Any) -> UUID | None:
    try:
        return UUID(metadata[METADATA])
    except (KeyError, TypeError, ValueError, AttributeError):
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
