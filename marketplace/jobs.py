"""What the marketplace puts off, and what it does by the clock: paying developers, keeping receipts."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from adiuva.jobs import enqueue, job, schedule
from billing.stripe.factory import get_gateway, is_stubbed
from marketplace.models import OnboardingState, PluginPurchase
from marketplace.payouts.accounts import refresh, refresh_waiting
from marketplace.payouts.transfers import open_transfers, run_open


@job(name="marketplace.run_transfers")
def run_transfers(*, event_id: str | None, developer_id: str | None) -> None:
    """The open transfers of a sale, or of a developer."""
    run_open(
        event_id=UUID(event_id) if event_id is not None else None,
        developer_id=UUID(developer_id) if developer_id is not None else None,
    )


@job(name="marketplace.retry_transfers")
def retry_transfers() -> None:
    """Every transfer that is still open, as ``manage.py retry_transfers`` does."""
    if not settings.STRIPE_SECRET_KEY or not open_transfers().exists():
        return
    refresh_waiting(get_gateway())
    run_open()


@job(name="marketplace.refresh_account")
def refresh_account(*, account_id: str, as_of: str) -> None:
    """Asks Stripe about a developer's account, and pays what waited for it. ``as_of``: when something happened to it.

    Raises the gateway's problems.
    """
    if not settings.STRIPE_SECRET_KEY:
        return
    account = refresh(get_gateway(), account_id, as_of=datetime.fromisoformat(as_of))
    if account is not None and account.state == OnboardingState.READY:
        run_open(developer_id=account.user_id)


RECEIPTS_AT_ONCE: Final = 100
RECEIPTS_WITHIN: Final = timedelta(days=1)
RECEIPTS_LOOKED_FOR: Final = timedelta(days=30)


@job(name="marketplace.keep_receipts")
def keep_receipts() -> None:
    """Asks for the receipts of what was paid within a day, and keeps them: Stripe's events name none.

    By the clock and not at the payment, which waits for nobody. Raises the gateway's problems.
    """
    now = datetime.now(UTC)
    _keep_receipts(since=now - RECEIPTS_WITHIN, until=now)


@job(name="marketplace.keep_missed_receipts")
def keep_missed_receipts() -> None:
    """Of what was paid within a month: after a day, or more, on which nobody could ask."""
    now = datetime.now(UTC)
    # A process of the version before erases a buyer without it.
    PluginPurchase.objects.filter(user=None).exclude(receipt_url="").update(receipt_url="")
    _keep_receipts(since=now - RECEIPTS_LOOKED_FOR, until=now - RECEIPTS_WITHIN)


def _keep_receipts(*, since: datetime, until: datetime) -> None:
    if not (settings.STRIPE_SECRET_KEY or is_stubbed()):
        return
    gateway = get_gateway()
    paid = PluginPurchase.objects.filter(receipt_url="", paid_at__gt=since, paid_at__lte=until, user__isnull=False)
    named = paid.exclude(payment_intent_id=None).order_by("-paid_at").values_list("pk", "payment_intent_id")
    for purchase_id, payment_intent_id in list(named[:RECEIPTS_AT_ONCE]):
        url = gateway.find_receipt(payment_intent_id)
        if url:  # of who has left meanwhile nothing is kept
            PluginPurchase.objects.filter(pk=purchase_id, user__isnull=False).update(receipt_url=url)


def queue_refresh(*, account_id: str, as_of: datetime) -> None:
    """To be called in the transaction that makes it necessary. The stub keeps nothing that could be asked for."""
    if settings.STRIPE_SECRET_KEY:
        enqueue(refresh_account, account_id=account_id, as_of=as_of.isoformat())


def queue_transfers(*, event_id: UUID | None = None, developer_id: UUID | None = None) -> None:
    """The open transfers of a sale or of a developer, to be called in the transaction that makes them due.

    The stub answers at once, so it is asked in place; without either they wait.
    """
    if is_stubbed():
        transaction.on_commit(lambda: run_open(event_id=event_id, developer_id=developer_id), robust=True)
    elif settings.STRIPE_SECRET_KEY:
        enqueue(run_transfers, event_id=_text(event_id), developer_id=_text(developer_id))


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


schedule("*/5 * * * *", retry_transfers)
schedule("*/5 * * * *", keep_receipts)
schedule("41 4 * * *", keep_missed_receipts)
