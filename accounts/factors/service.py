"""Second factors of an account: which there are, and how they come and go."""

from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from accounts.models import Factor, LoginChallenge, RecoveryCode, SecurityEventType, Session, User
from accounts.security_events.recording import Origin, record
from adiuva.api.errors import Conflict, InvalidToken, NotFound
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import send_mail

MAX_FACTORS = 10  # confirmed ones


def has_second_factor(*, user_id: UUID) -> bool:
    return Factor.objects.for_user(user_id).confirmed().exists()


def lock_account(user_id: UUID) -> User:
    """What comes and goes of an account's factors goes one by one: to be called in the transaction of such a change."""
    return User.objects.select_for_update(no_key=True).get(id=user_id)


def lock_account_of_session(*, user_id: UUID, session_id: UUID | None) -> User:
    """As ``lock_account``, for what a session adds to the account for good: one that a reset, a new password or its
    owner ended while this waited adds nothing. ``session_id``: None for the admin's.

    Raises ``InvalidToken``.
    """
    user = User.objects.select_for_update(no_key=True).filter(id=user_id, is_active=True).first()
    is_over = session_id is not None and not Session.objects.usable().filter(id=session_id, user_id=user_id).exists()
    if user is None or is_over:
        raise InvalidToken
    return user


def require_own_factor(*, user_id: UUID, factor_id: UUID) -> None:
    """Raises ``NotFound``: before anybody looks at the body."""
    if not Factor.objects.for_user(user_id).filter(id=factor_id).exists():
        raise NotFound


def require_room(*, user_id: UUID) -> None:
    """Under ``lock_account``. Raises ``Conflict``."""
    if Factor.objects.for_user(user_id).confirmed().count() >= MAX_FACTORS:
        raise Conflict(f"An account has at most {MAX_FACTORS} second factors.")


def announce_added(*, user: User, factor: Factor, origin: Origin, session_id: UUID | None) -> None:
    """The event and the mail of a factor that counts from now on, in the transaction that made it so. ``session_id``:
    None for what happens in the admin.
    """
    record(SecurityEventType.FACTOR_ADDED, user_id=user.id, origin=origin, session_id=session_id)
    _tell(MailKind.FACTOR_ADDED, user=user, factor=factor)


def remove_factor(*, user_id: UUID, factor_id: UUID, origin: Origin | None, session_id: UUID | None) -> None:
    """With the last factor the recovery codes go. One that was never confirmed goes without a word. ``origin``,
    ``session_id``: None for an operator.

    Raises ``NotFound``.
    """
    with transaction.atomic():
        user = lock_account(user_id)
        factor = Factor.objects.for_user(user_id).filter(id=factor_id).first()
        if factor is None:
            raise NotFound
        was_confirmed = factor.confirmed_at is not None
        factor_type, name = factor.type, factor.name
        factor.delete()
        if not was_confirmed:
            return
        if not has_second_factor(user_id=user_id):
            RecoveryCode.objects.filter(user_id=user_id).delete()
        record(SecurityEventType.FACTOR_REMOVED, user_id=user_id, origin=origin, session_id=session_id)
        _tell(MailKind.FACTOR_REMOVED, user=user, factor=Factor(type=factor_type, name=name))


def remove_all_factors(*, user_id: UUID) -> list[Factor]:
    """An operator's way for somebody who has lost every one of theirs, recovery codes included: those that counted.

    Logins that wait for one of them end; sessions stay.
    """
    with transaction.atomic():
        user = lock_account(user_id)
        removed = list(Factor.objects.for_user(user_id).confirmed())
        Factor.objects.for_user(user_id).delete()
        RecoveryCode.objects.filter(user_id=user_id).delete()
        LoginChallenge.objects.open(datetime.now(UTC)).filter(user_id=user_id).update(ended_at=datetime.now(UTC))
        for factor in removed:
            record(SecurityEventType.FACTOR_REMOVED, user_id=user_id, origin=None)
            _tell(MailKind.FACTOR_REMOVED, user=user, factor=factor)
    return removed


def _tell(kind: MailKind, *, user: User, factor: Factor) -> None:
    send_mail(
        kind,
        to=user.email,
        locale=user.locale,
        account_id=user.id,
        facts={"factor": factor.type, "name": factor.name, "at": datetime.now(UTC).isoformat(timespec="seconds")},
    )
