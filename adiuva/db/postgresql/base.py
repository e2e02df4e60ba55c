"""Django's PostgreSQL, which lends no connection from the pool that has ended while it lay there.

After a restart of PostgreSQL every idle connection of the pool is dead, and each would cost the request that gets it
an answer of 503. Django's ``CONN_HEALTH_CHECKS`` asks the server before every request instead: a round trip each. What
a server sends when it ends a connection, or its mere end, makes the socket readable, and nothing else does while
nobody has asked anything: looking is one system call, and the server is asked only where there is something to read.
"""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

TRIES = 3


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Where one has ended, the others probably have: the pool looks after all of them at once.

        After the last try the connection is lent as it is, and the request is told what became of it.
        """
        connection = super().get_new_connection(conn_params)
        pool = self.pool
        if pool is None:
            return connection
        for _ in range(TRIES):
            if not has_ended(connection):
                break
            pool.putconn(connection)  # broken, which the pool sees: it makes another
            pool.check()
            connection = super().get_new_connection(conn_params)
        return connection


def has_ended(connection: psycopg.Connection[Any]) -> bool:
    """Of an idle one. A notice that came unasked is read on the way, and the connection goes on."""
    poll = select.poll()
    try:
        poll.register(connection.fileno(), select.POLLIN)
        if poll.poll(0):
            ConnectionPool.check_connection(connection)
    except psycopg.OperationalError:
        return True
    return False
