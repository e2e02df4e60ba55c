"""What reaches the provider, what comes back from it, and what never does. A real HTTP server stands in for it."""

import asyncio
import logging
import time
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import pytest

from adiuva.api.errors import NotConfigured, Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from agents.llm import messages as message
from agents.llm.factory import get_llm, get_router_llm
from agents.llm.meter import Meter, estimate
from agents.llm.port import Reply, Usage
from tests.agents.conftest import KEY, MODEL
from tests.fakes import llm_server as reply
from tests.fakes.llm_server import LoopbackLLM

PROMPTLY = 5.0  # seconds on a busy machine; what is not prompt takes far longer
PROMPT = "SECRET PROMPT TEXT"
ASKED = [message.system("Be brief."), message.user(PROMPT)]
TOOL = {
    "type": "function",
    "function": {"name": "create_task", "description": "x", "parameters": {"type": "object", "properties": {}}},
}


@pytest.fixture(autouse=True)
def _quick_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.llm.language_model._FIRST_BACKOFF_SECONDS", 0.01)


async def ask(**options: Any) -> tuple[list[Any], Reply]:
    parts = [part async for part in get_llm().stream(ASKED, **options)]
    assert isinstance(parts[-1], Reply)
    return parts[:-1], parts[-1]


async def failing(**options: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        await ask(**options)
    return caught.value


async def test_text_arrives_piece_by_piece_and_whole_at_last(provider: LoopbackLLM) -> None:
    provider.script(reply.text("Good", " morning", "!", usage=(21, 3), delay=0.05))
    pieces, whole = await ask()
    assert pieces == ["Good", " morning", "!"]
    assert whole == Reply("Good morning!", (), Usage(21, 3), model=f"openai/{MODEL}")


async def test_first_piece_arrives_before_the_model_has_finished(provider: LoopbackLLM) -> None:
    provider.script(reply.text(*["word "] * 10, delay=0.05))
    started = time.monotonic()
    async with aclosing(get_llm().stream(ASKED)) as parts:
        await anext(parts)
        first = time.monotonic() - started
        rest = [part async for part in parts]
    assert len(rest) == 10
    assert time.monotonic() - started - first > 0.3


async def test_a_text_may_repeat_itself(provider: LoopbackLLM) -> None:
    provider.script(reply.text(*["-----"] * 300))
    pieces, _ = await ask()
    assert "".join(pieces) == "-----" * 300


@pytest.mark.parametrize("token", ["<", "<s>", "</s> ok", "<|im_end|>", "😀", " ", "\n\n", "\x00"])
async def test_odd_pieces_arrive_as_they_are(provider: LoopbackLLM, token: str) -> None:
    provider.script(reply.text("a", token, "b"))
    _, whole = await ask()
    assert whole.text == f"a{token}b"


async def test_request_carries_key_model_temperature_and_asks_for_usage(provider: LoopbackLLM) -> None:
    await ask(tools=[TOOL])
    assert provider.headers[0]["authorization"] == f"Bearer {KEY}"
    sent = provider.requests[0]
    assert (sent["model"], sent["temperature"], sent["stream"]) == (MODEL, 0, True)
    assert sent["stream_options"] == {"include_usage": True}
    assert sent["tools"] == [TOOL]
    assert sent["messages"] == ASKED


async def test_request_without_tools_names_none(provider: LoopbackLLM) -> None:
    await ask()
    assert "tools" not in provider.requests[0]
    assert "tool_choice" not in provider.requests[0]


@pytest.mark.parametrize("fragments", [1, 3, 50])
async def test_tool_calls_are_put_together_from_fragments(provider: LoopbackLLM, fragments: int) -> None:
    made = [reply.call("create_task", id="a", title="Buy milk"), reply.call("list_tasks", id="b", limit=3)]
    provider.script(reply.calls(*made, tokens=("On", " it"), fragments=fragments))
    _, whole = await ask(tools=[TOOL])
    assert whole.text == "On it"
    assert [(call.id, call.name, call.arguments) for call in whole.calls] == [
        ("a", "create_task", '{"title": "Buy milk"}'),
        ("b", "list_tasks", '{"limit": 3}'),
    ]


async def test_arguments_cut_short_are_not_mended(provider: LoopbackLLM) -> None:
    provider.script(reply.calls(reply.call("create_task", raw='{"title": "Buy mi')))
    _, whole = await ask(tools=[TOOL])
    assert whole.calls[0].arguments == '{"title": "Buy mi'


async def test_usage_is_estimated_when_the_provider_reports_none(provider: LoopbackLLM) -> None:
    provider.script(reply.text("x" * 400, usage=None))
    _, whole = await ask()
    assert whole.usage.output_tokens == 100
    assert whole.usage.input_tokens > 10


async def test_schema_is_sent_as_response_format(provider: LoopbackLLM) -> None:
    provider.script(reply.text('{"agent": "task_agent"}'))
    schema = {"title": "route", "type": "object", "properties": {"agent": {"type": "string"}}}
    whole = await get_router_llm().complete(ASKED, schema=schema)
    assert whole.text == '{"agent": "task_agent"}'
    assert provider.requests[0]["response_format"]["json_schema"] == {"name": "route", "schema": schema}


@pytest.mark.parametrize(
    ("fault", "problem", "requests"),
    [
        (reply.status(400), UpstreamError, 1),
        (reply.status(401), UpstreamError, 1),
        (reply.status(403), UpstreamError, 1),
        (reply.status(404), UpstreamError, 1),
        (reply.status(422), UpstreamError, 1),
        (reply.status(429), UpstreamUnavailable, 3),
        (reply.status(500), UpstreamError, 3),
        (reply.status(500, body="<html>oops"), UpstreamError, 3),
        (reply.status(503), UpstreamUnavailable, 3),
        (reply.status(504), UpstreamTimeout, 3),
        (reply.status(529), UpstreamUnavailable, 3),
        (reply.reset(), UpstreamUnavailable, 3),
        (reply.garbage(), UpstreamError, 3),
        (reply.cut(), UpstreamError, 3),
    ],
)
async def test_trouble_becomes_a_problem_after_an_exact_number_of_requests(
    provider: LoopbackLLM,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    fault: reply.Reply,
    problem: type[Problem],
    requests: int,
) -> None:
    caplog.set_level(logging.INFO)
    provider.script(*[fault] * 5)
    raised = await failing()
    assert type(raised) is problem
    assert len(provider.requests) == requests
    await asyncio.sleep(0.05)
    output = capfd.readouterr()
    shown = f"{raised.as_dict('id')} {raised!r} {caplog.text} {output.out} {output.err}"
    for secret in (KEY, PROMPT, "SECRET", "127.0.0.1", "litellm", "OpenAI"):
        assert secret not in shown
    assert raised.__cause__ is None
    assert raised.__suppress_context__ or raised.__context__ is None


@pytest.mark.parametrize("fault", [reply.status(429), reply.status(500), reply.status(503), reply.reset()])
async def test_passing_trouble_is_tried_again(provider: LoopbackLLM, fault: reply.Reply) -> None:
    provider.script(fault, fault, reply.text("fine"))
    pieces, _ = await ask()
    assert pieces == ["fine"]
    assert len(provider.requests) == 3


async def test_what_was_said_in_vain_is_paid_for_as_well(provider: LoopbackLLM) -> None:
    """A provider bills an answer that broke off, and tries may be many."""
    whole, refused, broken = Meter(), Meter(), Meter()
    provider.script(reply.text("fine", usage=(500, 3)))
    await ask(meter=whole)
    provider.script(reply.status(503), reply.text("fine", usage=(500, 3)))
    await ask(meter=refused)
    assert refused.usage == whole.usage == Usage(500, 3)
    provider.script(reply.cut(), reply.garbage(), reply.text("fine", usage=(500, 3)))
    await ask(meter=broken)
    twice = 2 * estimate(ASKED, (), 0).input_tokens
    assert broken.usage == Usage(500 + twice, 3)


@pytest.mark.thorough
async def test_retry_after_is_waited_for(provider: LoopbackLLM) -> None:
    provider.script(reply.status(429, retry_after="1"), reply.text("fine"))
    started = time.monotonic()
    await ask()
    assert time.monotonic() - started >= 1.0


async def test_retry_after_past_the_deadline_ends_the_call_at_once_and_is_passed_on(provider: LoopbackLLM) -> None:
    provider.script(reply.status(429, retry_after="30"))
    started = time.monotonic()
    raised = await failing()
    assert time.monotonic() - started < PROMPTLY
    assert raised.headers == {"Retry-After": "30"}
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (reply.reset("One"), UpstreamUnavailable),
        (reply.cut("One"), UpstreamError),
        (reply.garbage("One"), UpstreamError),
    ],
)
async def test_a_broken_stream_is_not_begun_again(
    provider: LoopbackLLM, fault: reply.Reply, problem: type[Problem]
) -> None:
    provider.script(fault, reply.text("again"))
    parts = get_llm().stream(ASKED)
    assert await anext(parts) == "One"
    with pytest.raises(problem):
        await anext(parts)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("fault", [reply.hang(), reply.stall(), reply.stall("One", " two")])
