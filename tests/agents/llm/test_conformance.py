"""One call of each provider, against a server that speaks its protocol: the table in docs/providers.md."""

import asyncio
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest
from yarl import URL

from adiuva.api.errors import Problem, UpstreamError, UpstreamUnavailable
from agents.llm import messages as message
from agents.llm.factory import get_llm
from agents.llm.port import FinishReason, Reply, Usage
from agents.llm.providers import PROVIDERS
from tests.agents.llm.cases import (
    ANTHROPIC,
    AZURE,
    COMPATIBLE,
    DEEPSEEK,
    GEMINI,
    GROQ,
    MISTRAL,
    OLLAMA,
    OPENAI,
    OPENROUTER,
    RESPONSES,
    Case,
)
from tests.agents.llm.conftest import PROMPTLY
from tests.fakes.providers.ollama import OllamaServer
from tests.fakes.providers.script import Break, End, Trouble, say
from tests.fakes.providers.server import ProviderServer

TOOL = {"type": "function", "function": {"name": "create_task", "description": "x", "parameters": {"type": "object"}}}
ASKED = [message.system("Be brief."), message.user("Good morning")]


async def ask(**options: Any) -> tuple[list[str], Reply]:
    parts = [part async for part in get_llm().stream(ASKED, **options)]
    assert isinstance(parts[-1], Reply)
    return [part for part in parts[:-1] if isinstance(part, str)], parts[-1]


async def listen_until_it_breaks() -> tuple[str, Problem]:
    """What was said before, and the trouble."""
    pieces: list[str] = []

    async def listen() -> None:
        async with aclosing(get_llm().stream(ASKED)) as parts:
            async for part in parts:
                assert isinstance(part, str)
                pieces.append(part)

    with pytest.raises(Problem) as caught:
        await listen()
    return "".join(pieces), caught.value


def _is_a_sentence(text: str) -> bool:
    return len(text.split()) > 2 and text.endswith(".")


async def hang_up_after(text: str) -> None:
    """Listens until ``text`` was said, and closes."""
    heard = ""
    async with asyncio.timeout(4 * PROMPTLY), aclosing(get_llm().stream(ASKED)) as parts:
        async for part in parts:
            assert isinstance(part, str)
            heard += part
            if heard == text:
                return
    raise AssertionError(f"the stream ended after {heard!r}")


async def test_stream(server: ProviderServer) -> None:
    """The provider says no more until somebody has heard what it said: what were held back would never arrive."""
    server.script(say("Good", " morning", breaks="stall"))
    await hang_up_after("Good morning")


async def test_cancel(server: ProviderServer) -> None:
    server.script(say("Good", " morning", breaks="stall"))
    await hang_up_after("Good morning")
    assert await asyncio.to_thread(server.wait_hung_up, PROMPTLY)
    assert server.records.open == 0


async def test_cancel_before_the_first_word(server: ProviderServer) -> None:
    server.script(Trouble("hang"))
    call = asyncio.create_task(ask())
    assert await asyncio.to_thread(server.wait_requests, 1, PROMPTLY)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(server.wait_hung_up, PROMPTLY)


async def test_usage(server: ProviderServer) -> None:
    server.script(say("Good", " morning", "!", usage=(21, 5)))
    pieces, reply = await ask()
    assert "".join(pieces) == reply.text == "Good morning!"
    assert reply.usage == Usage(21, 5)
    assert reply.finish_reason == "stop"


async def test_no_other_providers_key_leaves(
    server: ProviderServer, case: Case, settings: Any, monkeypatch: Any
) -> None:
    """Every provider's key is there, as a setting and in the process's environment, where LiteLLM would look."""
    others = {name: f"key-of-{name}" for other in PROVIDERS for name in other.key_variables if other != case.provider}
    for name, key in others.items():
        setattr(settings, name, key)
        monkeypatch.setenv(name, key)
    await ask()
    (request,) = server.requests
    assert [name for name, key in others.items() if key in f"{request}"] == []


