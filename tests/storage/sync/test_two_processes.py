"""Two server processes with one Redis: what happens in one is told on the sockets of the other."""

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.storage.records.live_users import LiveUser, make_live_users
from tests.storage.sync.live_sockets import call, closing, greeted, hear, hear_changes, write
from tests.storage.sync.sockets import PATH
from tests.support.redis_server import RedisServer
from tests.support.server import RunningServer

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Pair:
    one: RunningServer
    two: RunningServer


@pytest.fixture(scope="module")
def redis(_redis_server: RedisServer) -> RedisServer:
    _redis_server.stop()
    _redis_server.start()
    return _redis_server


@pytest.fixture(scope="module")
def pair(
    server_environment: dict[str, str], redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    def start(name: str) -> RunningServer:
        folder: Path = tmp_path_factory.mktemp(name)
        return RunningServer(folder=folder, env=server_environment | {"REDIS_URL": redis.url}).start()

    both = Pair(start("one"), start("two"))
    yield both
    for server in (both.one, both.two):
        server.stop()


@pytest.fixture(scope="module")
def people(pair: Pair) -> Iterator[LiveUser]:
    """New ones, made in one go."""
    return iter(make_live_users(pair.one, *[("team", None)] * 8))


@pytest.fixture
def token(people: Iterator[LiveUser]) -> str:
    return next(people).token


async def test_what_is_written_in_one_is_told_in_the_other(pair: Pair, token: str) -> None:
    async with greeted(pair.one, token) as here, greeted(pair.two, token) as there:
        await write(pair.one, token)
        for connection in (here, there):
            assert await hear(connection) == {"type": "changes", "seq": 1}
        await write(pair.two, token)
        for connection in (here, there):
            assert await hear(connection) == {"type": "changes", "seq": 2}


async def test_a_request_for_the_key_crosses_them(pair: Pair, token: str) -> None:
    async with greeted(pair.two, token) as there:
        body = {"public_key": base64.b64encode(b"\x04key").decode(), "device_name": "Ada's phone"}
        asked = (await call(pair.one, token, "POST", "keys/requests", json=body)).json()
        assert await hear(there) == {"type": "key_request", "id": asked["id"]}
    async with connect(f"{pair.two.ws_url}{PATH}?token={token}", compression=None) as late:
        assert (await hear(late))["key_requests"] == [asked["id"]]


async def test_a_session_that_ends_in_one_closes_its_sockets_in_the_other(pair: Pair, token: str) -> None:
    async with greeted(pair.two, token) as there, greeted(pair.one, token) as here:
        listed = (await call(pair.one, token, "GET", "auth/sessions")).json()
        await call(pair.one, token, "DELETE", f"auth/sessions/{listed['items'][0]['id']}")
        for connection in (there, here):
            assert await closing(connection) == ({"type": "revoked"}, 4401)


async def test_what_a_lost_redis_did_not_tell_is_told_when_it_is_back(
    pair: Pair, redis: RedisServer, people: Iterator[LiveUser]
) -> None:
    """Of the feed, of requests for the key and of a session's end; meanwhile nothing fails and nothing waits long."""
    writer, asker, leaver = (next(people).token for _ in range(3))
    async with greeted(pair.two, writer) as feed, greeted(pair.two, asker) as keys, greeted(pair.two, leaver) as ended:
        await write(pair.one, writer)
        await hear_changes(feed, 1)
        redis.stop()
        started = time.monotonic()
        for _ in range(3):
            await write(pair.one, writer)
        seconds = time.monotonic() - started
        body = {"public_key": base64.b64encode(b"\x04key").decode(), "device_name": "Ada's phone"}
        asked = (await call(pair.one, asker, "POST", "keys/requests", json=body)).json()
        listed = (await call(pair.one, leaver, "GET", "auth/sessions")).json()
        await call(pair.one, leaver, "DELETE", f"auth/sessions/{listed['items'][0]['id']}")
        async with greeted(pair.two, writer) as opened_meanwhile:
            redis.start()

            await hear_changes(feed, 4)
            assert await hear(keys) == {"type": "key_request", "id": asked["id"]}
            assert await closing(ended) == ({"type": "revoked"}, 4401)
            await write(pair.one, writer)  # which may not know yet that Redis is back
            for connection in (feed, opened_meanwhile):
                await hear_changes(connection, 5)

    assert seconds < 20
    assert "Traceback" not in pair.one.log_text() + pair.two.log_text()
