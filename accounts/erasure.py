"""Deleting an account: everything that other apps hold of it, then the account itself.

Apps above this one register how to erase what they hold. The request is recorded first, in the transaction that closes
the account, so an erasure that a crash cut short is taken up again at the next start (``resume``).
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

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
    """Runs every hook, then removes the account and its rows. False when a hook failed: ``resume`` tries again."""
    for name, hook in _hooks.items():
        try:
            hook(user_id)
        except Exception:
            logger.exception("an account could not be erased yet", extra={"hook": name, "user": str(user_id)})
            return False
    User.objects.filter(id=user_id, erasure_requested_at__isnull=False).delete()
    logger.info("account erased", extra={"user": str(user_id)})
    return True


def resume() -> int:
    """Takes up every erasure that was requested and not finished; returns how many are finished now."""
    pending = User.objects.filter(erasure_requested_at__isnull=False).values_list("id", flat=True)
    return sum(erase(user_id=user_id) for user_id in list(pending))
