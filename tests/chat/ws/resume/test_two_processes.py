"""Resumable answers over two server processes with one Redis: the socket need not come back to the process it left."""

import asyncio
import hashlib
import json
import os
import signal
import socket
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass

import httpx
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.chat.conftest import chat_environment, take_a_turn
from tests.chat.ws.live_sockets import Frame, hear, hear_all, register, resident_kib, say, stream
from tests.chat.ws.resume.conftest import SAID
from tests.fakes.llm_server import LoopbackLLM, call, calls, stall, text
from tests.support.redis_server import RedisServer
from tests.support.server import RunningServer
from tests.support.turn_taking_proxy import TurnTakingProxy

pytestmark = pytest.mark.slow

TICKS = (SAID, *["tick "] * 20)


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
    server_environment: dict[str, str],
    _loopback: LoopbackLLM,
    redis: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    def start(name: str) -> RunningServer:
        folder = tmp_path_factory.mktemp(name)
        env = chat_environment(server_environment, _loopback, folder) | {"REDIS_URL": redis.url}
        server = RunningServer(folder=folder, env=env).start()
        take_a_turn(server)
        return server

    both = Pair(start("one"), start("two"))
    yield both
    both.one.stop()
    both.two.stop()


@pytest.fixture
def provider(_loopback: LoopbackLLM) -> LoopbackLLM:
    _loopback.forget()
    return _loopback


@pytest.fixture
def token(pair: Pair) -> str:
    return register(pair.one)


async def lose(server: RunningServer | TurnTakingProxy, token: str, **fields: object) -> Frame:
    """The first frame that says something, after the ping, of a turn whose socket is gone."""
    async with stream(server, token) as connection:
        await say(connection, message="Hello", resume=True, **fields)
        await hear(connection)
        frame = await hear(connection)
        connection.transport.abort()
    return frame


async def resume(connection: ClientConnection, frame: Frame, *, after: int | None = None) -> None:
    await say(connection, type="resume", turn_id=frame["turn_id"], after=frame["seq"] if after is None else after)


def said(*frames: Frame) -> str:
    return "".join(frame["text"] for frame in frames if frame["type"] == "chunk")


async def close_code(connection: ClientConnection) -> int:
    """What was on its way before may still come."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(60):
            while True:
                await connection.recv()
    return connection.close_code or 0


async def test_the_other_process_shows_the_rest_and_the_model_is_asked_once(
    pair: Pair, provider: LoopbackLLM, token: str
) -> None:
    provider.script(text(*TICKS, delay=0.05))
    lost = await lose(pair.one, token)
    async with stream(pair.two, token) as connection:
        await resume(connection, lost)
        rest = await hear_all(connection)
        await resume(connection, lost, after=0)  # it has ended, and is still kept
        whole = await hear_all(connection)

    assert [frame["seq"] for frame in whole] == list(range(1, len(whole) + 1))
    assert whole[lost["seq"] :] == rest
    assert said(*whole) == whole[-1]["response"] == "".join(TICKS)
    assert len(provider.requests) == 1
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        assert (await client.get(f"{pair.two.url}/api/v1/chat/usage")).json()["today"]["turns"] == 1


async def test_cancel_at_the_other_process_closes_the_model_call_within_a_second(
    pair: Pair, provider: LoopbackLLM, token: str
) -> None:
    """The best of a few: a busy machine only adds to the time."""
    within_a_second = False
    for _ in range(5):
        provider.script(stall(SAID))
        lost = await lose(pair.one, token)
        async with stream(pair.two, token) as connection:
            await resume(connection, lost, after=1)
            again = await hear(connection)
            await say(connection, type="cancel")
            within_a_second = await asyncio.to_thread(provider.wait_closed, 1.0)
            done = await hear(connection)
        assert again == lost
        assert (done["cancelled"], done["response"]) == (True, said(lost))
        if within_a_second:
            break

    assert within_a_second


async def test_an_open_tool_call_is_answered_through_the_other_process(
    pair: Pair, provider: LoopbackLLM, token: str
) -> None:
    provider.script(calls(call("list_tasks")), text("One."))
    lost = await lose(pair.one, token, client_tools=True)
    async with stream(pair.two, token) as connection:
        await resume(connection, lost)
        again = await hear(connection)
        await say(connection, type="tool_result", id=again["id"], result=[{"id": "1", "title": "Water the ficus ☃"}])
        frames = await hear_all(connection)

    assert again == lost
    assert said(*frames) == "One."
    assert "Water the ficus ☃" in str(provider.requests[1]["messages"])


async def test_the_newest_socket_has_the_turn_wherever_it_is(pair: Pair, provider: LoopbackLLM, token: str) -> None:
    provider.script(stall(SAID))
    async with stream(pair.one, token) as first, stream(pair.two, token) as second, stream(pair.one, token) as third:
        await say(first, message="Hello", resume=True)
        _, frame = await hear(first), await hear(first)
        await resume(second, frame, after=1)
        assert await hear(second) == frame
        assert await close_code(first) == 4409
        await resume(third, frame, after=1)
        assert await hear(third) == frame
        assert await close_code(second) == 4409
        await say(third, type="cancel")

        assert (await hear(third))["cancelled"] is True


async def test_what_is_refused_here_is_refused_there(pair: Pair, provider: LoopbackLLM, token: str) -> None:
    provider.script(text(*TICKS, delay=0.05))
    lost = await lose(pair.one, token)
    async with stream(pair.two, register(pair.two)) as stranger, stream(pair.two, token) as connection:
        await resume(stranger, lost)
        theirs = (await hear(stranger))["error"]
        await resume(connection, lost, after=1000)
        ahead = (await hear(connection))["error"]
        await say(connection, type="resume", turn_id="0b6f2c3e-5d0f-4c5e-9d57-6c2f10b0a111", after=0)
        unknown = (await hear(connection))["error"]
        await resume(connection, lost)
        rest = await hear_all(connection)

    assert theirs["code"] == unknown["code"] == "resume_lost"
    assert list(ahead["errors"]) == ["after"]
    assert said(lost, *rest) == "".join(TICKS)


def narrow(server: RunningServer) -> socket.socket:
    """Connected, with next to no room for what is not read."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", server.port))
    raw.setblocking(False)
    return raw


