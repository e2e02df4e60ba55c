"""``SyncStream`` in the tests' own process, and what it tells of."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from storage.quota import lock_usage
from storage.sync.consumer import SyncStream
from tests.support.accounts import Account
from tests.support.sockets import WireSocket

PATH = "/api/v1/sync"
Connect = Callable[..., Awaitable[WireSocket]]


def sync_socket(account: Account | None = None, *, query: str = "", **options: Any) -> WireSocket:
    """``options`` go to ``SyncStream``."""
    return WireSocket(SyncStream, PATH, query=f"token={account.access_token}" if account else query, **options)


def change_feed(user_id: UUID, *, times: int = 1) -> int:
    """Commits as a record does; returns the number of the last change."""
    seq = 0
    for _ in range(times):
        with lock_usage(user_id) as usage:
            seq = usage.next_seq()
    return seq
