"""How many mails an address gets, so that nobody is flooded through us, whoever asks and from however many addresses.

Rows are counted: by the address as it is compared, and by the account on whose behalf a mail leaves. Each kind has a
budget of its own, so that a flood of one keeps no other from its reader: not "your password was changed", and not the
link that verifies an address, because somebody's account has been told to move there. What is over a limit is dropped.
Whoever asked never learns of it, except where the mail is all that they asked for, and to an address that they named
themselves (an invitation): they are told when to ask again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, Max, Q
from django.utils.crypto import salted_hmac

from adiuva.mail.kinds import MailKind
from adiuva.mail.models import OutgoingMail


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """An address gets so many an hour and a day, an account causes so many a day. ``at_least_every``: one goes out in
    such a span whatever the limits say.
    """

    hourly: int = 10
    daily: int = 30
    account_daily: int = 60
    at_least_every: timedelta | None = None


_BUDGETS: Final = {
    # Whoever knows an address can ask for one, and must not be able to use up what its owner needs: while mails are
    # dropped, the link in the last one that was not still works (``accounts.recovery.mail_tokens.RESET_LIFETIME``).
    MailKind.PASSWORD_RESET: Budget(at_least_every=timedelta(minutes=30)),
    # Anybody's account can cause one. It says the same each time, and links to nothing.
    MailKind.ADDRESS_TAKEN: Budget(hourly=3, daily=5),
    # Reviewers decide about all that an author has waiting in one afternoon, fifty versions at most
    # (``marketplace.submissions.service.MAX_PENDING``), and each says something else.
    MailKind.REVIEW_DECISION: Budget(hourly=60, daily=120, account_daily=120),
    MailKind.REVIEW_QUESTION: Budget(hourly=60, daily=120, account_daily=120),
    # A team invites its people in one afternoon.
    MailKind.INVITATION: Budget(account_daily=300),
}
_USUAL: Final = Budget()
# Strangers cause these by naming an address. Whether one is too many is asked when it is to be sent: before, the answer
# takes longer or shorter according to whether the address has an account, since what has none is dropped then.
LIMITED_WHEN_SENT: Final = frozenset({MailKind.PASSWORD_RESET, MailKind.ADDRESS_TAKEN, MailKind.EMAIL_CHANGE})


def budget_of(kind: MailKind) -> Budget:
    return _BUDGETS.get(kind, _USUAL)


def forgotten_key(address_key: str) -> str:
    """What stands for the address of an account that was erased, for the day in which its mails still count: whoever
    registers somebody's address, deletes the account and begins again, floods them no less.
    """
    return salted_hmac("adiuva.mail.limits", address_key, algorithm="sha256").hexdigest()


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def is_over_limit(
    kind: MailKind, *, address_key: str, account_id: UUID | None, at: datetime, mail_id: UUID | None = None
) -> bool:
    """Whether a mail of ``at`` would be one too many. ``mail_id``: of one that has its row already; those before it
    are counted then, so that of mails that were written side by side the first ones go out and no more.
    """
    budget = budget_of(kind)
    before = Q(created_at__lte=at) if mail_id is None else Q(created_at__lt=at) | Q(created_at=at, id__lt=mail_id)
    to_address, of_account = _to_address(address_key), _of_account(account_id)
    counts = OutgoingMail.objects.filter(
        before,
        to_address | of_account,
        kind=kind,
        dropped_at__isnull=True,
        created_at__gt=at - _DAY,
    ).aggregate(
        hour=Count("id", filter=to_address & Q(created_at__gt=at - _HOUR)),
        day=Count("id", filter=to_address),
        account=Count("id", filter=of_account),
        newest=Max("created_at", filter=to_address),
    )
    if budget.at_least_every is not None and (counts["newest"] or _LONG_AGO) <= at - budget.at_least_every:
        return False
    return bool(
        counts["hour"] >= budget.hourly or counts["day"] >= budget.daily or counts["account"] >= budget.account_daily
    )


def has_room_at(kind: MailKind, *, address_key: str, account_id: UUID | None, at: datetime) -> datetime:
    """When a mail that is one too many at ``at`` would be none, unless others are written meanwhile."""
    budget = budget_of(kind)
    counted = OutgoingMail.objects.filter(kind=kind, dropped_at__isnull=True, created_at__gt=at - _DAY)
    moments = [at]
    for whose, most, span in (
        (_to_address(address_key), budget.hourly, _HOUR),
        (_to_address(address_key), budget.daily, _DAY),
        (_of_account(account_id), budget.account_daily, _DAY),
    ):
        newest_first = counted.filter(whose).order_by("-created_at").values_list("created_at", flat=True)
        moments += [written + span for written in newest_first[most - 1 : most]]
    return max(moments)


def _to_address(address_key: str) -> Q:
    return Q(address_key__in=[address_key, forgotten_key(address_key)])


def _of_account(account_id: UUID | None) -> Q:
    return Q(account_id=account_id) if account_id is not None else Q(pk__in=[])