async def test_a_client_that_does_not_read_holds_the_turn_in_the_other_process(
    pair: Pair, provider: LoopbackLLM, token: str
) -> None:
    provider.script(text(SAID, *["x" * 100_000] * 1000))
    # The first one takes little, too: what it is sent before the second one comes is kept up to 1 MiB only.
    async with (
        stream(pair.one, token, sock=narrow(pair.one), max_queue=1, max_size=None) as first,
        stream(pair.two, token, sock=narrow(pair.two), max_queue=1, max_size=None) as connection,
    ):
        await say(first, message="Hello", resume=True)
        frame = await hear(first)
        await resume(connection, frame)
        grown, before = 0, -1
        while grown != before:
            before = grown
            await asyncio.sleep(1)
            grown = resident_kib(pair.one) + resident_kib(pair.two)
        assert provider.open_connections == 1  # it still waits to be read
        await say(connection, type="cancel")
        frames = await hear_all(connection)

    assert frames[-1]["cancelled"] is True
    assert len(said(frame, *frames)) == len(frames[-1]["response"]) < 20_000_000  # of a hundred: what buffers took


@pytest.mark.parametrize("shown", [True, False], ids=["while it is shown", "before anybody comes back"])
async def test_a_process_that_is_killed_loses_its_turns_and_the_client_is_told(
    pair: Pair, provider: LoopbackLLM, token: str, *, shown: bool
) -> None:
    provider.script(stall(SAID))
    lost = await lose(pair.one, token)
    async with stream(pair.two, token) as connection:
        if shown:
            await resume(connection, lost, after=1)
            await hear(connection)
        os.kill(pair.one.pid, signal.SIGKILL)
        try:
            await asyncio.to_thread(pair.one.wait, 20)
            if not shown:
                await resume(connection, lost)
            error = await hear(connection)
            after = await ask(connection)
        finally:
            await asyncio.to_thread(pair.one.start)

    assert (error["type"], error["error"]["code"]) == ("error", "resume_lost")
    assert after["type"] == "done"


async def ask(connection: ClientConnection) -> Frame:
    await say(connection, message="Hello")
    return (await hear_all(connection))[-1]


async def test_a_turn_waits_for_another_socket_when_the_process_that_showed_it_is_killed(
    pair: Pair, provider: LoopbackLLM, token: str
) -> None:
    provider.script(text(*TICKS, delay=0.1))
    lost = await lose(pair.one, token)
    async with stream(pair.two, token) as connection:
        await resume(connection, lost)
        await hear(connection)
        os.kill(pair.two.pid, signal.SIGKILL)
    try:
        async with stream(pair.one, token) as connection:
            await resume(connection, lost)
            rest = await hear_all(connection)
    finally:
        await asyncio.to_thread(pair.two.wait, 20)
        await asyncio.to_thread(pair.two.start)

    assert said(lost, *rest) == "".join(TICKS)


async def test_a_process_that_stops_lets_the_other_show_the_end(pair: Pair, provider: LoopbackLLM, token: str) -> None:
    provider.script(text(*TICKS, delay=0.3))
    lost = await lose(pair.one, token)
    pair.one.signal(signal.SIGTERM)
    try:
        async with stream(pair.two, token) as connection:
            await resume(connection, lost)
            rest = await hear_all(connection)
    finally:
        await asyncio.to_thread(pair.one.wait, 40)
        await asyncio.to_thread(pair.one.start)

    assert said(lost, *rest) == "".join(TICKS)


