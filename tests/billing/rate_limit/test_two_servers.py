"""The limit over two real server processes that share a Redis."""

import http.client
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from adiuva.db.circuit_breaker import PROBE_SECONDS
from tests.support.redis_server import RedisServer
from tests.support.server import RunningServer

pytestmark = pytest.mark.thorough

ServerFactory = Callable[..., RunningServer]


def status(url: str, token: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request("GET", "/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def servers(server_factory: ServerFactory, redis_server: RedisServer) -> list[RunningServer]:
    return [server_factory(REDIS_URL=redis_server.url) for _ in range(2)]


@pytest.fixture
def account(servers: list[RunningServer]) -> dict[str, str]:
    body = {"email": f"{uuid4().hex}@example.com", "password": "correct horse battery"}
    answer = httpx.post(f"{servers[0].url}/api/v1/auth/register", json=body, timeout=30)
    return {"email": body["email"], "token": answer.json()["access_token"]}


def send_hundred_at_once(servers: list[RunningServer], token: str) -> Counter[int]:
    with ThreadPoolExecutor(100) as pool:
        return Counter(pool.map(lambda n: status(servers[n % 2].url, token), range(100)))


@pytest.mark.slow
def test_of_a_hundred_parallel_requests_exactly_the_limit_passes(
    servers: list[RunningServer], account: dict[str, str]
) -> None:
    assert send_hundred_at_once(servers, account["token"]) == {200: 20, 429: 80}

    servers[1].manage("set_tier", account["email"], "pro")
    assert send_hundred_at_once(servers, account["token"]) == {200: 40, 429: 60}


def test_redis_may_stop_and_come_back_under_running_servers(
    servers: list[RunningServer], account: dict[str, str], redis_server: RedisServer
) -> None:
    token = account["token"]
    redis_server.stop()
    assert [status(server.url, token) for server in servers for _ in range(3)] == [200] * 6

    redis_server.start()
    deadline = time.monotonic() + 60
    for server in servers:
        known = redis_server.entries()
        while redis_server.entries() == known:
            assert time.monotonic() < deadline
            assert status(server.url, token) == 200
            time.sleep(PROBE_SECONDS / 2)
        assert server.log_text().count("Redis does not answer") == 1
