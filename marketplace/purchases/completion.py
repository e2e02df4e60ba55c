"""A purchase becomes paid: the one place where it does, whoever hears of the payment first.

In one transaction: the purchase is paid, the sale recorded, the plugin installed. The request that asked Stripe, a
later one and the webhook may all say it; only the first changes anything.
"""

from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from billing import alerts
from marketplace.locks import lock_purchase
from marketplace.models import PluginPurchase, PluginStatus, PurchaseStatus
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
    if plugin.status != PluginStatus.APPROVED:
        alerts.raise_alert(
            PAID_FOR_NOTHING,
            reference=purchase.payment_intent_id or str(purchase.pk),
            message=f"{plugin.pk} was paid for with {purchase.payment_intent_id} when it was no longer live; the buyer "
            f"has it when it comes back. Refund them if it does not.",
        )
        return False
    _, is_new = installations.activate(user_id=user.pk, plugin=plugin)
    return is_new


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
