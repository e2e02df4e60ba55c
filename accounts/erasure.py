"""Deleting an account: everything that other apps hold of it, then the account itself.

Apps above this one register how to erase what they hold. The request is recorded first, in the transaction that closes
the account, so an erasure that a crash cut short, or that takes longer than a request may, is taken up again by a job
and by ``reap_storage`` (``resume``).
"""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from accounts.models import User
from accounts.sessions import revoke_all_sessions
from adiuva.mail.outbox import forget_account

logger = logging.getLogger(__name__)

REQUEST_SECONDS = 5.0  # of the erasure of an account, for who asked for it: thousands of blobs take minutes

Erase = Callable[[UUID], None]
IsOver = Callable[[], bool]
Sweep = Callable[[UUID, IsOver], bool]
Note = Callable[[UUID, str, Exception], None]
Close = Callable[[User], None]


@dataclass(frozen=True, slots=True)
class _Step:
    """``run(user_id, is_over)``: False for what is not done yet."""

    run: Callable[[UUID, IsOver], bool | None]
    after: Collection[str]


_hooks: dict[str, _Step] = {}
_sweeps: dict[str, _Step] = {}
_closings: dict[str, Close] = {}
_server_only: list[Callable[[], bool]] = []


def register(name: str, erase: Erase, *, after: Collection[str] = ()) -> None:
    """``erase(user_id)`` runs outside a transaction, may run again after a crash, and raises when it is not done.

    Hooks run in the order of registration. One that fails does not keep the others from running, except those that
    name it in ``after``: a store that is away must not withhold the erasure of everything else.
    """
    _hooks[name] = _Step(lambda user_id, _is_over: erase(user_id), after)


def register_sweep(name: str, sweep: Sweep, *, after: Collection[str] = ()) -> None:
    """For what may take long: ``sweep(user_id, is_over)`` runs after every hook, asks ``is_over`` now and then, and
    returns whether it is done. It gets something done each time. Otherwise as ``register``.
    """
    _sweeps[name] = _Step(sweep, after)


def register_server_only(condition: Callable[[], bool]) -> None:
    """While ``condition()`` holds, erasing takes something that the serving process alone may open."""
    _server_only.append(condition)


def register_closing(name: str, close: Close) -> None:
    """``close(user)`` runs in the transaction that closes an account, before anything of the account itself changes or
    is locked. A ``Problem`` that it raises refuses the closing: for what an account must not leave behind.
    """
    _closings[name] = close


def needs_server() -> bool:
    """Whether a worker must leave erasures to the server, which takes them up at its next start."""
    return any(condition() for condition in _server_only)


def close_account(*, user: User) -> None:
    """From here on nobody can log in; what is left to do is ``erase``'s. Raises what a closing does, with everything as
    it was.
    """
    with transaction.atomic():
        for close in _closings.values():
            close(user)
        User.objects.filter(id=user.id, erasure_requested_at__isnull=True).update(
            is_active=False, erasure_requested_at=datetime.now(UTC)
        )
        revoke_all_sessions(user_id=user.id)


def _ignore(_user_id: UUID, _name: str, _error: Exception) -> None:
    """The log has it."""


def erase(*, user_id: UUID, seconds: float = float("inf"), note: Note = _ignore) -> bool:
    """Runs every hook, then removes the account and its rows. False when one failed, or when the sweeps were not done
    after ``seconds``: ``resume`` goes on. ``note(user_id, hook's name, error)`` hears of each failure.
    """
    deadline = time.monotonic() + seconds
    undone: set[str] = set()
    steps = {**_hooks, **_sweeps}
    steps["accounts"] = _Step(lambda user_id, _is_over: _erase_rows(user_id), tuple(steps))
    for name, step in steps.items():
        if not undone.isdisjoint(step.after):
            undone.add(name)
            continue
        try:
            if step.run(user_id, lambda: time.monotonic() >= deadline) is False:
                logger.info("an account takes longer to erase", extra={"hook": name, "user": str(user_id)})
                undone.add(name)
        except Exception as error:
            logger.exception("an account could not be erased yet", extra={"hook": name, "user": str(user_id)})
            note(user_id, name, error)
            undone.add(name)
    if undone:
        return False
    logger.info("account erased", extra={"user": str(user_id)})
    return True


def resume(*, note: Note = _ignore) -> int:
    """Takes up every erasure that was requested and not finished; returns how many are finished now."""
    pending = User.objects.filter(erasure_requested_at__isnull=False).values_list("id", flat=True)
    return sum(erase(user_id=user_id, note=note) for user_id in list(pending))


def _erase_rows(user_id: UUID) -> None:
    """All that has a foreign key to the account goes with it; mails have none.

    Of other addresses than its own (that it had, or asked for) only the mails that it caused go: somebody else may
    have them by now.
    """
    with transaction.atomic():
        own = User.objects.filter(id=user_id, erasure_requested_at__isnull=False)
        forget_account(account_id=user_id, recipients=list(own.values_list("email", flat=True)))
        # The admin's log names what was changed by its text, which for a user is the address.
        users = ContentType.objects.get_for_model(User)
        LogEntry.objects.filter(content_type=users, object_id=str(user_id)).update(object_repr=str(user_id))
        own.delete()
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
