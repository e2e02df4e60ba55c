"""The pool's answer when PostgreSQL is away: at once when nobody can be served, patience when somebody can."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from psycopg_pool import ConnectionPool

from adiuva.db.pool import reconnect_failed
from tests.support.ports import held_port

PATIENCE = 600.0  # longer than a test may take: who waits for this has not been told


class Server:
    """Where the pool connects to; ``leave`` lets it connect to nothing."""

    def __init__(self) -> None:
        database = settings.DATABASES["default"]
        self.conninfo = f"host={database.get('HOST')} port={database.get('PORT')} user={database.get('USER')}"
        self.conninfo += f" password={database.get('PASSWORD')} dbname=postgres connect_timeout=60"

    def leave(self) -> None:
        self.conninfo = f"host=127.0.0.1 port={held_port(self)} connect_timeout=60"


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def pool(server: Server) -> Iterator[ConnectionPool[Any]]:
    own = ConnectionPool(
        lambda: server.conninfo,
        min_size=1,
        max_size=2,
        timeout=PATIENCE,
        reconnect_timeout=0,
        reconnect_failed=reconnect_failed,
        open=False,
    )
    yield own
    own.close()


def test_everybody_is_told_when_there_is_no_server(server: Server, pool: ConnectionPool[Any]) -> None:
    server.leave()
    pool.open()
    for _ in range(3):
        with pytest.raises(OperationalError, match="away"):
            pool.getconn()
    told = []

    def ask() -> None:
        try:
            pool.getconn()
        except OperationalError as error:
            told.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert told == ["the database is away"] * 20


@pytest.mark.postgres
def test_who_can_still_be_served_waits(server: Server, pool: ConnectionPool[Any]) -> None:
    pool.open(wait=True, timeout=120)
    lent = pool.getconn()
    server.leave()
    got: list[Any] = []
    waiter = threading.Thread(target=lambda: got.append(pool.getconn()))
    waiter.start()
    waiter.join(1)
    assert waiter.is_alive(), "a failed attempt to grow ends no wait while a connection is lent"
    pool.putconn(lent)
    waiter.join(120)
    assert got == [lent]
    pool.putconn(lent)


@pytest.mark.postgres
def test_a_server_that_is_back_is_used_by_the_next_who_asks(server: Server, pool: ConnectionPool[Any]) -> None:
    there = server.conninfo
    server.leave()
    pool.open()
    with pytest.raises(OperationalError):
        pool.getconn()
    server.conninfo = there
    connection = pool.getconn()
    assert connection.execute("SELECT 1").fetchone() == (1,)
    pool.putconn(connection)
