"""The socket itself: pings, failures of our own, a client that does not read, shutdown."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from accounts.authentication import authenticate
from accounts.sockets.connections import connections
from adiuva.server.drain import drain
from agents.agents import BaseAgent
from agents.events import AgentEvent, TextDelta
from agents.llm.meter import Meter
from agents.registry import registry
from agents.run_context import RunContext
from chat.orchestrator import orchestrate_stream
from chat.turns import ChatTurn
from chat.ws.consumer import ChatStream
from tests.chat.ws.sockets import PATH, Socket, in_database
from tests.fakes.llm_server import LoopbackLLM, stall, text
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]


@pytest.fixture
def draining() -> Any:
    yield drain
    drain.draining = False


async def test_pings_come_on_an_idle_socket(connect: Connect, free: Account) -> None:
    socket = await connect(free, ping_seconds=0.05)

    assert [await socket.frame() for _ in range(3)] == [{"type": "ping"}] * 3


async def test_pings_come_while_the_model_is_silent(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(stall("Let me look at that first."))
    socket = await connect(free, ping_seconds=0.1)

    await socket.send(message="Hello")
    while (await socket.frame())["type"] != "chunk":
        pass

    assert [await socket.frame() for _ in range(3)] == [{"type": "ping"}] * 3


async def test_sockets_do_not_wait_for_each_other(
    connect: Connect, llm: LoopbackLLM, free: Account, pro: Account
) -> None:
    llm.script(stall("Let me look at that first."))
    busy, quick = await connect(free), await connect(pro)
    await busy.send(message="Hello")
    await busy.frame()

    assert (await quick.ask())[-1]["type"] == "done"


async def test_ten_sockets_at_once_get_their_own_answers(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(*[lambda body: text(*body["messages"][-1]["content"].split(), delay=0.01)] * 10)
    sockets = [await connect(free) for _ in range(10)]

    answers = await asyncio.gather(*(socket.ask(f"n{number} n{number}") for number, socket in enumerate(sockets)))

    for number, (*_, done) in enumerate(answers):
        assert f"n{number}n{number}" in done["response"]


class _Broken(BaseAgent):
    name = "task_agent"
    description = "fails"

    async def handle(self, query: str, context: RunContext) -> AsyncGenerator[AgentEvent, None]:
        yield TextDelta("so far, so good, I think")
        raise KeyError(query)


async def test_a_bug_of_ours_is_an_error_frame_and_its_log_has_no_content(
    connect: Connect, free: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(registry._agents, "task_agent", _Broken)
    socket = await connect(free)

    with caplog.at_level(logging.DEBUG):
        chunk, error = await socket.ask("my secret diary", request_id="r1")
    await socket.send(type="pong")

    assert chunk["text"].startswith("so far")
    assert (error["error"]["status"], error["error"]["code"]) == (500, "internal_error")
    assert "KeyError" in caplog.text
    assert "test_socket_lifetime.py" in caplog.text
    assert "diary" not in caplog.text
    assert await socket.silent()


async def test_nothing_is_left_in_memory_when_sockets_go(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    sockets = [await connect(free) for _ in range(3)]
    await sockets[0].ask()
    tasks = len(asyncio.all_tasks())

    for socket in sockets:
        await socket.leave()

    assert connections._users == {}
    async with asyncio.timeout(60):
        while len(asyncio.all_tasks()) >= tasks or running_in_chat():  # noqa: ASYNC110 - nothing says so
            await asyncio.sleep(0.01)


def running_in_chat() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "chat" in repr(task.get_coro())]


async def test_an_idle_socket_has_one_task(connect: Connect, free: Account) -> None:
    await connect(free)
    before = len(asyncio.all_tasks())

    await connect(free)

    assert len(asyncio.all_tasks()) == before + 1  # the communicator's, which a server makes too


@pytest.mark.thorough
async def test_a_client_that_does_not_read_stops_the_turn_and_is_dropped(
    llm: LoopbackLLM, free: Account, transactional_db: None
) -> None:
    llm.script(text(*["x" * 1000] * 1000))
    sent: list[dict[str, Any]] = []
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if len(sent) > 5:  # as uvicorn does while the client's window is shut
            await asyncio.Event().wait()

    scope = {"type": "websocket", "path": PATH, "query_string": f"token={free.access_token}".encode(), "headers": []}
    socket = asyncio.create_task(ChatStream(ping_seconds=0.3)(scope, incoming.get, send))
    await incoming.put({"type": "websocket.connect"})
    await incoming.put({"type": "websocket.receive", "text": '{"message": "Hello"}'})

    async with asyncio.timeout(60):
        await socket

    assert len(sent) <= 8  # the accept, what went out, one stuck chunk, one stuck ping
    assert await asyncio.to_thread(llm.wait_closed)


async def test_draining_closes_idle_sockets_with_1012(connect: Connect, free: Account, draining: Any) -> None:
    socket = await connect(free)

    draining.begin()

    assert await socket.closed() == 1012


async def test_draining_lets_a_turn_end_first(connect: Connect, llm: LoopbackLLM, free: Account, draining: Any) -> None:
    llm.script(text("a", "b", "c", delay=0.1))
    socket = await connect(free)
    await socket.send(message="first")
    await socket.send(message="second")
    await socket.frame()

    draining.begin()

    assert (await socket.answer())[-1]["response"] == "abc"
    assert await draining.wait(seconds=20)
    assert await socket.closed() == 1012
    assert len(llm.requests) == 1


async def test_no_socket_opens_while_draining(free: Account, draining: Any) -> None:
    draining.begin()

    assert not await Socket(query=f"token={free.access_token}").open()


async def test_closing_the_turn_stream_early_closes_the_model_call(llm: LoopbackLLM, free: Account) -> None:
    llm.script(stall("Let me look at that first."))
    identity = await in_database(authenticate, free.access_token)

    async with aclosing(
        orchestrate_stream(turn=ChatTurn(message="Hello"), user=identity.user, meter=Meter())
    ) as events:
        await anext(events)

    assert await asyncio.to_thread(llm.wait_closed)
