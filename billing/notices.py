"""What billing writes to people: of a payment that failed, of an end that is scheduled, and receipts.

Each is queued in the transaction in which it becomes known, once, however often Stripe says it. Whether there is still
any use in it is asked again when it is sent (``compose_…``): a mail server may be away for a day.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from accounts.models import User
from adiuva.mail.composers import Fact, register_composer
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import send_mail
from billing.models import BillingFact, Notice, NoticeKind, Subscription
from billing.revenue.models import PaidInvoice
from billing.stripe.money_port import InvoicePaid
from billing.stripe.projection import LIVE, State, unpaid_failures


def register() -> None:
    register_composer(MailKind.PAYMENT_FAILED, compose_payment_failed)
    register_composer(MailKind.SUBSCRIPTION_ENDING, compose_subscription_ending)
    register_composer(MailKind.RECEIPT, compose_receipt)


def write_about_state(*, user: User, facts: list[BillingFact], state: State) -> None:
    """What ``facts``, all of the user's customer, and the state they come to, say that was not told yet. In the
    transaction that stores them, with the user's row locked.
    """
    if user.erasure_requested_at is not None:
        return
    _write_about_failures(user, facts)
    _write_about_end(user, state)


@transaction.atomic
def send_receipt(invoice: InvoicePaid) -> None:
    """Of an invoice that was booked as one of ours."""
    if not invoice.hosted_url or not invoice.paid_cents or not PaidInvoice.objects.filter(pk=invoice.id).exists():
        return
    payers = User.objects.filter(erasure_requested_at__isnull=True, stripe_customer_id=invoice.customer_id)
    user = payers.first() if invoice.customer_id else None
    if user is None:
        return
    _, is_new = Notice.objects.get_or_create(
        user=user, kind=NoticeKind.RECEIPT, reference=invoice.id, defaults={"url": invoice.hosted_url}
    )
    if is_new:
        _send(
            MailKind.RECEIPT,
            user=user,
            facts={"amount_cents": invoice.paid_cents, "currency": invoice.currency, "invoice": invoice.id},
        )


def compose_payment_failed(account_id: UUID | None, facts: Mapping[str, Fact]) -> Mapping[str, Fact] | None:
    """The page of the invoice; None once it is paid, or the subscription has ended."""
    user = User.objects.filter(pk=account_id).first() if account_id is not None else None
    customer_id = user.stripe_customer_id if user is not None else None
    known = list(BillingFact.objects.filter(subject_id=customer_id)) if customer_id else []
    for failed, _ in unpaid_failures(known):
        if failed.invoice_id == facts.get("invoice") and failed.pay_url:
            return {"link": failed.pay_url}
    return None


def compose_subscription_ending(account_id: UUID | None, facts: Mapping[str, Fact]) -> Mapping[str, Fact] | None:
    """Nothing is added; None where the end was taken back, put off, or has come."""
    row = Subscription.objects.filter(user=account_id, cancel_at_period_end=True, status__in=LIVE).first()
    if row is None or row.cancel_at is None or row.cancel_at <= datetime.now(UTC):
        return None
    return {} if row.cancel_at.isoformat() == facts.get("at") else None


def compose_receipt(account_id: UUID | None, facts: Mapping[str, Fact]) -> Mapping[str, Fact] | None:
    told = Notice.objects.filter(user=account_id, kind=NoticeKind.RECEIPT, reference=facts.get("invoice")).first()
    return None if told is None else {"link": told.url}


def _write_about_failures(user: User, facts: list[BillingFact]) -> None:
    for failed, tier in unpaid_failures(facts):
        if not failed.pay_url or not failed.amount_cents:
            continue  # of a time when nobody was written to: what there was to pay is not known here
        _, is_new = Notice.objects.get_or_create(user=user, kind=NoticeKind.PAYMENT_FAILED, reference=failed.invoice_id)
        if is_new:
            _send(
                MailKind.PAYMENT_FAILED,
                user=user,
                facts={
                    "tier": tier.value,
                    "amount_cents": failed.amount_cents,
                    "currency": failed.currency,
                    "invoice": failed.invoice_id,
                },
            )


def _write_about_end(user: User, state: State) -> None:
    """An end that is taken back is forgotten: scheduled again, it is told again."""
    told = Notice.objects.filter(user=user, kind=NoticeKind.SUBSCRIPTION_ENDING)
    ends_at = state.cancel_at if state.cancel_at_period_end and state.status in LIVE else None
    if ends_at is None or state.tier is None:
        told.delete()
        return
    if told.filter(reference=state.subscription_id, ends_at=ends_at).exists():
        return
    told.delete()
    Notice.objects.create(
        user=user, kind=NoticeKind.SUBSCRIPTION_ENDING, reference=state.subscription_id, ends_at=ends_at
    )
    _send(MailKind.SUBSCRIPTION_ENDING, user=user, facts={"tier": state.tier.value, "at": ends_at.isoformat()})


def _send(kind: MailKind, *, user: User, facts: Mapping[str, Fact]) -> None:
    send_mail(kind, to=user.email, locale=user.locale, account_id=user.id, facts=facts)
