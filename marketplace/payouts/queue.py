"""Running transfers once their transaction is committed: beside the request, never in it.

One thread, free to fail: what it misses, ``manage.py retry_transfers`` finds. The stub answers at once, so it is asked
in place.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction

from billing.stripe.factory import is_stubbed
from marketplace.payouts.transfers import run_open

logger = logging.getLogger(__name__)

MOST_WAITING = 1000

_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="payouts")
_waiting: set[tuple[UUID | None, UUID | None]] = set()
_lock = Lock()


def queue(*, event_id: UUID | None = None, developer_id: UUID | None = None) -> None:
    """The open transfers of a sale or of a developer; to be called in the transaction that makes them due."""
    transaction.on_commit(lambda: _submit(event_id, developer_id), robust=True)


def _submit(event_id: UUID | None, developer_id: UUID | None) -> None:
    if is_stubbed():
        run_open(event_id=event_id, developer_id=developer_id)
        return
    if not settings.STRIPE_SECRET_KEY:
        return  # they wait
    with _lock:
        if (event_id, developer_id) in _waiting or len(_waiting) >= MOST_WAITING:
            return
        _waiting.add((event_id, developer_id))
    _executor.submit(_run, event_id, developer_id)


def _run(event_id: UUID | None, developer_id: UUID | None) -> None:
    with _lock:
        _waiting.discard((event_id, developer_id))  # what comes from now on is worth another look
    try:
        run_open(event_id=event_id, developer_id=developer_id)
    except Exception:
        logger.exception("transfers could not be run", extra={"sale": str(event_id), "developer": str(developer_id)})
    finally:
        connections.close_all()
