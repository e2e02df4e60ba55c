"""“Prioritise my 200 tasks”: the socket is cut after 120, and the same run goes on for the 80 others."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chat.conftest import MODEL, ROUTER, chat_environment, take_a_turn
from tests.fakes.llm_server import LoopbackLLM, text
from tests.flows.batches.mapping_client import (
    CutError,
    Run,
    chat_socket,
    deterministic_id,
    make_tasks,
    map_over,
    prioritise,
    without,
)
from tests.support.server import RunningServer

pytestmark = pytest.mark.slow

TASKS, CUT_AT = 200, 120
AT_ONCE = 4  # pro
ESTIMATED = 1500  # input tokens of one call, at most
PASSWORD = "a long sentence is best"


@pytest.fixture(scope="module")
def _model() -> Iterator[LoopbackLLM]:
    with LoopbackLLM() as running:
        running.aside[ROUTER] = text('{"agents": ["task_agent"]}')
        yield running


@pytest.fixture
def model(_model: LoopbackLLM) -> LoopbackLLM:
    _model.forget()
    return _model


@pytest.fixture(scope="module")
def own_server(
    server_environment: dict[str, str], _model: LoopbackLLM, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    folder: Path = tmp_path_factory.mktemp("map")
    server = RunningServer(folder=folder, env=chat_environment(server_environment, _model, folder)).start()
    take_a_turn(server)
    _model.aside[MODEL] = prioritise
    yield server
    server.stop()


@pytest.fixture
def client(own_server: RunningServer) -> Iterator[httpx.Client]:
    """Of a user of the pro tier."""
    told = {"email": f"{uuid.uuid4().hex[:12]}@example.com", "password": PASSWORD}
    tokens = httpx.post(f"{own_server.url}/api/v1/auth/register", json=told, timeout=30).raise_for_status().json()
    own_server.manage("set_tier", told["email"], "pro")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    with httpx.Client(base_url=f"{own_server.url}/api/v1/", headers=bearer, timeout=30) as opened:
        yield opened


def used(client: httpx.Client) -> tuple[int, int]:
    """Input and output tokens of this month, when they stand still: what a vanished client had running is counted when
    it has been cancelled.
    """
    before: Any = None
    while True:
        month = client.get("chat/usage").raise_for_status().json()["month"]
        now = (month["input_tokens"], month["output_tokens"])
        if now == before:
            return now
        before = now
        time.sleep(1.2)


async def test_the_rest_is_done_once_and_the_usage_adds_up(
    own_server: RunningServer, client: httpx.Client, model: LoopbackLLM
) -> None:
    token = client.headers["Authorization"].removeprefix("Bearer ")
    tasks = make_tasks(TASKS)
    run = Run()

    async with chat_socket(own_server, token) as socket:
        with pytest.raises(CutError):
            await map_over(socket, run, tasks, cut_at=CUT_AT)
    assert len(run.results) == CUT_AT
    assert model.wait_closed(), "a call goes on for a client that is gone"
    at_the_cut = used(client)
    begun = len({str(body["messages"]) for body in model.asked_aside})

    async with chat_socket(own_server, token) as socket:
        await map_over(socket, run, without(tasks, run.results))

    assert run.results.keys() == tasks.keys()
    assert run.again == []
    assert {frame["status"] for frame in run.results.values()} == {"done"}
    (end,) = run.ends
    assert end["outcome"] == "succeeded"
    assert end["items"] == {"total": 80, "done": 80, "failed": 0, "skipped": 0}
    assert run.progress[-1] | {"completed": 80, "failed": 0, "total": 80} == run.progress[-1]

    ids = [action["id"] for action in run.actions()]
    assert len(set(ids)) == len(ids) == TASKS
    assert {(a["record_id"], a["data"]["priority"]) for a in run.actions()} == {
        (t["id"], "high") for t in tasks.values()
    }
    for key, frame in run.results.items():
        assert [action["id"] for action in frame["actions"]] == [deterministic_id(run.run_id, key)]

    # What each item cost, what the run says, and what the user's account says are the same numbers.
    rest = [frame["usage"] for key, frame in list(run.results.items())[CUT_AT:]]
    spent = tuple(sum(usage[name] for usage in rest) for name in ("input_tokens", "output_tokens"))
    assert spent == (80 * 50, 80 * 12)
    assert (end["usage"]["input_tokens"], end["usage"]["output_tokens"]) == spent
    assert tuple(now - then for now, then in zip(used(client), at_the_cut, strict=True)) == spent
    # Before the cut there were the 120, a few more whose frames the client has not read, and what ran when the socket
    # went away: of that the provider says nothing, so that it is counted by an estimate of what was asked.
    more = CUT_AT + 3 * AT_ONCE
    assert CUT_AT * 50 <= at_the_cut[0] <= more * 50 + AT_ONCE * ESTIMATED
    assert CUT_AT * 12 <= at_the_cut[1] <= more * 12
    assert begun <= 2 * (CUT_AT + 3 * AT_ONCE)


async def test_what_is_done_again_has_the_same_actions(own_server: RunningServer, client: httpx.Client) -> None:
    """A client that lost its own notes, and asks again for what it had."""
    token = client.headers["Authorization"].removeprefix("Bearer ")
    tasks = make_tasks(10)
    run = Run()
    async with chat_socket(own_server, token) as socket:
        await map_over(socket, run, tasks)
        await map_over(socket, run, tasks)
    assert len(run.again) == len(run.results) == 10
    assert {a["id"] for frame in run.again for a in frame["actions"]} == {a["id"] for a in run.actions()}
    assert run.usage() == used(client)
