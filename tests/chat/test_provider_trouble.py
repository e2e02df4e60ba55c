"""What a provider can do wrong, through the whole stack: which problem, how soon, after how many requests."""

import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.chat.conftest import KEY
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, Reply, call, calls, cut, garbage, hang, reset, stall, status, text
from tests.support.accounts import Account
from tests.support.client import ApiClient

Connect = Callable[..., Awaitable[Socket]]
SOME = "So far so good, and here it"
DEADLINE = 1.5  # for what only the deadline ends
PATIENCE = 20.0  # and for everything else

# Fault, status, code, upstream requests: three tries before the first piece of text, none after it.
FAULTS = [
    pytest.param(hang(), 504, "upstream_timeout", 1, id="hang"),
    pytest.param(stall(SOME), 504, "upstream_timeout", 1, id="stall", marks=pytest.mark.thorough),
    pytest.param(cut(SOME), 502, "upstream_error", 1, id="cut"),
    pytest.param(reset(SOME), 503, "upstream_unavailable", 1, id="reset in the middle"),
    pytest.param(reset(), 503, "upstream_unavailable", 3, id="reset"),
    pytest.param(status(429), 503, "upstream_unavailable", 3, id="429"),
    pytest.param(status(429, retry_after="30"), 503, "upstream_unavailable", 1, id="429 that asks for long"),
    pytest.param(status(500), 502, "upstream_error", 3, id="500"),
    pytest.param(status(503), 503, "upstream_unavailable", 3, id="503"),
    pytest.param(status(401), 502, "upstream_error", 1, id="401"),
    pytest.param(status(400), 502, "upstream_error", 1, id="400"),
    pytest.param(garbage(), 502, "upstream_error", 3, id="garbage"),
    pytest.param(garbage(SOME), 502, "upstream_error", 1, id="garbage in the middle"),
]


@pytest.fixture(autouse=True)
def _quick(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch, llm: LoopbackLLM) -> None:
    fault = request.getfixturevalue("fault").fault if "fault" in request.fixturenames else None
    settings.LLM_TIMEOUT_SECONDS = DEADLINE if fault in {"hang", "stall"} else PATIENCE
    monkeypatch.setattr("agents.llm.language_model._FIRST_BACKOFF_SECONDS", 0.02)
    monkeypatch.setattr("agents.llm.language_model._LEAST_SECONDS_TO_ANSWER", 0.1)


def clean(told: str) -> bool:
    """Nothing of the key, the prompt, the message or the provider's own words."""
    return not any(word in told for word in (KEY, "SECRET", "Adiuva, a personal", "my diary", "Traceback", "litellm"))


@pytest.mark.parametrize(("fault", "expected", "code", "requests"), FAULTS)
def test_over_rest(
    api: ApiClient,
    free: Account,
    llm: LoopbackLLM,
    caplog: pytest.LogCaptureFixture,
    fault: Reply,
    expected: int,
    code: str,
    requests: int,
) -> None:
    llm.script(*[fault] * 3)
    started = time.perf_counter()

    with caplog.at_level(logging.INFO):
        answer = api.post("chat", json={"message": "Dear my diary"}, token=free.access_token)

    assert (answer.status, answer.code) == (expected, code)
    assert time.perf_counter() - started < PATIENCE / 2
    assert len(llm.requests) == requests
    assert clean(answer.content.decode() + str(answer.headers) + caplog.text)


@pytest.mark.parametrize(("fault", "expected", "code", "requests"), FAULTS)
async def test_over_the_socket(
    connect: Connect, llm: LoopbackLLM, free: Account, fault: Reply, expected: int, code: str, requests: int
) -> None:
    llm.script(*[fault] * 3)
    socket = await connect(free)
    started = time.perf_counter()

    *chunks, error = await socket.ask("Dear my diary")

    assert (error["type"], error["error"]["status"], error["error"]["code"]) == ("error", expected, code)
    assert time.perf_counter() - started < PATIENCE / 2
    assert len(llm.requests) == requests
    assert clean(json.dumps([chunks, error]))
    assert SOME.startswith("".join(chunk["text"] for chunk in chunks))


@pytest.mark.thorough
async def test_trouble_after_an_action_ends_the_turn(
    connect: Connect, llm: LoopbackLLM, free: Account, settings: Any
) -> None:
    settings.LLM_TIMEOUT_SECONDS = 2 * DEADLINE
    llm.script(calls(call("create_task", title="x")), hang())
    socket = await connect(free)

    action, error = await socket.ask("Hello")

    assert action["type"] == "action"
    assert error["error"]["code"] == "upstream_timeout"


async def test_a_router_in_trouble_leaves_time_for_the_answer(
    connect: Connect, llm: LoopbackLLM, pro: Account, all_agents: None
) -> None:
    llm.aside = {"gpt-router": status(500)}
    llm.script(text("Here I am."))
    socket = await connect(pro)

    done = (await socket.ask("Hello"))[-1]

    assert done["response"] == "Here I am."
    assert len(llm.asked_aside) == 3
