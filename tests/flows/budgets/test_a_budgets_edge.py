"""Fifty turns of one user at once, over REST and sockets, where the month's tokens are enough for a few of them: never
more than the budget is spent, and whatever becomes of a turn, in the end nothing is held for it.
"""

import asyncio
import json
import signal
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.chat.conftest import KEY, MODEL, ROUTER, take_a_turn
from tests.fakes.llm_server import Body, LoopbackLLM, Reply, text
from tests.flows.budgets.short_lapse_server import GRACE_SECONDS
from tests.support.server import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

TURNS = 50
SOCKETS = 15  # of at most 20 a user
BUDGET = 30_000
TURN_SECONDS = 20.0  # LLM_TIMEOUT_SECONDS
SAYS = 900  # output tokens of a turn, where it may
STALLED = 2  # as many turns as there is surely room for at once
PASSWORD = "a long sentence is best"
Told = dict[str, Any]


class ShortLapseServer(RunningServer):
    module = "tests.flows.budgets.short_lapse_server"


def most_of(body: Body) -> int:
    """What a model may write."""
    named = [body[name] for name in ("max_tokens", "max_completion_tokens") if body.get(name) is not None]
    assert named, "the provider is asked for no more than what was reserved"
    return int(named[0])


def talk(body: Body) -> Reply:
    """As much as it may, up to ``SAYS``."""
    return text("Well, ", "then.", usage=(40, min(most_of(body), SAYS)), delay=0.15)


@pytest.fixture(scope="module")
def _model() -> Iterator[LoopbackLLM]:
    with LoopbackLLM() as running:
        running.aside[ROUTER] = text('{"agents": ["task_agent"]}', usage=(30, 4))
        yield running


@pytest.fixture
def model(_model: LoopbackLLM) -> LoopbackLLM:
    _model.forget()
    _model.aside[MODEL] = talk
    return _model


@pytest.fixture(scope="module")
def own_server(
    server_environment: dict[str, str], _model: LoopbackLLM, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ShortLapseServer]:
    folder: Path = tmp_path_factory.mktemp("budgets")
    environment = {
        **server_environment,
        "DATA_DIR": str(folder / "data"),
        "LLM_MODEL": MODEL,
        "LLM_ROUTER_MODEL": ROUTER,
        "OPENAI_API_KEY": KEY,
        "OPENAI_API_BASE": _model.base_url,
        "LLM_PRELOAD": "true",
        "LLM_TIMEOUT_SECONDS": str(TURN_SECONDS),
        "LLM_TOKENS_PER_MONTH_TEAM": str(BUDGET),
    }
    server = ShortLapseServer(folder=folder, env=environment).start()
    take_a_turn(server)
    yield server
    server.stop()


@pytest.fixture
def client(own_server: ShortLapseServer) -> Iterator[httpx.Client]:
    """Of a user of the team tier."""
    told = {"email": f"{uuid.uuid4().hex[:12]}@example.com", "password": PASSWORD}
    tokens = httpx.post(f"{own_server.url}/api/v1/auth/register", json=told, timeout=30).raise_for_status().json()
    own_server.manage("set_tier", told["email"], "team")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    with httpx.Client(base_url=f"{own_server.url}/api/v1/", headers=bearer, timeout=60) as opened:
        yield opened


@pytest.fixture
def token(client: httpx.Client) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")


# --- what is told ----------------------------------------------------------------------------------------------


def spent(report: Told) -> int:
    return int(report["month"]["input_tokens"] + report["month"]["output_tokens"])


def held(report: Told) -> int:
    """Reserved for turns that run, or are thought to."""
    assert report["limits"]["llm_tokens"] == BUDGET
    return BUDGET - spent(report) - int(report["remaining"]["llm_tokens"])


def read(client: httpx.Client) -> Told:
    report: Told = client.get("chat/usage").raise_for_status().json()
    assert spent(report) <= BUDGET, report
    assert 0 <= report["remaining"]["llm_tokens"] <= BUDGET, report
    return report


def read_when_nothing_is_held(client: httpx.Client, *, within: float) -> Told:
    deadline = time.monotonic() + within
    while held(report := read(client)) != 0:
        assert time.monotonic() < deadline, f"{held(report)} tokens are held for nobody: {report}"
        time.sleep(0.2)
    return report


def check_refusal(problem: Told) -> None:
    assert (problem["status"], problem["code"], problem["resource"]) == (402, "quota_exceeded", "llm_tokens"), problem
    assert problem["limit"] == BUDGET
    assert 0 <= problem["used"] <= BUDGET
    assert problem["resets_at"].endswith("-01T00:00:00Z"), problem


# --- turns -----------------------------------------------------------------------------------------------------


def talk_to(client: httpx.Client) -> httpx.Response:
    return client.post("chat", json={"message": "Tell me about my day"})


async def over_rest(client: httpx.AsyncClient) -> str:
    answer = await client.post("chat", json={"message": "Tell me about my day"})
    if answer.status_code == 402:
        check_refusal(answer.json())
        return "refused"
    assert answer.status_code == 200, answer.text
    return "answered"


@asynccontextmanager
async def chat_socket(server: RunningServer, token: str) -> AsyncIterator[ClientConnection]:
    async with connect(f"{server.ws_url}/api/v1/chat/stream?token={token}", compression=None) as connection:
        yield connection


