"""A login to the admin whose password was right, and that waits for the second factor.

It is kept in a session in which nobody is logged in: whatever asks who it is, asks in vain. It ends after
``LIFETIME``, with the fifth wrong code, with another password, and with the account's being staff.
"""

import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.utils.crypto import constant_time_compare

from accounts.models import User

LIFETIME: Final = timedelta(minutes=5)
SETUP_LIFETIME: Final = timedelta(minutes=15)  # an app has to be found and installed first
MAX_FAILURES: Final = 5
PENDING: Final = "staff_login"  # keys of the session
VERIFIED: Final = "second_factor"


@dataclass(slots=True, kw_only=True)
class PendingLogin:
    """``leads_to`` is a path of ours. ``factor_id``: the app that is being set up; empty where one is asked for."""

    user_id: str
    auth_hash: str
    until: float
    leads_to: str
    factor_id: str = ""
    failures: int = 0


def begin(session: SessionBase, *, user: User, leads_to: str, factor_id: UUID | None = None) -> None:
    session.flush()  # of whoever was logged in before
    lifetime = LIFETIME if factor_id is None else SETUP_LIFETIME
    session[PENDING] = asdict(
        PendingLogin(
            user_id=str(user.id),
            auth_hash=user.get_session_auth_hash(),
            until=time.time() + lifetime.total_seconds(),
            leads_to=leads_to,
            factor_id="" if factor_id is None else str(factor_id),
        )
    )


def find(session: SessionBase) -> tuple[PendingLogin, User] | None:
    held = session.get(PENDING)
    if not isinstance(held, dict):
        return None
    pending = PendingLogin(**held)
    user = User.objects.filter(id=pending.user_id, is_active=True, is_staff=True).first()
    is_valid = (
        user is not None
        and pending.until > time.time()
        and constant_time_compare(user.get_session_auth_hash(), pending.auth_hash)
    )
    return (pending, user) if is_valid and user is not None else None


def count_failure(session: SessionBase, pending: PendingLogin) -> bool:
    """False where it was the last one, and the login is over. Of requests at the same moment two may count as one; what
    bounds guesses at an account, however many logins they are spread over, is ``accounts.factors.attempts``.
    """
    pending.failures += 1
    if pending.failures >= MAX_FAILURES:
        session.flush()
        return False
    session[PENDING] = asdict(pending)
    return True


def mark_verified(session: SessionBase) -> None:
    """To be called when the user is logged in."""
    session.pop(PENDING, None)
    session[VERIFIED] = True


def is_verified(session: SessionBase) -> bool:
    return session.get(VERIFIED) is True