async def test_without_an_address_of_the_operators_the_vendors_own_is_asked(
    server: ProviderServer, case: Case, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else's: LiteLLM's own defaults send some keys to OpenAI."""
    if case in (AZURE, COMPATIBLE):
        pytest.skip("there is none")
    asked: list[str | None] = []

    async def refuse(_: aiohttp.ClientSession, method: str, url: Any, **__: Any) -> None:
        asked.append(URL(url).host)
        raise aiohttp.ClientConnectionError

    monkeypatch.setattr(aiohttp.ClientSession, "_request", refuse)
    setattr(settings, case.provider.base_variable, "")
    await listen_until_it_breaks()
    own = URL(case.provider.own_base).host or "bedrock-runtime.eu-central-1.amazonaws.com"
    assert asked == [own] * 3


@pytest.mark.parametrize("case", [OPENAI], ids=str)
@pytest.mark.parametrize(
    ("model", "tools", "path"),
    [
        ("gpt-4o-mini", [TOOL], "/v1/chat/completions"),
        ("gpt-5.4", [], "/v1/chat/completions"),
        ("gpt-5.4", [TOOL], "/v1/responses"),
        ("gpt-5-codex", [], "/v1/responses"),
    ],
)
async def test_openai_is_asked_where_the_model_takes_tools(
    server: ProviderServer, settings: Any, monkeypatch: pytest.MonkeyPatch, model: str, tools: list[Any], path: str
) -> None:
    """400 "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions."."""
    asked: set[str] = set()

    async def refuse(_: aiohttp.ClientSession, method: str, url: Any, **__: Any) -> None:
        asked.add(URL(url).path)
        raise aiohttp.ClientConnectionError

    monkeypatch.setattr(aiohttp.ClientSession, "_request", refuse)
    settings.OPENAI_API_BASE, settings.LLM_MODEL = "", model
    with pytest.raises(UpstreamUnavailable):
        await ask(tools=tools)
    assert asked == {path}


@pytest.mark.parametrize("case", [RESPONSES], ids=str)
async def test_openai_is_told_to_keep_nothing(server: ProviderServer) -> None:
    await ask()
    assert [body["store"] for body in server.bodies] == [False]


@pytest.mark.thorough
async def test_a_connection_is_kept_for_the_next_call(server: ProviderServer) -> None:
    """Also where the end of the body comes some time after that of the answer."""
    for number in range(1, 4):
        server.script(say("Good", " morning", delay=0.02))
        await ask()
        assert await asyncio.to_thread(server.wait_answered, number, PROMPTLY)
        await asyncio.sleep(0.05)  # what was sent arrives
    assert (server.records.connections, server.records.hung_up) == (1, 0)


@pytest.mark.parametrize(
    ("end", "reason"), [("length", "length"), ("filtered", "content_filter"), ("refused", "content_filter")]
)
async def test_refusal(server: ProviderServer, case: Case, end: End, reason: FinishReason) -> None:
    if not server.filters and end != "length":
        pytest.skip(f"{case.title} filters nothing")
    server.script(say("Well,", end=end))
    _, reply = await ask()
    assert reply.finish_reason == reason
    assert reply.text == "Well," if end == "length" else _is_a_sentence(reply.text.removeprefix("Well,"))


async def test_refusal_without_a_word(server: ProviderServer, case: Case) -> None:
    if not server.filters:
        pytest.skip(f"{case.title} filters nothing")
    server.script(say(end="refused"))
    _, reply = await ask()
    assert reply.finish_reason == "content_filter"
    assert _is_a_sentence(reply.text)


@pytest.mark.parametrize("breaks", ["error", "cut", "reset"])
async def test_mid_stream_error(server: ProviderServer, breaks: Break) -> None:
    server.script(say("Good", " mor", breaks=breaks))
    text, problem = await listen_until_it_breaks()
    assert text == "Good mor"
    assert isinstance(problem, UpstreamError | UpstreamUnavailable)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (MISTRAL, "model_length"),
        (ANTHROPIC, "model_context_window_exceeded"),
        (GEMINI, "MAX_TOKENS"),
    ],
    ids=str,
)
async def test_a_full_context_is_the_models_limit(server: ProviderServer, reason: str) -> None:
    server.script(say("Good", reason=reason))
    _, reply = await ask()
    assert (reply.text, reply.finish_reason) == ("Good", "length")


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (OPENROUTER, "error"),
        (MISTRAL, "error"),
        (DEEPSEEK, "insufficient_system_resource"),
        (GEMINI, "MALFORMED_FUNCTION_CALL"),
        (GEMINI, "UNEXPECTED_TOOL_CALL"),
    ],
    ids=str,
)
async def test_an_answer_that_the_provider_gave_up_is_asked_for_again(server: ProviderServer, reason: str) -> None:
    """It has an end, but not one that a user could make sense of."""
    server.script(say(reason=reason), say("Good morning"))
    _, reply = await ask()
    assert (reply.text, len(server.requests)) == ("Good morning", 2)


@pytest.mark.parametrize("case", [GROQ], ids=str)
async def test_a_call_that_the_model_wrote_wrong_is_asked_for_again(server: ProviderServer) -> None:
    server.script(Trouble("bad_call"), say("Good morning"))
    _, reply = await ask()
    assert (reply.text, len(server.requests)) == ("Good morning", 2)


@pytest.mark.parametrize("case", [OLLAMA], ids=str)
async def test_thoughts_in_the_content_stay_marked_as_such(
    server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sanitizer knows their marks and takes them out; without the marks it could not."""
    monkeypatch.setattr(server, "can", {"completion", "tools"})
    server.script(say("Good", " morning", reasoning=("They greet me,", " so I greet them.")))
    _, reply = await ask()
    assert reply.text == "<think>They greet me, so I greet them.</think>\n\nGood morning"


async def test_mid_stream_error_before_the_first_word(server: ProviderServer) -> None:
    """Nothing was shown yet: it is asked again."""
    server.script(say(breaks="error"), say("Good morning"))
    _, reply = await ask()
    assert reply.text == "Good morning"


async def test_rate_limit(server: ProviderServer) -> None:
    server.script(Trouble("rate_limited"), say("Good morning"))
    _, reply = await ask()
    assert reply.text == "Good morning"
    assert len(server.requests) == 2


async def test_rate_limit_longer_than_the_deadline(server: ProviderServer) -> None:
    server.script(Trouble("rate_limited", retry_after=600))
    _, problem = await listen_until_it_breaks()
    assert isinstance(problem, UpstreamUnavailable)
    assert problem.headers["Retry-After"] == "600"
    assert len(server.requests) == 1


async def test_overload(server: ProviderServer) -> None:
    server.script(*[Trouble("overloaded")] * 3)
    _, problem = await listen_until_it_breaks()
    assert isinstance(problem, UpstreamUnavailable)
    assert len(server.requests) == 3


@pytest.mark.parametrize("kind", ["unauthorized", "too_long"])
async def test_what_asking_again_does_not_cure(server: ProviderServer, kind: Any) -> None:
    server.script(Trouble(kind))
    _, problem = await listen_until_it_breaks()
    assert isinstance(problem, UpstreamError)
    assert server.key not in problem.detail
    assert len(server.requests) == 1


async def test_reasoning_hidden(server: ProviderServer) -> None:
    server.script(say("Good", " morning", reasoning=("They greet me,", " so I greet them.")))
    pieces, reply = await ask()
    assert "".join(pieces) == reply.text == "Good morning"


async def test_the_stream_is_read_here(server: ProviderServer, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM asks, and we listen: its own reading of a stream costs ten times as much."""
    if not case.is_read_here:
        pytest.skip("LiteLLM reads it")

    import litellm  # its settings are made where the product imports it

    async def refuse(_: Any) -> None:
        raise AssertionError("LiteLLM reads the stream")

    monkeypatch.setattr(litellm.CustomStreamWrapper, "__anext__", refuse)
    server.script(say("Good", " morning"))
    _, reply = await ask()
    assert reply.text == "Good morning"
