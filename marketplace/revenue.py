"""Recording a sale: its split, its bookings and the intent to pay the developer."""

from datetime import UTC, datetime

from django.db import transaction

from marketplace import payout_queue
from marketplace.intents import follow_ledger
from marketplace.ledger import book, source_of_sale
from marketplace.models import PluginPurchase, RevenueEvent
from marketplace.settlement import lock_payment, settle
from marketplace.split import split


@transaction.atomic
def record_sale(*, purchase: PluginPurchase) -> RevenueEvent:
    """To be called in the transaction in which ``purchase`` becomes paid, after its row was saved; again changes
    nothing.

    What Stripe told of refunds before it told of the sale is applied too: ``purchase.status`` may be ``refunded``
    afterwards.
    """
    PluginPurchase.objects.select_for_update(no_key=True).get(pk=purchase.pk)
    existing = RevenueEvent.objects.filter(purchase=purchase).first()
    if existing is not None:
        return existing
    payment_intent_id = purchase.payment_intent_id or ""
    if payment_intent_id:
        lock_payment(payment_intent_id)
    author_id, now, source = purchase.plugin.author_id, datetime.now(UTC), source_of_sale(purchase.pk)
    shares = split(purchase.amount_cents, has_developer=author_id is not None)
    event = RevenueEvent.objects.create(
        plugin_id=purchase.plugin_id,
        user_id=purchase.user_id,
        developer_id=author_id,
        purchase=purchase,
        amount_cents=purchase.amount_cents,
        developer_share_cents=shares.developer,
        platform_share_cents=shares.platform,
        currency=purchase.currency,
        created_at=now,
    )
    book(event=event, source=source, shares=shares, at=now)
    if shares.developer:
        follow_ledger(event=event, owed_cents=shares.developer, source=source, at=now)
        payout_queue.queue(event_id=event.pk)
    if payment_intent_id:
        settle(event=event, payment_intent_id=payment_intent_id, source=f"returns:{purchase.pk}")
        purchase.refresh_from_db(fields=["status"])
    return event
