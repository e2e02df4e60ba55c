"""Connections that ended while they lay idle in the pool: nobody is handed one."""

import threading
from collections.abc import Iterator
from contextlib import closing

import httpx
import psycopg
import pytest

from tests.adiuva.members import Member, join
from tests.support.server import RunningServer

AT_ONCE = 8
ENOUGH = 3  # connections that end: of one alone nobody could say that it was not luck

# Clients: autovacuum's workers come and go by themselves.
OTHERS = """FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


@pytest.fixture
def administrator(server: RunningServer) -> Iterator[psycopg.Connection]:
    with closing(psycopg.connect(server.env["DATABASE_URL"], autocommit=True)) as connection:
        yield connection


def statuses(server: RunningServer, member: Member, *, times: int) -> list[int]:
    headers = {"Authorization": f"Bearer {member.token}"}
    with httpx.Client(headers=headers, timeout=30) as client:
        return [client.get(f"{server.url}/api/v1/auth/me").status_code for _ in range(times)]


def fill_pool(server: RunningServer, member: Member, administrator: psycopg.Connection) -> None:
    for _ in range(6):  # the team tier's limit leaves enough for what comes after
        threads = [
            threading.Thread(target=statuses, args=(server, member), kwargs={"times": 3}) for _ in range(AT_ONCE)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        if _count(administrator) >= ENOUGH:
            return
    pytest.fail("the pool does not grow")


def _count(administrator: psycopg.Connection) -> int:
    (count,) = administrator.execute(f"SELECT count(*) {OTHERS}").fetchone() or (0,)
    return int(count)


@pytest.mark.postgres
def test_connections_that_end_while_they_are_idle_cost_nobody_an_answer(
    server: RunningServer, administrator: psycopg.Connection
) -> None:
    member = join(server)
    server.manage("set_tier", member.email, "team")
    fill_pool(server, member, administrator)
    ended = administrator.execute(f"SELECT pg_terminate_backend(pid, 5000) {OTHERS}").fetchall()
    assert len(ended) >= ENOUGH
    assert set(ended) == {(True,)}
    assert statuses(server, member, times=2 * AT_ONCE) == [200] * 2 * AT_ONCE
