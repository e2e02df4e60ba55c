"""What psycopg's pool does while PostgreSQL is away.

By itself it lets each request wait for the pool's whole timeout, as if the pool were only busy, and tries to connect
again after ever longer pauses, so that minutes may pass before it notices that the server is back. With
``reconnect_timeout=0`` it gives an attempt up at once and the next request makes a new one; ``reconnect_failed`` then
tells those who wait that there is nothing to wait for.
"""

from typing import Any

from django.db.utils import OperationalError


def reconnect_failed(pool: Any) -> None:
    """The pool's callback, in one of its threads, when it could not connect.

    While connections are lent out or others still on their way, somebody who waits may get one of those (the server may
    only be out of slots). Without any, everybody who waits is told, and idle connections, which are from before the
    outage, are replaced.
    """
    # The pool offers no way to end a wait; tests/adiuva/db/test_database_pool.py holds what is used of it.
    with pool._lock:  # noqa: SLF001
        if pool._nconns > len(pool._pool):  # noqa: SLF001
            return
        waiting = list(pool._waiting)  # noqa: SLF001
        pool._waiting.clear()  # noqa: SLF001
    for client in waiting:
        client.fail(OperationalError("the database is away"))
    pool.drain()
