"""Carrying out transfers: whatever fails, and however many try at once, each is made once.

Somebody who tries one claims it first, and counts the attempt, in a transaction that is over before Stripe is asked;
from then on its amount is fixed. Stripe makes it once for each idempotency key. It forgets keys after a day, so a
second attempt first looks whether the transfer was made after all; so does a late first one, even if nothing here says
that somebody tried: the database may be older than the one that was paid from (a restored backup).

What Stripe has answered it answers for a day under the same key. So after a refusal the next attempt has another one,
and looks as well. A developer who has another account meanwhile is paid there once it is known that nothing has
reached the one before.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from adiuva.api.errors import NotConfigured, Problem
from billing import alerts
from billing.stripe.factory import get_gateway, is_stubbed
from billing.stripe.port import Gateway, TransferRefused
from marketplace.models import DeveloperAccount, OnboardingState, RevenueEvent, Transfer, TransferStatus
from marketplace.payouts import accounts

logger = logging.getLogger(__name__)

# Longer than all that Stripe is asked for one transfer may take; a claim that is older is a dead process's.
CLAIM_LASTS = timedelta(minutes=5)
# Half of the day for which Stripe keeps a key: docs.stripe.com/api/idempotent_requests
KEY_IS_TRUSTED = timedelta(hours=12)
ATTEMPTS_BEFORE_ALERT = 5
LONGEST_REASON = 500
TRANSFER_FAILED = "transfer_failed"  # the alert's kind; its reference is the transfer


class Outcome(StrEnum):
    """``waiting``: it cannot be made yet. ``busy``: somebody else is making it, or has."""

    DONE = "done"
    WAITING = "waiting"
    BUSY = "busy"
    FAILED = "failed"


def open_transfers() -> QuerySet[Transfer]:
    """Oldest first, so that a payout comes before its reversals."""
    return Transfer.objects.filter(status=TransferStatus.PENDING).order_by("created_at", "amount_cents", "pk")


def run_open(*, event_id: UUID | None = None, developer_id: UUID | None = None) -> None:
    """Those of a sale, those of a developer, or all."""
    chosen = open_transfers()
    if event_id is not None:
        chosen = chosen.filter(revenue_event=event_id)
    if developer_id is not None:
        chosen = chosen.filter(revenue_event__developer=developer_id)
    for transfer_id in chosen.values_list("pk", flat=True):
        run(transfer_id)


def is_ready(transfer: Transfer) -> bool:
    """Whether it can be tried: a reversal after its payout, a payout once the developer can be paid."""
    if transfer.reverses is not None:
        return transfer.reverses.status == TransferStatus.DONE
    return bool(destination_of(transfer))


def lock_unanswered(*, developer_id: UUID) -> list[Transfer]:
    """A developer's open payouts that Stripe may have made: somebody is asking it, or got no answer. A refusal is an
    answer, and has a reason. Until the transaction ends nobody begins to try any of their open payouts.
    """
    # Sales before transfers, as in settlement; from here on none of theirs changes what is owed.
    list(RevenueEvent.objects.select_for_update(no_key=True).filter(developer=developer_id).order_by("pk").values("pk"))
    payouts = open_transfers().select_for_update(of=("self",)).select_related("revenue_event")
    theirs = payouts.filter(revenue_event__developer=developer_id, reverses=None)
    return [one for one in theirs if one.claimed_at is not None or (one.attempts and not one.last_reason)]


def is_being_tried(transfer: Transfer) -> bool:
    return transfer.claimed_at is not None and transfer.claimed_at >= datetime.now(UTC) - CLAIM_LASTS


def can_be_tried(transfer: Transfer) -> bool:
    """Whether it is ready, and there is somebody to ask."""
    return (bool(settings.STRIPE_SECRET_KEY) or is_stubbed()) and is_ready(transfer)


def destination_of(transfer: Transfer) -> str:
    """The developer's account at Stripe; empty as long as there is none that may be paid. The stub pays anybody."""
    developer_id = transfer.revenue_event.developer_id
    if developer_id is None:
        return ""
    if is_stubbed():
        return get_gateway().create_connect_account(user_id=str(developer_id))
    accounts = DeveloperAccount.objects.filter(user_id=developer_id, payouts_enabled=True)
    return accounts.values_list("stripe_account_id", flat=True).first() or ""