async def test_silence_ends_at_the_timeout_and_closes_the_connection(
    provider: LoopbackLLM, settings: Any, fault: reply.Reply
) -> None:
    settings.LLM_TIMEOUT_SECONDS = 0.4
    provider.script(fault)
    started = time.monotonic()
    assert type(await failing()) is UpstreamTimeout
    assert time.monotonic() - started < PROMPTLY
    assert await asyncio.to_thread(provider.wait_closed, PROMPTLY)
    assert len(provider.requests) == 1


async def test_slow_drip_cannot_outlast_the_timeout(provider: LoopbackLLM, settings: Any) -> None:
    settings.LLM_TIMEOUT_SECONDS = 0.5
    provider.script(reply.text(*["drip "] * 100, delay=0.1))
    started = time.monotonic()
    assert type(await failing()) is UpstreamTimeout
    assert time.monotonic() - started < PROMPTLY


async def test_the_callers_deadline_holds_too(provider: LoopbackLLM) -> None:
    provider.script(reply.hang())
    deadline = asyncio.get_running_loop().time() + 0.3
    started = time.monotonic()
    assert type(await failing(deadline=deadline)) is UpstreamTimeout
    assert time.monotonic() - started < PROMPTLY


async def test_closing_the_iterator_closes_the_connection_within_a_second(provider: LoopbackLLM) -> None:
    provider.script(reply.text(*["word "] * 1000, delay=0.01))
    parts = get_llm().stream(ASKED)
    assert await anext(parts) == "word "
    assert provider.open_connections == 1
    started = time.monotonic()
    await parts.aclose()
    assert await asyncio.to_thread(provider.wait_closed, PROMPTLY)
    assert time.monotonic() - started < PROMPTLY


