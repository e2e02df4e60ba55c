"""Sales and returns in the books: a paid purchase becomes a sale, and what goes back to its buyer changes the shares.

Stripe tells of refunds twice: one by one (``refund.…``), and as a charge with their total (``charge.refunded``). An
account may send either or both, and any of it may come late. The total of a charge leaves out refunds that had failed
by then; the single ones say which did.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from adiuva.dashboard.figures import euros
from billing import alerts
from billing.stripe.customers import lock_subject
from marketplace.jobs import queue_transfers
from marketplace.locks import lock_purchase
from marketplace.models import PaymentReturn, PluginPurchase, PurchaseStatus, ReturnKind, RevenueEvent
from marketplace.payouts.by_hand import tell_of_sale
from marketplace.payouts.ledger import balances, book, source_of_sale, split
from marketplace.payouts.transfers import follow_ledger
from marketplace.purchases import installations


def supersedes(one: PaymentReturn, other: PaymentReturn) -> bool:
    """Whether ``one`` says more of the same thing than ``other``; a total order, so what counts is the greatest."""
    return _order(one) > _order(other)


def returned_cents(facts: Iterable[PaymentReturn], *, amount_cents: int) -> int:
    """Between 0 and ``amount_cents``: nobody gets back more than they paid, whatever a dispute adds to a refund."""
    charged = refunded = failed = disputed = 0
    for fact in facts:
        if fact.kind == ReturnKind.CHARGE:
            charged = max(charged, fact.amount_cents)
        elif fact.kind == ReturnKind.REFUND:
            refunded += fact.amount_cents
            failed += 0 if fact.is_with_buyer else fact.amount_cents
        elif fact.is_with_buyer:
            disputed += fact.amount_cents
    return min(max(max(charged, refunded) - failed, 0) + disputed, amount_cents)


def _order(fact: PaymentReturn) -> tuple[int, float, bool, int]:
    if fact.kind == ReturnKind.CHARGE:
        return 0, 0.0, True, fact.amount_cents
    return fact.phase, fact.said_at.timestamp(), fact.is_with_buyer, fact.amount_cents


def lock_payment(payment_intent_id: str) -> None:
    """Until the transaction ends, nobody else hears of this payment, whether or not its sale is here yet."""
    lock_subject(f"payment:{payment_intent_id}")


def record_return(fact: PaymentReturn, *, source: str) -> None:
    """Keeps what Stripe reports and applies it to the sale, or leaves it for ``record_sale`` to find."""
    purchases = PluginPurchase.objects.filter(payment_intent_id=fact.payment_intent_id)
    for purchase_id in purchases.values_list("pk", flat=True):
        lock_purchase(purchase_id)
    lock_payment(fact.payment_intent_id)
    known = PaymentReturn.objects.filter(pk=fact.pk).first()
    if known is None:
        fact.save(force_insert=True)
    elif supersedes(fact, known):
        fact.save(force_update=True)
    else:
        return
    event = (
        RevenueEvent.objects.select_for_update(no_key=True)
        .filter(purchase__payment_intent_id=fact.payment_intent_id)
        .first()
    )
    if event is not None:
        _tell_of_dispute(fact, event=event, told=known)
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
        tell_of_sale(event, has_risen=theirs.developer > before.developer)
        queue_transfers(event_id=event.pk)
    if returned == event.amount_cents:
        PluginPurchase.objects.filter(pk=event.purchase_id).update(status=PurchaseStatus.REFUNDED)
        installations.revoke(purchase=PluginPurchase.objects.get(pk=event.purchase_id))
    else:
        _entitle_again(event.purchase_id)


def _tell_of_dispute(fact: PaymentReturn, *, event: RevenueEvent, told: PaymentReturn | None = None) -> None:
    """An alert while a dispute is open: Stripe decides against us where nobody answers in time. ``told`` is what was
    said of it before: once an operator has resolved the alert, only news opens it again (another deadline, another
    amount, an inquiry that became a dispute).
    """
    if fact.kind != ReturnKind.DISPUTE:
        return
    if not fact.is_open:
        alerts.resolve(alerts.PLUGIN_DISPUTE, reference=fact.stripe_id)
        return
    if told is not None and _news_of(told) == _news_of(fact):
        return
    due = f"{fact.evidence_due.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if fact.evidence_due else "the date it names"
    alerts.update_alert(
        alerts.PLUGIN_DISPUTE,
        reference=fact.stripe_id,
        message=f"A buyer disputes {euros(fact.amount_cents)} paid for {event.plugin_id} ({fact.payment_intent_id}): "
        f"the evidence for {fact.stripe_id} is due in Stripe's dashboard by {due}; without it the dispute is lost.",
    )


def _news_of(dispute: PaymentReturn) -> tuple[object, ...]:
    return dispute.is_open, dispute.phase, dispute.amount_cents, dispute.evidence_due


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
        queue_transfers(event_id=event.pk)
    if payment_intent_id:
        for fact in PaymentReturn.objects.filter(payment_intent_id=payment_intent_id):
            _tell_of_dispute(fact, event=event)
        settle(event=event, payment_intent_id=payment_intent_id, source=f"returns:{purchase.pk}")
        purchase.refresh_from_db(fields=["status"])
    return event