def run(transfer_id: UUID) -> Outcome:
    """Tries one transfer, and with a payout the reversals that waited for it. No problem of Stripe's is raised."""
    try:
        gateway = get_gateway()
    except NotConfigured:
        return Outcome.WAITING
    transfer = _claim(transfer_id)
    if isinstance(transfer, Outcome):
        return transfer
    try:
        stripe_id = _send(gateway, transfer)
    except Problem as problem:
        _record_failure(transfer, problem, reason=_explain(gateway, transfer, problem))
        return Outcome.FAILED
    _record_done(transfer, stripe_id)
    for reversal_id in open_transfers().filter(reverses=transfer).values_list("pk", flat=True):
        run(reversal_id)
    return Outcome.DONE


@transaction.atomic
def _claim(transfer_id: UUID) -> Transfer | Outcome:
    now = datetime.now(UTC)
    transfer = (
        Transfer.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("revenue_event__purchase", "reverses")
        .filter(Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM_LASTS), pk=transfer_id, status=TransferStatus.PENDING)
        .first()
    )
    if transfer is None:
        return Outcome.BUSY
    if not is_ready(transfer):
        return Outcome.WAITING
    transfer.attempts += 1
    transfer.claimed_at = now
    transfer.save(update_fields=["attempts", "claimed_at"])
    return transfer


def _send(gateway: Gateway, transfer: Transfer) -> str:
    """Its id at Stripe. Raises the gateway's problems."""
    event, reference, may_be_made = transfer.revenue_event, transfer.pk.hex, _may_exist_at_stripe(transfer)
    if transfer.reverses is not None:
        payout_id = str(transfer.reverses.stripe_id)
        found = gateway.find_reversal(payout_id, reference=reference) if may_be_made else None
        return found or gateway.reverse_transfer(
            payout_id,
            amount_cents=-transfer.amount_cents,
            reference=reference,
            idempotency_key=f"reversal:{transfer.pk}:{transfer.refusals}",
        )
    account_id = destination_of(transfer)
    found = (
        gateway.find_transfer(
            account_id=transfer.destination or account_id, reference=reference, since=transfer.created_at
        )
        if may_be_made
        else None
    )
    if found is None and transfer.destination != account_id:
        transfer.destination = account_id
        transfer.save(update_fields=["destination"])
    return found or gateway.create_transfer(
        account_id=account_id,
        amount_cents=transfer.amount_cents,
        currency=event.currency,
        payment_intent_id=event.purchase.payment_intent_id or "",
        reference=reference,
        idempotency_key=f"payout:{transfer.pk}:{transfer.refusals}",
    )


def _may_exist_at_stripe(transfer: Transfer) -> bool:
    """Whether Stripe may have made it under a key that it has forgotten since."""
    return transfer.attempts > 1 or transfer.created_at < datetime.now(UTC) - KEY_IS_TRUSTED


@transaction.atomic
def _record_done(transfer: Transfer, stripe_id: str) -> None:
    # Sale before transfer, as in settlement.
    event = RevenueEvent.objects.select_for_update(no_key=True).get(pk=transfer.revenue_event_id)
    is_news = Transfer.objects.filter(pk=transfer.pk, status=TransferStatus.PENDING).update(
        status=TransferStatus.DONE,
        stripe_id=stripe_id,
        done_at=datetime.now(UTC),
        claimed_at=None,
        last_failure="",
        last_reason="",
    )
    if is_news and transfer.amount_cents > 0:
        event.stripe_transfer_id = stripe_id
        event.save(update_fields=["stripe_transfer_id"])
    alerts.resolve(TRANSFER_FAILED, reference=str(transfer.pk))
    logger.info("transfer done", extra={"transfer": str(transfer.pk), "cents": transfer.amount_cents})


