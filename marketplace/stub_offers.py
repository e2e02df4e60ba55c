"""What the stub's pages sell, for development without Stripe: purchases of plugins."""

from typing import Literal

from billing.stripe.port import Sale
from billing.stripe.stub.payments import Offer
from marketplace.models import PluginPurchase, PurchaseStatus

STATUSES: dict[str, Literal["open", "complete"]] = {
    PurchaseStatus.PENDING: "open",
    PurchaseStatus.PAID: "complete",
}


def find(session_id: str) -> Offer | None:
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