@pytest.mark.parametrize("fault", [reply.hang(), reply.stall("One")])
async def test_cancelling_the_task_closes_the_connection_within_a_second(
    provider: LoopbackLLM, fault: reply.Reply
) -> None:
    provider.script(fault)
    task = asyncio.ensure_future(ask())
    assert await asyncio.to_thread(provider.wait_requests, 1)
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(provider.wait_closed, PROMPTLY)


async def test_fallback_answers_when_the_first_model_fails(provider: LoopbackLLM, settings: Any) -> None:
    settings.LLM_FALLBACK_MODEL = "openai/gpt-other"
    provider.script(reply.status(401), reply.text("fine"))
    pieces, _ = await ask()
    assert pieces == ["fine"]
    assert [sent["model"] for sent in provider.requests] == [MODEL, "gpt-other"]


async def test_a_long_retry_after_is_not_waited_for_when_there_is_a_fallback(
    provider: LoopbackLLM, settings: Any
) -> None:
    settings.LLM_FALLBACK_MODEL = "gpt-other"
    provider.script(reply.status(429, retry_after="20"), reply.text("fine"))
    started = time.monotonic()
    await ask()
    assert time.monotonic() - started < PROMPTLY


def test_no_model_is_not_configured(settings: Any) -> None:
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = ""
    for make in (get_llm, get_router_llm):
        with pytest.raises(NotConfigured):
            make()


def test_openai_without_key_or_server_is_not_configured(settings: Any) -> None:
    settings.OPENAI_API_KEY = settings.OPENAI_API_BASE = ""
    with pytest.raises(NotConfigured):
        get_llm("gpt-4o-mini")


async def test_streams_share_the_loop_fairly(provider: LoopbackLLM) -> None:
    """Of a provider's burst no two pieces come without another task having had its turn between them."""
    await ask()
    provider.script(reply.text(*["x" * 1000] * 3000))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    watcher = asyncio.ensure_future(other())
    seen = [turns async for _ in get_llm().stream(ASKED)]
    watcher.cancel()
    assert len(seen) > 3
    assert all(later > earlier for earlier, later in pairwise(seen[:-1]))