async def test_redis_holds_who_has_a_turn_and_nothing_of_it(
    pair: Pair, provider: LoopbackLLM, token: str, redis: RedisServer
) -> None:
    provider.script(stall(SAID))
    lost = await lose(pair.one, token)
    async with aclosing(Redis.from_url(redis.url, decode_responses=True)) as connection:
        held = {key: await connection.get(key) async for key in connection.scan_iter(f"*{lost['turn_id']}*")}
        expires = [await connection.ttl(key) for key in held]
    async with stream(pair.two, token) as connection:
        await resume(connection, lost, after=1)
        await hear(connection)
        await say(connection, type="cancel")
        await hear(connection)

    assert len(held) == 1
    assert all(0 < seconds <= 120 for seconds in expires)
    assert SAID not in json.dumps(held)


async def test_a_turn_is_found_when_redis_comes_back_empty(
    pair: Pair, provider: LoopbackLLM, token: str, redis: RedisServer
) -> None:
    provider.script(stall(SAID))
    lost = await lose(pair.one, token)
    redis.stop()
    redis.start()
    async with aclosing(Redis.from_url(redis.url)) as connection, asyncio.timeout(60):
        while not await connection.keys(f"*{lost['turn_id']}*"):  # noqa: ASYNC110 - nothing says so
            await asyncio.sleep(0.01)
    async with stream(pair.two, token) as connection:
        await resume(connection, lost, after=1)
        again = await hear(connection)
        await say(connection, type="cancel")
        done = await hear(connection)

    assert again == lost
    assert done["cancelled"] is True


async def test_a_moment_without_redis_costs_no_frame(
    pair: Pair, provider: LoopbackLLM, token: str, redis: RedisServer
) -> None:
    provider.script(text(*TICKS, delay=0.2))
    lost = await lose(pair.one, token)
    async with stream(pair.two, token) as connection:
        await resume(connection, lost)
        heard = [await hear(connection) for _ in range(3)]
        redis.stop()
        redis.start()
        heard += await hear_all(connection)

    assert said(lost, *heard) == "".join(TICKS)
    assert [frame["seq"] for frame in heard] == list(range(lost["seq"] + 1, lost["seq"] + 1 + len(heard)))


async def test_behind_one_address_that_takes_turns_the_two_are_one_service(pair: Pair, provider: LoopbackLLM) -> None:
    """Each connection goes to the other process than the one before."""
    sealed = b"sealed"
    upload = {"Content-Type": "application/octet-stream", "X-Checksum": hashlib.sha256(sealed).hexdigest()}
    told = {"email": f"turns-{uuid.uuid4().hex}@example.com", "password": "correct horse battery"}
    no_reuse = httpx.Limits(max_keepalive_connections=0)
    async with (
        TurnTakingProxy.before(pair.one, pair.two) as proxy,
        httpx.AsyncClient(base_url=f"{proxy.url}/api/v1/", timeout=60, limits=no_reuse) as client,
        AsyncExitStack() as sockets,
    ):
        tokens = (await client.post("auth/register", json=told)).json()
        await asyncio.to_thread(pair.one.manage, "set_tier", told["email"], "pro")
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        devices = [
            await sockets.enter_async_context(connect(f"{proxy.ws_url}/api/v1/sync?token={tokens['access_token']}"))
            for _ in range(2)
        ]
        assert {(await hear(device))["seq"] for device in devices} == {0}

        # Hints: a write at either is heard of at both.
        for seq in (1, 2):
            assert (await client.post("storage/records?table_name=notes", content=sealed, headers=upload)).is_success
            for device in devices:
                assert await hear_but_pings(device) == {"type": "changes", "seq": seq}

        # A turn that began at one is shown by the other.
        provider.script(text(*TICKS, delay=0.05))
        lost = await lose(proxy, tokens["access_token"])
        async with stream(proxy, tokens["access_token"]) as connection:
            await resume(connection, lost)
            assert said(lost, *await hear_all(connection)) == "".join(TICKS)

        # Whoever logs out at one is gone at both.
        gone = await client.post("auth/logout", json={"refresh_token": tokens["refresh_token"]})
        assert gone.status_code == 204
        for device in devices:
            assert await hear_but_pings(device) == {"type": "revoked"}
            assert await close_code(device) == 4401

        # The limit of free is one for both.
        client.headers["Authorization"] = f"Bearer {await asyncio.to_thread(register, pair.one)}"
        before = Counter(proxy.taken)
        answers = await asyncio.gather(*(client.get("auth/me") for _ in range(30)))
        assert Counter(answer.status_code for answer in answers) == {200: 20, 429: 10}
        assert Counter(proxy.taken) - before == {pair.one: 15, pair.two: 15}


async def hear_but_pings(connection: ClientConnection) -> Frame:
    while (frame := await hear(connection))["type"] == "ping":
        pass
    return frame
