"""Deleting an account: everything that other apps hold of it, then the account itself.

Apps above this one register how to erase what they hold. The request is recorded first, in the transaction that closes
the account, so an erasure that a crash cut short is taken up again at the next start (``resume``).
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from accounts.models import User
from accounts.sessions import revoke_all_sessions

logger = logging.getLogger(__name__)

Erase = Callable[[UUID], None]
_hooks: dict[str, Erase] = {}


def register(name: str, erase: Erase) -> None:
    """``erase(user_id)`` runs outside a transaction, may run again after a crash, and raises when it is not done."""
    _hooks[name] = erase


def close_account(*, user: User) -> None:
    """From here on nobody can log in; what is left to do is ``erase``'s."""
    with transaction.atomic():
        User.objects.filter(id=user.id, erasure_requested_at__isnull=True).update(
            is_active=False, erasure_requested_at=datetime.now(UTC)
        )
        revoke_all_sessions(user_id=user.id)


def erase(*, user_id: UUID) -> bool:
    """Runs every hook, then removes the account and its rows. False when one failed: ``resume`` tries again."""
    for name, step in (*_hooks.items(), ("accounts", _erase_rows)):
        try:
            step(user_id)
        except Exception:
            logger.exception("an account could not be erased yet", extra={"hook": name, "user": str(user_id)})
            return False
    logger.info("account erased", extra={"user": str(user_id)})
    return True


def resume() -> int:
    """Takes up every erasure that was requested and not finished; returns how many are finished now."""
    pending = User.objects.filter(erasure_requested_at__isnull=False).values_list("id", flat=True)
    return sum(erase(user_id=user_id) for user_id in list(pending))


def _erase_rows(user_id: UUID) -> None:
    with transaction.atomic():
        # The admin's log names what was changed by its text, which for a user is the address.
        users = ContentType.objects.get_for_model(User)
        LogEntry.objects.filter(content_type=users, object_id=str(user_id)).update(object_repr=str(user_id))
        User.objects.filter(id=user_id, erasure_requested_at__isnull=False).delete()
        transaction.on_commit(_forget_log, robust=True)


def _forget_log() -> None:
    """SQLite's write-ahead log still holds the pages as they were; ``secure_delete`` overwrites the database only.

    Writers wait while it is emptied, so a long reader is not waited for: the next erasure, or the last connection to
    close, does it then.
    """
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        (usual_wait,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute("PRAGMA busy_timeout = 1000")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {usual_wait}")
