"""A purchase becomes paid: the one place where it does, whoever hears of the payment first.

In one transaction: the purchase is paid, the sale recorded, the plugin installed. The request that asked Stripe, a
later one and the webhook may all say it, in any order and any number of times; only the first changes anything.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from django.db import transaction

from billing import alerts
from billing.stripe import hooks
from billing.stripe.events import CHECKOUTS, IncomingEvent, read_succeeded_payment
from billing.stripe.hooks import Offer
from billing.stripe.port import Sale
from marketplace.catalog.service import find_live_version, reason_it_is_down
from marketplace.locks import lock_purchase
from marketplace.models import Plugin, PluginPurchase, PluginStatus, PurchaseStatus
from marketplace.payouts.settlement import record_sale
from marketplace.purchases import installations

# Kinds of alerts; their reference is the payment.
PAID_TWICE = "plugin_paid_twice"
PAID_FOR_NOTHING = "plugin_paid_not_installed"


@transaction.atomic
def complete(*, purchase_id: UUID, payment_intent_id: str) -> bool:
    """Whether the plugin was installed by it. False for a repetition, and for a purchase that we do not know.

    A purchase that was given up and is paid all the same counts, unless another one was paid: that is paid twice.
    """
    purchase = lock_purchase(purchase_id)
    if purchase is None:
        return False
    if purchase.status in {PurchaseStatus.PAID, PurchaseStatus.REFUNDED}:
        if purchase.payment_intent_id != payment_intent_id:
            _report_paid_twice(purchase, payment_intent_id)
        return False
    if purchase.status == PurchaseStatus.FAILED and not _supersede_others(purchase):
        _report_paid_twice(purchase, payment_intent_id)
        return False
    purchase.status, purchase.paid_at = PurchaseStatus.PAID, datetime.now(UTC)
    purchase.payment_intent_id = payment_intent_id
    purchase.save(update_fields=["status", "paid_at", "payment_intent_id"])
    record_sale(purchase=purchase)
    # Refunds that were heard of before the payment have been applied now.
    return purchase.status == PurchaseStatus.PAID and _install(purchase)


def _install(purchase: PluginPurchase) -> bool:
    user, plugin = purchase.user, purchase.plugin
    if user is None or user.erasure_requested_at is not None:
        return False
    if plugin.status != PluginStatus.APPROVED and not _is_kept_by_buyers(plugin):
        alerts.raise_alert(
            PAID_FOR_NOTHING,
            reference=purchase.payment_intent_id or str(purchase.pk),
            message=f"{plugin.pk} was paid for with {purchase.payment_intent_id} when it was no longer live; the buyer "
            f"has it when it comes back. Refund them if it does not.",
        )
        return False
    _, is_new = installations.activate(user_id=user.pk, plugin=plugin)
    return is_new


def _is_kept_by_buyers(plugin: Plugin) -> bool:
    """Withdrawn, and not taken down: who has bought it may install it."""
    return plugin.status == PluginStatus.WITHDRAWN and not reason_it_is_down(plugin, find_live_version(plugin))


def _supersede_others(purchase: PluginPurchase) -> bool:
    if purchase.user_id is None:
        return True
    others = PluginPurchase.objects.for_user(purchase.user_id).filter(plugin_id=purchase.plugin_id)
    if others.filter(status=PurchaseStatus.PAID).exists():
        return False
    others.filter(status=PurchaseStatus.PENDING).update(status=PurchaseStatus.FAILED)
    return True


def _report_paid_twice(purchase: PluginPurchase, payment_intent_id: str) -> None:
    alerts.raise_alert(
        PAID_TWICE,
        reference=payment_intent_id,
        message=f"{payment_intent_id} pays for {purchase.plugin_id} once more (purchase {purchase.pk}): refund it in "
        f"Stripe's dashboard.",
    )


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
