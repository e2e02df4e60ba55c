"""Asking Stripe how a customer's subscriptions look, where its events leave that open, or show more than one.

Beside the webhook, never in it: queued when the transaction is committed, run by one thread, and free to fail. What it
misses, ``manage.py sync_stripe`` finds.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from django.db import connections, transaction

from adiuva.api.errors import Problem
from billing.duplicate_subscriptions import end_duplicates
from billing.stripe.factory import get_gateway, is_stubbed
from billing.stripe.reconciliation import refresh

logger = logging.getLogger(__name__)

MOST_WAITING = 1000

_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stripe-healing")
_waiting: set[str] = set()
_lock = Lock()


def queue(customer_id: str) -> None:
    """To be called in the transaction that wants it. A customer who waits already waits once."""
    transaction.on_commit(lambda: _submit(customer_id), robust=True)


def _submit(customer_id: str) -> None:
    if is_stubbed():
        return
    with _lock:
        if customer_id in _waiting or len(_waiting) >= MOST_WAITING:
            return
        _waiting.add(customer_id)
    _executor.submit(_heal, customer_id)


def _heal(customer_id: str) -> None:
    with _lock:
        _waiting.discard(customer_id)  # what comes from now on is worth another look
    try:
        refresh(customer_id)
        end_duplicates(get_gateway(), customer_id=customer_id)
    except Problem as problem:
        logger.info(
            "a customer could not be looked up at Stripe", extra={"customer": customer_id, "code": problem.code}
        )
    except Exception:
        logger.exception("a customer could not be refreshed from Stripe", extra={"customer": customer_id})
    finally:
        connections.close_all()