async def over_socket(server: RunningServer, token: str, *, how: str = "to the end") -> str:
    """``how``: ``cancelled`` and ``vanished`` as soon as the turn has said something."""
    async with chat_socket(server, token) as connection:
        await connection.send(json.dumps({"message": "Tell me about my day"}))
        while True:
            async with asyncio.timeout(60):
                frame = json.loads(await connection.recv())
            if frame["type"] == "error":
                check_refusal(frame["error"])
                return "refused"
            if frame["type"] == "chunk" and how == "cancelled":
                await connection.send(json.dumps({"type": "cancel"}))
            if frame["type"] == "chunk" and how == "vanished":
                connection.transport.abort()
                return "vanished"
            if frame.get("done"):
                return "cancelled" if frame.get("cancelled") else "answered"


async def watch(client: httpx.AsyncClient, stop: asyncio.Event) -> int:
    """The most that was spent and held at once."""
    most = 0
    while not stop.is_set():
        report = (await client.get("chat/usage")).raise_for_status().json()
        assert report["remaining"]["llm_tokens"] >= 0
        most = max(most, spent(report) + held(report))
        await asyncio.sleep(0.05)
    return most


# --- the stories -----------------------------------------------------------------------------------------------


async def test_fifty_turns_at_once_spend_no_more_than_there_is_and_leave_nothing_held(
    own_server: ShortLapseServer, client: httpx.Client, token: str, model: LoopbackLLM
) -> None:
    stop = asyncio.Event()
    async with httpx.AsyncClient(
        base_url=client.base_url, headers=client.headers, timeout=60, limits=httpx.Limits(max_connections=TURNS)
    ) as quick:
        watching = asyncio.create_task(watch(quick, stop))
        ways = ["to the end", "cancelled", "vanished"]
        ended = await asyncio.gather(
            *(over_rest(quick) for _ in range(TURNS - SOCKETS)),
            *(over_socket(own_server, token, how=ways[number % 3]) for number in range(SOCKETS)),
        )
        stop.set()
        assert await watching <= BUDGET
    outcomes = Counter(ended)
    assert outcomes["answered"] > 0, outcomes
    assert outcomes["refused"] > 0, outcomes
    assert model.wait_closed()

    report = read_when_nothing_is_held(client, within=5)
    # The provider's own sum, where it could say it to the end.
    assert spent(report) >= outcomes["answered"] * 50
    # The rest of the budget can be spent, down to what no turn would fit into.
    for _ in range(TURNS):
        before = read(client)
        answer = talk_to(client)
        if answer.status_code == 402:
            check_refusal(answer.json())
            break
        assert answer.status_code == 200, answer.text
        assert spent(read_when_nothing_is_held(client, within=5)) > spent(before)
    else:
        pytest.fail("the budget has no end")
    assert held(read(client)) == 0


async def test_a_killed_servers_reservations_lapse(
    own_server: ShortLapseServer, client: httpx.Client, token: str, model: LoopbackLLM
) -> None:
    model.aside[MODEL] = Reply(tokens=("Well, ",), fault="stall")
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(chat_socket(own_server, token)) for _ in range(STALLED)]
        for socket in sockets:
            await socket.send(json.dumps({"message": "Tell me about my day"}))
        while len([one for one in model.asked_aside if one["model"] == MODEL]) < STALLED:
            assert time.monotonic() < began + TURN_SECONDS, "the turns have not begun"
            await asyncio.sleep(0.02)
        report = read(client)
        assert held(report) > 0, report
        own_server.stop(signal.SIGKILL)
        for socket in sockets:
            await socket.wait_closed()

    own_server.start()
    # Each may still be running somewhere: until its deadline and a little longer its tokens are nobody else's.
    waited = TURN_SECONDS + GRACE_SECONDS - (time.monotonic() - began)
    if waited > 1:
        assert held(read(client)) > 0
    after = read_when_nothing_is_held(client, within=max(waited, 0) + 15)
    assert spent(after) == spent(report), "what was never settled costs nothing"
    model.aside[MODEL] = text("Hello.")
    take_a_turn(own_server)  # somebody else's, without a limit: the new process loads its model client
    model.aside[MODEL] = talk
    assert talk_to(client).status_code == 200


async def test_a_provider_that_fails_leaves_nothing_held(client: httpx.Client, model: LoopbackLLM) -> None:
    faults: list[Callable[[], Reply]] = [
        lambda: Reply(status=500, body="{}"),
        lambda: Reply(status=401, body="{}"),
        lambda: Reply(fault="hang"),
        lambda: Reply(tokens=("Well, ",), fault="reset"),
        lambda: Reply(tokens=("Well, ",), fault="garbage"),
    ]
    async with httpx.AsyncClient(base_url=client.base_url, headers=client.headers, timeout=60) as quick:
        for fault in faults:
            model.aside[MODEL] = fault()
            answers = await asyncio.gather(*(quick.post("chat", json={"message": "Hello"}) for _ in range(2)))
            assert {answer.status_code for answer in answers} <= {200, 502, 503, 504}, [one.text for one in answers]
    read_when_nothing_is_held(client, within=5)
