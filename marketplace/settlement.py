"""Bringing a sale to where Stripe says its money is: ledger, transfers and purchase.

Everything is derived from the facts that are known (``PaymentReturn``) and from the ledger, so it does not matter what
is heard first, or twice. Locks are taken in the order user, plugin, purchase (``marketplace.locks``), payment, sale,
transfers.
"""

from datetime import UTC, datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from billing.customers import lock_subject
from marketplace import installations, payout_queue
from marketplace.intents import follow_ledger
from marketplace.ledger import balances, book
from marketplace.locks import lock_purchase
from marketplace.models import PaymentReturn, PluginPurchase, PurchaseStatus, RevenueEvent
from marketplace.returns import is_further, returned_cents
from marketplace.split import split


def lock_payment(payment_intent_id: str) -> None:
    """Until the transaction ends, nobody else hears of this payment, whether or not its sale is here yet."""
    lock_subject(f"payment:{payment_intent_id}")


def take_in(fact: PaymentReturn, *, source: str) -> None:
    """Keeps what Stripe tells and applies it to the sale, or leaves it for ``revenue.record_sale`` to find."""
    purchases = PluginPurchase.objects.filter(payment_intent_id=fact.payment_intent_id)
    for purchase_id in purchases.values_list("pk", flat=True):
        lock_purchase(purchase_id)
    lock_payment(fact.payment_intent_id)
    known = PaymentReturn.objects.filter(pk=fact.pk).first()
    if known is None:
        fact.save(force_insert=True)
    elif is_further(fact, known):
        fact.save(force_update=True)
    else:
        return
    event = (
        RevenueEvent.objects.select_for_update(no_key=True)
        .filter(purchase__payment_intent_id=fact.payment_intent_id)
        .first()
    )
    if event is not None:
        settle(event=event, payment_intent_id=fact.payment_intent_id, source=source)


def settle(*, event: RevenueEvent, payment_intent_id: str, source: str) -> None:
    """The caller has the payment and the event's row locked. ``source`` names what made it necessary."""
    facts = PaymentReturn.objects.filter(payment_intent_id=payment_intent_id)
    returned = returned_cents(facts, amount_cents=event.amount_cents)
    has_developer = event.developer_share_cents > 0
    theirs = split(event.amount_cents - returned, has_developer=has_developer)
    before, now = balances(event), datetime.now(UTC)
    if theirs == before:
        return
    book(event=event, source=source, shares=theirs - before, at=now)
    if has_developer:
        follow_ledger(event=event, owed_cents=theirs.developer, source=source, at=now)
        payout_queue.queue(event_id=event.pk)
    if returned == event.amount_cents:
        PluginPurchase.objects.filter(pk=event.purchase_id).update(status=PurchaseStatus.REFUNDED)
        installations.revoke(purchase=PluginPurchase.objects.get(pk=event.purchase_id))
    else:
        _entitle_again(event.purchase_id)


def _entitle_again(purchase_id: UUID) -> None:
    """A refund that failed or a dispute that was won: bought after all, unless it was bought anew in the meantime."""
    anew = PluginPurchase.objects.filter(
        plugin=OuterRef("plugin"), user=OuterRef("user"), status__in=[PurchaseStatus.PENDING, PurchaseStatus.PAID]
    )
    refunded = PluginPurchase.objects.filter(~Exists(anew), pk=purchase_id, status=PurchaseStatus.REFUNDED)
    try:
        with transaction.atomic():
            refunded.update(status=PurchaseStatus.PAID)
    except IntegrityError:
        return  # it is being bought anew at this moment
