"""How much a model may write at most: what a call may cost is asked of each provider in its own words."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agents.llm import messages as message
from agents.llm.factory import get_llm
from agents.llm.features import find_refused, is_too_large_a_limit
from agents.llm.meter import Grant, Meter
from agents.llm.port import Usage
from tests.agents.llm.cases import AZURE, COMPATIBLE, GEMINI, OPENAI, Case
from tests.fakes.providers.script import Refused, say
from tests.fakes.providers.server import ProviderServer

ASKED = [message.user("Hello?")]
SCHEMA = {"title": "answer", "type": "object", "properties": {"agents": {"type": "array"}}}
LIMIT = 777
NAMES = {"max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens", "num_predict"}
OPENAI_O1 = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
OPENAI_TOO_LARGE = "max_tokens is too large: 100000. This model supports at most 4096 completion tokens."
VLLM_TOO_LARGE = (
    "'max_tokens' or 'max_completion_tokens' is too large: 9000. This model's maximum context length is 8192 tokens "
    "and your request has 50 input tokens (9000 > 8192 - 50)."
)
OLD_OPENAI = (
    "This model's maximum context length is 8192 tokens. However, you requested 9050 tokens (50 in the messages, 9000 "
    "in the completion). Please reduce the length of the messages or completion."
)
USED_UP = "Could not finish the message because max_tokens or model output limit was reached."


class Allowance:
    """Each call may write ``limit`` tokens."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.settled: list[Usage] = []

    async def reserve(self, *, input_tokens: int, seconds: float) -> Grant:
        return Grant(input_tokens, self.limit)

    def settle(self, grant: Grant, spent: Usage) -> None:
        self.settled.append(spent)


async def ask(limit: int = LIMIT, **options: Any) -> Allowance:
    allowance = Allowance(limit)
    await get_llm().complete(ASKED, meter=Meter(allowance), **options)
    return allowance


def limits(value: Any) -> Iterator[tuple[str, int]]:
    if isinstance(value, list):
        for item in value:
            yield from limits(item)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in NAMES:
                yield name, inner
            yield from limits(inner)


def refuse(server: ProviderServer, monkeypatch: pytest.MonkeyPatch, words: dict[str, str]) -> None:
    """Parameters by name, and what the server says to each."""
    check = type(server).check

    def checked(request: Any) -> None:
        check(server, request)
        for name, said in words.items():
            if name in request.body:
                raise Refused(400, {"error": {"message": said, "type": "invalid_request_error", "param": name}})

    monkeypatch.setattr(server, "check", checked)


@pytest.mark.parametrize("options", [{}, {"schema": SCHEMA}], ids=["text", "json"])
async def test_each_provider_is_asked_for_no_more_than_was_reserved(
    server: ProviderServer, options: dict[str, Any]
) -> None:
    server.default = say('{"agents": []}', usage=(11, 5))
    allowance = await ask(**options)
    assert {number for _, number in limits(server.bodies)} == {LIMIT}  # Groq's refused schema is asked for in words
    assert allowance.settled == [Usage(11, 5)]
    assert [refused for refused in server.records.refused if "token" in str(refused)] == []


async def test_without_a_reservation_the_model_writes_what_it_can(server: ProviderServer, case: Case) -> None:
    await get_llm().complete(ASKED)
    named = [number for _, number in limits(server.bodies)]
    assert named == [] if not case.model.startswith(("claude", "bedrock")) else len(named) <= 1


@pytest.mark.parametrize(("case", "most"), [(OPENAI, 16_384), (GEMINI, None)], ids=["openai", "gemini"])
async def test_no_model_is_asked_for_more_than_it_can_write(
    run_provider: Callable[[Case], ProviderServer], case: Case, most: int | None
) -> None:
    server = run_provider(case)
    await ask(10**9)
    ((_, number),) = limits(server.bodies)
    assert number == most if most else number < 10**6


async def test_two_limits_are_not_taken_for_one(run_provider: Callable[[Case], ProviderServer]) -> None:
    server = run_provider(COMPATIBLE)
    await ask(5)
    await ask(6)
    assert list(limits(server.bodies)) == [("max_tokens", 5), ("max_tokens", 6)]


@pytest.mark.parametrize("case", [COMPATIBLE, AZURE], ids=str)
async def test_a_server_that_knows_the_newer_word_is_asked_by_it_from_then_on(
    run_provider: Callable[[Case], ProviderServer], monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    server = run_provider(case)
    refuse(server, monkeypatch, {"max_tokens": OPENAI_O1})
    await ask()
    await ask()
    assert list(limits(server.bodies)) == [("max_completion_tokens", LIMIT)] * 2
    assert len(server.records.refused) == 1


async def test_a_server_that_knows_neither_word_is_asked_without(
    run_provider: Callable[[Case], ProviderServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = run_provider(COMPATIBLE)
    unknown = {name: f"Unrecognized request argument supplied: {name}" for name in NAMES}
    refuse(server, monkeypatch, unknown)
    await ask()
    assert [limit for body in server.bodies for limit in limits(body)] == []
    await ask()
    refused_before = len(server.records.refused)
    await ask()
    assert len(server.records.refused) == refused_before  # both words are remembered


@pytest.mark.parametrize("words", [OPENAI_TOO_LARGE, VLLM_TOO_LARGE, OLD_OPENAI], ids=["openai", "vllm", "old-openai"])
async def test_a_number_that_is_too_large_is_left_out_of_this_call_alone(
    run_provider: Callable[[Case], ProviderServer], monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    server = run_provider(COMPATIBLE)
    with monkeypatch.context() as once:
        refuse(server, once, {"max_tokens": words})
        await ask(9000)
    await ask()
    assert list(limits(server.bodies)) == [("max_tokens", LIMIT)]


def test_a_limit_that_was_used_up_was_understood() -> None:
    body = json.dumps({"error": {"message": USED_UP}}).encode()
    assert find_refused(status=400, body=body, asked={"max_tokens", "temperature"}) is None


def test_a_message_that_is_too_long_says_nothing_of_the_limit() -> None:
    words = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    body = json.dumps({"error": {"message": words}}).encode()
    assert find_refused(status=400, body=body, asked={"max_tokens"}) is None
    assert not is_too_large_a_limit(body)
