"""What a user is told whose own provider fails: why, in our words, and never 401."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from adiuva.api.errors import Problem, UpstreamError, UpstreamTimeout
from agents.llm import messages as message
from agents.llm.factory import get_llm
from agents.llm.own_keys import NO_TOOLS, OWN_KEY_KINDS, OwnKeyKind, OwnProvider, find_reason
from agents.llm.port import REFUSED, Reply
from agents.llm.wire.http import MOST_OWN_EVENT_BYTES
from tests.agents.llm.own_keys.conftest import Connect
from tests.fakes.providers.openai import OpenAIServer
from tests.fakes.providers.script import Refused, Trouble, say
from tests.fakes.providers.server import ProviderServer
from tests.support.foreign_hosts import USERS_KEY, ForeignHosts
from tests.support.thorough import thorough

ASKED = [message.user("Hello?")]
TOOL = {"type": "function", "function": {"name": "create_task", "description": "x", "parameters": {"type": "object"}}}
every_kind = pytest.mark.parametrize("kind", OWN_KEY_KINDS)


async def fail(own: OwnProvider, **options: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        await get_llm(provider=own).complete(ASKED, **options)
    return caught.value


def refuse(server: ProviderServer, monkeypatch: pytest.MonkeyPatch, status: int, body: Any) -> None:
    def check(_: object) -> None:
        raise Refused(status, body)

    monkeypatch.setattr(server, "check", check)


@every_kind
@pytest.mark.parametrize(
    ("trouble", "reason", "tries"),
    [
        (Trouble("unauthorized"), "auth", 1),
        (Trouble("rate_limited"), "quota", 3),
        (Trouble("overloaded"), "unreachable", 3),
        (Trouble("failed"), "unreachable", 3),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
async def test_each_kinds_trouble_has_a_reason(
    foreign: ForeignHosts, connect: Connect, kind: OwnKeyKind, trouble: Trouble, reason: str, tries: int
) -> None:
    server = foreign.vendor(kind)
    server.script(*[trouble] * 3)
    problem = await fail(connect(kind))
    assert isinstance(problem, UpstreamError)
    assert (problem.status, problem.extra) == (502, {"reason": reason})
    assert len(server.requests) == tries
    assert server.wait_closed()


async def test_a_wait_that_the_provider_names_is_told(foreign: ForeignHosts, connect: Connect) -> None:
    foreign.vendor("openai").script(Trouble("rate_limited", retry_after=3600))
    problem = await fail(connect("openai"))
    assert (problem.extra["reason"], problem.headers) == ("quota", {"Retry-After": "3600"})


@pytest.mark.parametrize(
    ("kind", "status", "body", "reason"),
    [
        (
            "openai",
            404,
            {"error": {"message": "The model `gpt-x` does not exist or you do not have access to it."}},
            "model",
        ),
        ("openai", 403, {"error": {"message": "Project `p` does not have access to model `gpt-x`"}}, "model"),
        ("openai", 429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, "quota"),
        ("anthropic", 404, {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}, "model"),
        ("anthropic", 400, {"error": {"message": "Your credit balance is too low to access the API."}}, "quota"),
        (
            "gemini",
            400,
            {"error": {"message": "API key not valid. Please pass a valid API key."}},
            "auth",
        ),
        ("gemini", 404, {"error": {"message": "models/x is not found for API version v1beta"}}, "model"),
        ("mistral", 400, {"message": "Invalid model: x", "type": "invalid_model", "code": "1500"}, "model"),
        ("openrouter", 400, {"error": {"message": "x is not a valid model ID", "code": 400}}, "model"),
        ("openrouter", 402, {"error": {"message": "Insufficient credits", "code": 402}}, "quota"),
        ("openai_compatible", 404, "<html>Not Found</html>", "model"),
        ("openai_compatible", 403, "<html>Forbidden</html>", "auth"),
    ],
)
async def test_a_refusal_is_asked_once_and_has_a_reason(
    foreign: ForeignHosts,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    kind: OwnKeyKind,
    status: int,
    body: Any,
    reason: str,
) -> None:
    server = foreign.vendor(kind)
    refuse(server, monkeypatch, status, body)
    problem = await fail(connect(kind))
    assert (problem.status, problem.extra) == (502, {"reason": reason})
    assert len(server.records.refused) == 1


@every_kind
async def test_nobody_there_is_unreachable(foreign: ForeignHosts, connect: Connect, kind: OwnKeyKind) -> None:
    foreign.vendor(kind)
    own = connect(kind)
    foreign.close()
    assert (await fail(own)).extra == {"reason": "unreachable"}


async def test_a_provider_that_says_nothing_is_a_timeout(
    foreign: ForeignHosts, connect: Connect, settings: Any
) -> None:
    settings.LLM_TIMEOUT_SECONDS = 0.3
    foreign.vendor("openai_compatible").script(Trouble("hang"))
    assert isinstance(await fail(connect("openai_compatible")), UpstreamTimeout)


async def test_an_answer_that_breaks_off_is_unreachable(foreign: ForeignHosts, connect: Connect) -> None:
    foreign.vendor("openai_compatible").script(say("Hello", breaks="cut"))
    problem = await fail(connect("openai_compatible"))
    assert problem.extra == {"reason": "unreachable"}


@every_kind
async def test_an_answer_without_end_is_not_read_to_its_end(
    foreign: ForeignHosts, connect: Connect, monkeypatch: pytest.MonkeyPatch, kind: OwnKeyKind
) -> None:
    monkeypatch.setattr("agents.llm.litellm.MOST_OWN_BYTES", 4096)
    server = foreign.vendor(kind)
    server.default = say(*["word "] * 1000, delay=0.001)
    problem = await fail(connect(kind))
    assert problem.extra == {"reason": "unreachable"}
    assert server.wait_hung_up()


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 65536),
        thorough(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000),
    ],
    ids=["extension", "interim"],
)
async def test_what_is_around_an_answer_has_an_end_as_well(
    connect: Connect, foreign: ForeignHosts, monkeypatch: pytest.MonkeyPatch, head: bytes, piece: bytes
) -> None:
    monkeypatch.setattr("agents.llm.wire.http.MOST_OWN_WIRE_BYTES", 1024 * 1024)
    sent: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        sent.append(0)
        writer.write(head)
        with suppress(OSError):
            while sent[-1] < 64 * 1024 * 1024:
                writer.write(piece)
                await writer.drain()
                # Without a turn of the loop a connection that has just ended is not known to have, and takes all.
                await asyncio.sleep(0)
                sent[-1] += len(piece)
        writer.transport.abort()  # TLS's farewell would outlast the test

    tls = foreign.authority.server_context("llm.example.com")
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    foreign.addresses["llm.example.com"] = [server.sockets[0].getsockname()[:2]]
    async with server:
        assert (await fail(connect("openai_compatible"))).extra == {"reason": "unreachable"}
    assert max(sent) < 32 * 1024 * 1024


async def test_no_event_is_so_large_that_reading_it_stops_everybody(foreign: ForeignHosts, connect: Connect) -> None:
    server = foreign.vendor("openai_compatible")
    server.default = say("x" * (MOST_OWN_EVENT_BYTES + 1))
    assert (await fail(connect("openai_compatible"))).extra == {"reason": "unreachable"}
    server.default = say("x" * (MOST_OWN_EVENT_BYTES // 2))
    reply = await get_llm(provider=connect("openai_compatible")).complete(ASKED)
    assert len(reply.text) == MOST_OWN_EVENT_BYTES // 2


async def test_what_the_provider_will_not_say_is_a_sentence_here_too(foreign: ForeignHosts, connect: Connect) -> None:
    foreign.vendor("mistral").script(Trouble("too_long"))
    assert "longer than" in (await fail(connect("mistral"))).detail
    foreign.vendor("openrouter").script(Trouble("filtered_prompt"))
    reply = await get_llm(provider=connect("openrouter")).complete(ASKED)
    assert (reply.text, reply.finish_reason) == (REFUSED, "content_filter")


async def test_a_model_without_tools_is_the_users_to_change(foreign: ForeignHosts, connect: Connect) -> None:
    server = foreign.vendor("openai_compatible")
    assert isinstance(server, OpenAIServer)
    server.refuses = frozenset({"tools"})
    parts = [part async for part in get_llm(provider=connect("openai_compatible")).stream(ASKED, tools=[TOOL])]
    assert parts[0] == NO_TOOLS
    assert isinstance(parts[1], Reply)
    assert "this server" not in NO_TOOLS


@every_kind
async def test_a_provider_that_echoes_the_key_is_not_quoted(
    foreign: ForeignHosts, connect: Connect, monkeypatch: pytest.MonkeyPatch, kind: OwnKeyKind
) -> None:
    refuse(foreign.vendor(kind), monkeypatch, 401, {"error": {"message": f"Incorrect API key provided: {USERS_KEY}"}})
    problem = await fail(connect(kind))
    assert USERS_KEY not in f"{problem.as_dict('id')} {problem!r} {problem.__cause__!r} {problem.__context__!r}"


@pytest.mark.parametrize("status", [None, 200, 301, 302, 307, 308, 408, 500, 502, 503, 504, 529])
def test_what_is_nobodys_fault_is_unreachable(status: int | None) -> None:
    assert find_reason(status, b"") == "unreachable"
