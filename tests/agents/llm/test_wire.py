"""The HTTP below a model call: bodies that do not end, connections kept and closed, redirects, proxies."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adiuva.api.errors import UpstreamError
from agents.llm import messages as message
from agents.llm.factory import get_llm
from agents.llm.port import Reply

ASKED = [message.user("Hello?")]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class RawProvider:
    """Answers each request of a connection with the bytes of ``answers``, and does not close it by itself."""

    def __init__(self, *answers: bytes, hangs_up: bool = False, dies_after: int = 0) -> None:
        self.answers = [*answers]
        self.hangs_up = hangs_up
        self.dies_after = dies_after
        self.asked = 0
        self.connections = 0
        self.closed = asyncio.Event()
        self.base = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        served = False
        try:
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
                )
                await reader.readexactly(length)
                self.asked += 1
                if self.dies_after and self.dies_after < self.asked and served:
                    return  # a balancer that closes a connection at its next use
                served = True
                writer.write(self.answers.pop(0))
                await writer.drain()
                if self.hangs_up:
                    return
            await reader.read()  # until the client closes
        except asyncio.IncompleteReadError:
            pass  # it closed between two requests
        finally:
            self.closed.set()
            writer.close()


@pytest.fixture
def raw(settings: Any) -> Callable[..., Any]:
    @asynccontextmanager
    async def start(*answers: bytes, **options: Any) -> AsyncIterator[RawProvider]:
        provider = RawProvider(*answers, **options)
        server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        settings.LLM_MODEL, settings.LLM_FALLBACK_MODEL = "openai/raw", ""
        settings.OPENAI_API_KEY, settings.OPENAI_API_BASE = "sk-raw", f"http://127.0.0.1:{port}/v1"
        settings.LLM_TIMEOUT_SECONDS = 20.0
        provider.base = f"127.0.0.1:{port}"
        try:
            yield provider
        finally:
            server.close()

    return start


async def ask() -> Reply:
    reply = await get_llm().complete(ASKED)
    assert reply.text == "Hi"
    return reply


async def test_a_connection_is_kept_for_the_next_call(raw: Callable[..., Any]) -> None:
    answer = HEAD + chunk(TEXT + FINISH + USAGE + DONE) + END
    async with raw(answer, answer, answer) as provider:
        for _ in range(3):
            await ask()
        assert provider.connections == 1


async def test_after_done_the_end_of_the_body_is_not_waited_for(
    raw: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.llm.wire.http._REST_SECONDS", 0.2)
    async with raw(HEAD + chunk(TEXT + FINISH + USAGE + DONE)) as provider:
        async with asyncio.timeout(60):
            assert (await ask()).usage.input_tokens == 7
            await provider.closed.wait()


async def test_after_the_finish_the_rest_is_waited_for_in_bounds(
    raw: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.llm.wire.events._SECONDS_AFTER_THE_END", 0.2)
    async with raw(HEAD + chunk(TEXT + FINISH)) as provider:
        async with asyncio.timeout(60):
            await ask()
            await provider.closed.wait()


@pytest.mark.parametrize("cut", range(1, len(TEXT), 7))
async def test_events_may_be_cut_anywhere(raw: Callable[..., Any], cut: int) -> None:
    stream = TEXT.replace(b"\n", b"\r\n") + b": a comment\n\nevent: x\n" + FINISH + USAGE + DONE
    async with raw(HEAD + chunk(stream[:cut]) + chunk(stream[cut:]) + END):
        assert (await ask()).usage.output_tokens == 2


async def test_a_server_that_does_not_stream_is_read_as_a_whole(raw: Callable[..., Any]) -> None:
    choice = b'{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}'
    body = b'{"choices":[%b],"usage":{"prompt_tokens":7}}' % choice
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with raw(head + body):
        assert (await ask()).usage.input_tokens == 7


@pytest.mark.parametrize("rest", [b"", b"7\r\ndata: {\r\n", chunk(b"data: {nonsense\n\n") + END])
async def test_what_breaks_after_the_answers_end_is_no_matter(raw: Callable[..., Any], rest: bytes) -> None:
    async with raw(HEAD + chunk(TEXT + FINISH + USAGE) + rest, hangs_up=True):
        assert (await ask()).usage.input_tokens == 7


async def test_a_body_over_many_lines_is_read_as_one(raw: Callable[..., Any]) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 7}}, indent=2).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with raw(head + body):
        assert (await ask()).usage.input_tokens == 7


@pytest.mark.parametrize(
    "stream",
    [
        b"\xef\xbb\xbf" + TEXT + FINISH,
        (TEXT + FINISH).replace(b"\n", b"\r"),
        TEXT.replace(b'"delta"', b'\ndata: "delta"') + FINISH,
    ],
    ids=["a byte order mark", "CR", "two lines"],
)
async def test_an_event_stream_is_read_by_its_rules(raw: Callable[..., Any], stream: bytes) -> None:
    async with raw(HEAD + chunk(stream + DONE) + END):
        await ask()


async def test_kept_connections_that_died_meanwhile_cost_no_try(raw: Callable[..., Any], caplog: Any) -> None:
    answer = HEAD + chunk(TEXT + FINISH + USAGE + DONE) + END
    async with raw(*[answer] * 16, dies_after=8) as provider:
        await asyncio.gather(*(ask() for _ in range(8)))
        assert provider.connections == 8
        await asyncio.sleep(0)
        await ask()
    assert "The language model failed" not in caplog.text


async def test_a_redirect_takes_no_key_elsewhere(raw: Callable[..., Any]) -> None:
    async with raw() as elsewhere:
        base = elsewhere.base.encode()
        async with raw(b"HTTP/1.1 307 Temporary\r\nLocation: http://%b/v1\r\nContent-Length: 0\r\n\r\n" % base):
            with pytest.raises(UpstreamError):
                await ask()
        assert elsewhere.connections == 0


def test_proxies_are_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.llm.wire import http

    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "localhost,.internal")
    http.find_proxy.cache_clear()
    try:
        assert http.find_proxy("https", "api.openai.com") == "http://proxy.example:3128"
        assert http.find_proxy("https", "llm.internal") is None
        assert http.find_proxy("http", "api.openai.com") is None
    finally:
        http.find_proxy.cache_clear()
