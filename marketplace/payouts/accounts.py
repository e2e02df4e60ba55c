"""What Stripe says of developers' accounts: whether they can be paid, and why not. The only writer of it.

Events may come late, twice and in any order; of two, the later one counts. Stripe's times are whole seconds: where two
events of one second differ, Stripe is asked (``refresh``).
"""

import logging
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q, Sum

from adiuva.api.errors import Problem
from adiuva.dashboard.figures import euros
from billing import alerts
from billing.stripe.port import STUB_ACCOUNT_PREFIX, ConnectAccount, Gateway
from marketplace.models import DeveloperAccount, OnboardingState, Transfer, TransferStatus

logger = logging.getLogger(__name__)

_MOST_NAMED = 8  # of what is due, in one sentence
# Payouts; a reversal names the payout, and needs no account.
WAITING = Q(status=TransferStatus.PENDING, reverses=None)
# What will be taken back of them again, as soon as they are made.
_TAKEN_BACK = Q(status=TransferStatus.PENDING, reverses__status=TransferStatus.PENDING)


class Heard(NamedTuple):
    """``can_be_paid``: what waited for it can go on. ``is_unclear``: Stripe has to be asked."""

    developer_id: UUID
    can_be_paid: bool
    is_unclear: bool


def hear(told: ConnectAccount, *, at: datetime) -> Heard | None:
    """What an event of the time ``at`` says of an account; None where it is no news. In the caller's transaction."""
    account = _lock(told.id)
    if account is None or (account.said_at is not None and account.said_at > at):
        return None
    is_tie = account.said_at == at
    if is_tie and _content_of(account) == _content_of(told):
        return None
    # In whatever order they come, the better news of one second counts, until Stripe has answered.
    if not is_tie or told.payouts_enabled > account.payouts_enabled:
        _keep(account, told, at=at)
    return Heard(developer_id=account.user_id, can_be_paid=account.payouts_enabled, is_unclear=is_tie)


@transaction.atomic
def deauthorize(account_id: str, *, at: datetime) -> None:
    """We may not use the account any more: nothing is sent to it, and what is owed waits for its owner's next one."""
    account = _lock(account_id)
    if account is None:
        return
    account.deauthorized_at = account.said_at = at
    account.payouts_enabled = account.is_restricted = False
    account.disabled_reason, account.requirements = "", []
    account.save()
    alerts.resolve(alerts.CONNECT_RESTRICTED, reference=account_id)
    alerts.raise_alert(
        alerts.CONNECT_DEAUTHORIZED,
        reference=account_id,
        message=f"A developer has disconnected the account {account_id}; {_waiting_for(account.user_id)}. They can be "
        f"paid once they have onboarded anew.",
    )


def refresh(gateway: Gateway, account_id: str, *, as_of: datetime | None = None) -> DeveloperAccount | None:
    """Asks Stripe, in no transaction; the account as it is known then, None for one that is not in use.

    ``as_of``: when something happened that made it necessary. What an event says meanwhile is newer than the answer.
    One that is gone, and of which no event has told, is taken for disconnected. Raises the gateway's problems.
    """
    before = DeveloperAccount.objects.filter(stripe_account_id=account_id, deauthorized_at=None).first()
    if before is None:
        return None
    told = gateway.retrieve_account(account_id)
    # Stripe may not know it because it is asked with another key: that says nothing about the account.
    if told is None and _is_key_of_ours(gateway, but=before):
        deauthorize(account_id, at=datetime.now(UTC))
        return None
    with transaction.atomic():
        account = _lock(account_id)
        if account is not None and told is not None and account.said_at == before.said_at:
            _keep(account, told, at=max(filter(None, (account.said_at, as_of)), default=None))
        return account


def refresh_waiting(gateway: Gateway) -> None:
    """Asks about those that money waits for and that cannot be paid, as far as we have heard. One about which Stripe
    gives no answer that can be used is logged: the others' money does not wait for it.
    """
    owed = Transfer.objects.filter(WAITING).values("revenue_event__developer")
    waiting = DeveloperAccount.objects.filter(payouts_enabled=False, deauthorized_at=None, user__in=owed)
    for account_id in waiting.values_list("stripe_account_id", flat=True):
        try:
            refresh(gateway, account_id)
        except Problem as problem:
            logger.warning(
                "An account could not be asked about", extra={"account": account_id, "answered": problem.status}
            )


def describe(account: DeveloperAccount) -> str:
    """Why it cannot be paid, in Stripe's words; "" for one that can."""
    if account.state == OnboardingState.READY:
        return ""
    due = ", ".join(account.requirements[:_MOST_NAMED]) or "nothing"
    more = len(account.requirements) - _MOST_NAMED
    return f"disabled_reason: {account.disabled_reason or 'none'}; due: {due}{f' and {more} more' if more > 0 else ''}"


def report(account: DeveloperAccount, *, refused_with: str = "") -> None:
    """The alert about an account that cannot be paid. ``refused_with``: the code with which Stripe refused a payout."""
    refused = f" Stripe refused a payout with {refused_with}." if refused_with else ""
    alerts.update_alert(
        alerts.CONNECT_RESTRICTED,
        reference=account.stripe_account_id,
        message=f"The account {account.stripe_account_id} of a developer cannot be paid ({describe(account)}); "
        f"{_waiting_for(account.user_id)}.{refused} They answer what is due by onboarding again; payouts go on by "
        f"themselves.",
    )


def _lock(account_id: str) -> DeveloperAccount | None:
    """None for one that is not in use."""
    accounts = DeveloperAccount.objects.select_for_update(no_key=True)
    return accounts.filter(stripe_account_id=account_id, deauthorized_at=None).first()


def _is_key_of_ours(gateway: Gateway, *, but: DeveloperAccount) -> bool:
    """Whether Stripe knows the oldest of the other accounts by the key it is asked with."""
    others = DeveloperAccount.objects.filter(deauthorized_at=None).exclude(pk=but.pk)
    oldest = others.exclude(stripe_account_id__startswith=STUB_ACCOUNT_PREFIX).order_by("created_at").first()
    return oldest is not None and gateway.retrieve_account(oldest.stripe_account_id) is not None


def _keep(account: DeveloperAccount, told: ConnectAccount, *, at: datetime | None) -> None:
    account.said_at = at
    account.payouts_enabled, account.is_restricted = told.payouts_enabled, told.is_restricted
    account.disabled_reason, account.requirements = told.disabled_reason, list(told.requirements)
    account.save()
    if account.state == OnboardingState.READY:
        alerts.resolve(alerts.CONNECT_RESTRICTED, reference=account.stripe_account_id)
    elif account.state == OnboardingState.RESTRICTED:
        report(account)


def _content_of(one: DeveloperAccount | ConnectAccount) -> tuple[bool, bool, str, list[str]]:
    return one.payouts_enabled, one.is_restricted, one.disabled_reason, list(one.requirements)


def waiting_cents(chosen: Q) -> int:
    """What is owed by the ``chosen`` transfers and waits for an account."""
    waiting = Transfer.objects.filter(WAITING | _TAKEN_BACK, chosen)
    return waiting.aggregate(cents=Sum("amount_cents"))["cents"] or 0


def _waiting_for(developer_id: UUID) -> str:
    cents = waiting_cents(Q(revenue_event__developer=developer_id))
    return f"{euros(cents)} of payouts wait" if cents else "no payout waits"