def _explain(gateway: Gateway, transfer: Transfer, problem: Problem) -> str:
    """Stripe's reason for a refusal. An account that turns out not to be payable is a person's business at once, and
    whatever else it is owed waits until it is.
    """
    if not isinstance(problem, TransferRefused):
        return ""
    if transfer.reverses is not None or not transfer.destination:
        return problem.reason
    try:
        account = accounts.refresh(gateway, transfer.destination)
    except Problem as further:
        logger.warning("the account of a refused transfer is unknown", extra={"code": further.code})
        return problem.reason
    if account is None or account.state == OnboardingState.READY:
        return problem.reason
    accounts.report(account, refused_with=problem.reason)
    return f"{problem.reason}; {accounts.describe(account)}"


@transaction.atomic
def _record_failure(transfer: Transfer, problem: Problem, *, reason: str) -> None:
    logger.warning("a transfer failed", extra={"transfer": str(transfer.pk), "code": problem.code, "reason": reason})
    # A claim that was taken over in the meantime is not ours to give up.
    mine = Transfer.objects.filter(pk=transfer.pk, status=TransferStatus.PENDING, claimed_at=transfer.claimed_at)
    mine.update(
        claimed_at=None,
        last_failure=problem.code,
        last_reason=reason[:LONGEST_REASON],
        refusals=F("refusals") + int(isinstance(problem, TransferRefused)),
    )
    if transfer.attempts >= ATTEMPTS_BEFORE_ALERT:
        because = f"{problem.code} ({reason})" if reason else problem.code
        alerts.update_alert(
            TRANSFER_FAILED,
            reference=str(transfer.pk),
            message=f"A transfer of {transfer.amount_cents} cents for a sale of {transfer.revenue_event.plugin_id} "
            f"failed {transfer.attempts} times, last with {because}. manage.py retry_transfers tries it again.",
        )


def follow_ledger(*, event: RevenueEvent, owed_cents: int, source: str, at: datetime) -> None:
    """Makes the sum of the sale's transfers ``owed_cents``. The caller has the event's row locked, or made it.

    What nobody has tried to send shrinks or goes away. What somebody has tried may be on its way, with its amount, so
    it stays, and a reversal is added that waits for it.
    """
    transfers = list(Transfer.objects.select_for_update().filter(revenue_event=event).order_by("-created_at", "-pk"))
    missing = owed_cents - sum(transfer.amount_cents for transfer in transfers)
    for transfer in transfers:
        if not transfer.attempts and missing * transfer.amount_cents < 0:
            missing += _shrink(transfer, by=abs(missing))
    if missing > 0:
        Transfer.objects.create(revenue_event=event, source=source, amount_cents=missing, created_at=at)
    elif missing < 0:
        _reverse([one for one in transfers if one.attempts], event=event, cents=-missing, source=source, at=at)


def _shrink(transfer: Transfer, *, by: int) -> int:
    """Moves its amount towards zero; answers by how much less is missing now, with the sign of the transfer."""
    step = min(by, abs(transfer.amount_cents))
    moved = step if transfer.amount_cents > 0 else -step
    transfer.amount_cents -= moved
    if transfer.amount_cents:
        transfer.save(update_fields=["amount_cents"])
    else:
        transfer.delete()
    return moved


def _reverse(transfers: Sequence[Transfer], *, event: RevenueEvent, cents: int, source: str, at: datetime) -> None:
    """Newest payout first; of each no more than what is left of it."""
    payouts = [one for one in transfers if one.amount_cents > 0]
    made = 0
    for payout in payouts:
        left = payout.amount_cents + sum(
            Transfer.objects.filter(reverses=payout).values_list("amount_cents", flat=True)
        )
        part = min(left, cents)
        if part <= 0:
            continue
        made += 1
        cents -= part
        Transfer.objects.create(
            revenue_event=event,
            reverses=payout,
            source=source if made == 1 else f"{source}#{made}",
            amount_cents=-part,
            created_at=at,
        )
