"""The real server process in front of a real provider process: what only the network shows."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.chat.conftest import KEY, MODEL, ROUTER
from tests.chat.ws.live_sockets import hear, hear_all, register, resident_kib, say, stream
from tests.fakes.llm_server import LoopbackLLM, call, calls, hang, stall, text
from tests.support.server import RunningServer


@pytest.fixture
def provider(_loopback: LoopbackLLM) -> LoopbackLLM:
    _loopback.forget()
    return _loopback


@pytest.fixture
def token(chat_server: RunningServer) -> str:
    """The access token of a new user."""
    return register(chat_server)


async def test_the_first_chunk_leaves_before_the_model_has_finished(
    chat_server: RunningServer, provider: LoopbackLLM, token: str
) -> None:
    provider.script(stall("Let me look at that first."), text(*["tick "] * 10))
    async with stream(chat_server, token) as connection:
        await say(connection, message="Hello")
        first = await hear(connection)
        still_open = provider.open_connections
        await say(connection, type="cancel")
        await hear_all(connection)
        await say(connection, message="Hello")
        *chunks, done = await hear_all(connection)

    assert set(first) == {"type", "text"}
    assert still_open == 1
    assert "".join(chunk["text"] for chunk in chunks) == done["response"] == "tick " * 10


@pytest.mark.parametrize("breaks", [False, True], ids=["closes", "breaks"])
async def test_a_socket_that_ends_closes_the_model_call_within_a_second(
    chat_server: RunningServer, provider: LoopbackLLM, token: str, *, breaks: bool
) -> None:
    """The best of a few: a busy machine only adds to the time."""
    within_a_second = False
    for _ in range(5):
        provider.script(stall("Let me look at that first."))
        async with stream(chat_server, token) as connection:
            await say(connection, message="Hello")
            await hear(connection)
            if breaks:
                connection.transport.abort()
        within_a_second = await asyncio.to_thread(provider.wait_closed, 1.0)
        assert within_a_second or await asyncio.to_thread(provider.wait_closed)
        if within_a_second:
            break

    assert within_a_second


async def test_a_rest_client_that_leaves_closes_the_model_call(
    chat_server: RunningServer, provider: LoopbackLLM, token: str
) -> None:
    provider.script(hang())
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        asking = asyncio.create_task(client.post(f"{chat_server.url}/api/v1/chat", json={"message": "Hello"}))
        assert await asyncio.to_thread(provider.wait_requests, 1)
        asking.cancel()

        assert await asyncio.to_thread(provider.wait_closed)

        answer = await client.post(f"{chat_server.url}/api/v1/chat", json={"message": "Hello again"})
    assert answer.status_code == 200


async def test_cancel_over_the_wire(chat_server: RunningServer, provider: LoopbackLLM, token: str) -> None:
    provider.script(stall("Let me look", " at that first."))
    async with stream(chat_server, token) as connection:
        await say(connection, message="Hello")
        said = (await hear(connection))["text"]
        while "Let me look" not in said:
            said += (await hear(connection))["text"]
        await say(connection, type="cancel")
        done = await hear(connection)

        assert (done["cancelled"], done["response"]) == (True, said)
        assert await asyncio.to_thread(provider.wait_closed)


async def test_a_lost_answer_is_resumed_and_cancelled_over_the_wire(
    chat_server: RunningServer, provider: LoopbackLLM, token: str
) -> None:
    provider.script(stall("Let me look", " at that first."))
    async with stream(chat_server, token) as connection:
        await say(connection, message="Hello", resume=True)
        first = [await hear(connection) for _ in range(2)]
        connection.transport.abort()
    async with stream(chat_server, token) as connection:
        await say(connection, type="resume", turn_id=first[0]["turn_id"], after=0)
        again = [await hear(connection) for _ in range(2)]
        assert provider.open_connections == 1
        await say(connection, type="cancel")
        *_, done = await hear_all(connection)

        assert (again, done["cancelled"]) == (first, True)
        assert await asyncio.to_thread(provider.wait_closed)
    assert len(provider.requests) == 1


async def test_a_task_is_created_over_the_wire(chat_server: RunningServer, provider: LoopbackLLM, token: str) -> None:
    provider.script(
        calls(call("create_task", title="Buy milk", due_date="2030-01-02", priority="high"), fragments=4), text("Done.")
    )
    async with stream(chat_server, token) as connection:
        await say(connection, message="Buy milk on January 2nd 2030, high priority")
        action, *_, done = await hear_all(connection)

    assert action["action"]["data"] == {"title": "Buy milk", "due_date": "2030-01-02", "priority": "high"}
    assert done["actions"] == [action["action"]]


@pytest.mark.thorough
async def test_twenty_sockets_stream_at_once(chat_server: RunningServer, provider: LoopbackLLM, token: str) -> None:
    provider.script(*[lambda body: text(body["messages"][-1]["content"][-9:], *["."] * 20, delay=0.02)] * 20)

    async def one(number: int) -> tuple[float, str]:
        async with stream(chat_server, token) as connection:
            started = time.monotonic()
            await say(connection, message=f"My number is {number:09}")
            frames = await hear_all(connection)
            return time.monotonic() - started, frames[-1].get("response", str(frames[-1]))

    answers = await asyncio.gather(*(one(number) for number in range(20)))

    assert [response[:9] for _, response in answers] == [f"{number:09}" for number in range(20)]
    assert max(seconds for seconds, _ in answers) < 8  # one after another they would take nine


@pytest.mark.thorough
async def test_a_client_that_does_not_read_holds_the_model_back(
    chat_server: RunningServer, provider: LoopbackLLM, token: str
) -> None:
    provider.script(text("Hello"), text(*["x" * 100_000] * 150))
    address = urlsplit(chat_server.url)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect((address.hostname, address.port))
    raw.setblocking(False)
    async with stream(chat_server, token, sock=raw, max_queue=1, max_size=None) as connection:
        await say(connection, message="Hello")
        await hear_all(connection)  # whatever the server loads at its first turn is there
        memory = resident_kib(chat_server)
        await say(connection, message="Hello")
        grown, before = 0, -1
        async with asyncio.timeout(60):
            while grown != before or not provider.open_connections:  # on a busy machine it has not begun yet
                before = grown
                await asyncio.sleep(1)
                grown = resident_kib(chat_server) - memory

        assert provider.open_connections == 1  # it still waits to be read
        assert grown < 60_000  # what the kernel's buffers took of the 15 MB, as the answer so far
        connection.transport.abort()
    assert await asyncio.to_thread(provider.wait_closed)


async def test_a_frame_over_one_mebibyte_closes_with_1009(chat_server: RunningServer, token: str) -> None:
    async with stream(chat_server, token) as connection:
        await connection.send("x" * (1024 * 1024 + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await hear(connection)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_a_fragmented_message_is_one_frame(chat_server: RunningServer, provider: LoopbackLLM, token: str) -> None:
    async with stream(chat_server, token) as connection:
        await connection.send(iter(['{"mess', 'age": "He', 'llo"}']))

        assert (await hear_all(connection))[-1]["type"] == "done"


@pytest.mark.parametrize("query", ["", "?token=nonsense", "?ticket=nonsense"])
async def test_a_refused_handshake_is_a_403_problem(chat_server: RunningServer, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{chat_server.ws_url}/api/v1/chat/stream{query}")

    response = refused.value.response
    problem = json.loads(bytes(response.body or b""))
    assert response.status_code == problem["status"] == 403
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Request-ID"] == problem["request_id"]


async def test_an_unknown_websocket_path_is_404(chat_server: RunningServer) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{chat_server.ws_url}/api/v1/chat/streams")

    assert refused.value.response.status_code == 404


@pytest.mark.parametrize("origin", ["app://.", "http://localhost:5173", None])
async def test_an_allowed_origin_opens(chat_server: RunningServer, token: str, origin: str | None) -> None:
    async with stream(chat_server, token, origin=origin):
        pass


@pytest.mark.parametrize("origin", ["https://evil.example", "app://x", "null", "http://localhost:5173.evil.example"])
async def test_another_origin_is_403(chat_server: RunningServer, token: str, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with stream(chat_server, token, origin=origin):
            pass

    assert refused.value.response.status_code == 403


async def test_logging_out_closes_the_socket_with_4401(chat_server: RunningServer, token: str) -> None:
    async with stream(chat_server, token) as connection, httpx.AsyncClient(timeout=30) as client:
        headers = {"Authorization": f"Bearer {token}"}
        listed = (await client.get(f"{chat_server.url}/api/v1/auth/sessions", headers=headers)).json()
        await client.delete(f"{chat_server.url}/api/v1/auth/sessions/{listed['items'][0]['id']}", headers=headers)
        with pytest.raises(ConnectionClosed) as closed:
            await hear(connection)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_the_clients_request_id_is_in_the_log_and_the_message_is_not(
    chat_server: RunningServer, provider: LoopbackLLM, token: str
) -> None:
    async with stream(chat_server, token) as connection:
        await say(connection, message="My secret garden", request_id="trace-4711")
        await hear_all(connection)
    log = chat_server.log_text()

    assert "[trace-4711]" in log
    assert "secret garden" not in log
    assert token not in log


@pytest.mark.slow
async def test_sigterm_lets_turns_end_and_closes_idle_sockets(
    server_factory: Callable[..., RunningServer], provider: LoopbackLLM
) -> None:
    server = server_factory(
        LLM_MODEL=MODEL,
        LLM_ROUTER_MODEL=ROUTER,
        OPENAI_API_KEY=KEY,
        OPENAI_API_BASE=provider.base_url,
        LLM_PRELOAD="true",
    )
    token = register(server)
    provider.script(text(*["tick "] * 20, delay=0.1))
    async with stream(server, token) as busy, stream(server, token) as idle:
        await say(busy, message="Hello")
        await hear(busy)

        server.signal(signal.SIGTERM)
        started = time.monotonic()
        with pytest.raises(ConnectionClosed) as idle_closed:
            await hear(idle)
        idle_after = time.monotonic() - started
        *_, done = await hear_all(busy)
        with pytest.raises(ConnectionClosed) as busy_closed:
            await hear(busy)

    assert idle_after < 5
    assert done["response"] == "tick " * 20
    for closed in (idle_closed, busy_closed):
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    assert await asyncio.to_thread(server.wait, 60) in {0, -signal.SIGTERM}
