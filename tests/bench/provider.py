"""A language model's provider as a process of its own: OpenAI's chat completions, streamed as OpenAI streams them.

It shares the cores with the servers that are measured and with their clients, so an event costs it one write of bytes
made beforehand. ``Provider`` starts it and tells it what to answer; `python -m tests.bench.provider` is the process.

A stream is what api.openai.com sends for ``include_usage``: the role, a token an event, the finish, the usage and
``[DONE]``, each an HTTP chunk, on a connection that is kept.
"""

import asyncio
import json
import os
import re
import urllib.request
from collections import Counter
from itertools import cycle, islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvloop

from tests.support.server import RunningServer

ROUTER = "bench-router"
ROUTED = '{"agents": ["task_agent"]}'
# Prose as models write it, a token at a time.
PROSE = (
    "You have three things to do today . The first is the call with the landlord about the heating ; it was planned "
    "for ten o'clock , so keep half an hour free . After that the draft of the spring newsletter is due : two short "
    "paragraphs are missing , and Maria asked for a picture of the garden . The last one can wait until the evening . "
    "Nothing else is overdue , and tomorrow looks calm : a single errand in town , and the dentist at 16 : 30 ."
)
WORDS = tuple(word if word in ".,;:" else f" {word}" for word in PROSE.split())
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-store\r\n"
    b"x-request-id: req_0123456789abcdef\r\nopenai-processing-ms: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
)
GOLDEN = 0.618034
END = b"0\r\n\r\n"
MODEL = re.compile(rb'"model": ?"([^"]+)"')
LENGTH = re.compile(rb"(?i)\r\ncontent-length: ?(\d+)")


class Provider(RunningServer):
    """The process, and what it is told and asked."""

    module = "tests.bench.provider"

    @property
    def variables(self) -> dict[str, str]:
        """What a server needs to ask it. The router answers in one token, as a real one does in a dozen."""
        own = {"LLM_MODEL": "openai/bench", "LLM_ROUTER_MODEL": f"openai/{ROUTER}"}
        return {"OPENAI_API_KEY": "sk-bench", "OPENAI_API_BASE": f"{self.url}/v1", **own}

    def answer(self, *, tokens: int, interval: float = 0.0) -> None:
        """From now on: so many tokens, ``interval`` seconds apart; the first at once, the second somewhat early."""
        self._ask(f"/answer?tokens={tokens}&interval={interval}")

    def counts(self, kind: str) -> Counter[str]:
        """By model, since the start: ``tokens`` sent, ``requests``, ``connections`` (by the model first asked for)."""
        return Counter(self._ask("/counts")[kind])

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - our own URL
            return json.load(answer)


def event(data: str) -> bytes:
    text = f"data: {data}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(text), text)


def chunk(*, usage: dict[str, int] | None = None, finish: str | None = None, **delta: str) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    frame = {
        "id": "chatcmpl-CkX0benchbenchbenchbenchbench",
        "object": "chat.completion.chunk",
        "created": 1764300000,
        "model": "bench",
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
        "choices": [] if usage else [choice],
        "usage": usage,
        "obfuscation": "x8Zq2LmT",
    }
    return event(json.dumps(frame, separators=(",", ":"), ensure_ascii=False))


ROLE = chunk(role="assistant", content="")
TOKENS = tuple(chunk(content=word) for word in WORDS)
FINISH = (
    chunk(finish="stop")
    + chunk(usage={"prompt_tokens": 900, "completion_tokens": 90, "total_tokens": 990})
    + event("[DONE]")
    + END
)
ROUTER_ANSWER = HEAD + ROLE + chunk(content=ROUTED) + FINISH


class Answers:
    """What the process says, and what it has counted."""

    def __init__(self) -> None:
        self.tokens = 1
        self.interval = 0.0
        self.counts: dict[str, Counter[str]] = {"tokens": Counter(), "requests": Counter(), "connections": Counter()}


class Connection(asyncio.Protocol):
    """Requests one after another; a client that goes away ends its stream."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._received = b""
        self._is_new = True
        self._may_write = True
        self._timer: asyncio.Handle | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport  # uvloop's is none by its class
        self._loop = asyncio.get_running_loop()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if separator and len(body) >= int(length[1] if length else 0):
            self._received = b""
            if head.startswith(b"POST "):
                self._start(body)
            else:
                self._obey(head.split(b" ", 2)[1].decode())

    def _obey(self, target: str) -> None:
        parts = urlsplit(target)
        if parts.path == "/answer":
            given = parse_qs(parts.query)
            self._answers.tokens, self._answers.interval = int(given["tokens"][0]), float(given["interval"][0])
        content = json.dumps(self._answers.counts).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))

    def _start(self, body: bytes) -> None:
        found = MODEL.search(body)
        assert found is not None, body
        self._model = found[1].decode()
        counts = self._answers.counts
        counts["requests"][self._model] += 1
        counts["connections"][self._model] += self._is_new
        self._is_new = False
        if self._model == ROUTER:
            self._transport.write(ROUTER_ANSWER)
            return
        self._transport.write(HEAD + ROLE)
        # Turns that begin together must not have all their tokens at the same moments, nor the same words: a sanitizer
        # holds back the same of them. A part of the golden ratio spreads any number of streams evenly.
        number = counts["requests"][self._model]
        self._left = islice(cycle(TOKENS), number, number + self._answers.tokens)
        self._due = self._loop.time() - self._answers.interval * (GOLDEN * number % 1)
        self._timer = self._loop.call_soon(self._send)

    def _send(self) -> None:
        if not self._may_write:
            self._timer = self._loop.call_later(0.001, self._send)
            return
        token = next(self._left, None)
        if token is None:
            self._timer = None
            self._transport.write(FINISH)
            return
        self._transport.write(token)
        self._answers.counts["tokens"][self._model] += 1
        self._due += self._answers.interval
        late = not self._answers.interval or self._due <= self._loop.time()
        self._timer = self._loop.call_soon(self._send) if late else self._loop.call_at(self._due, self._send)


async def serve() -> None:
    answers = Answers()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(answers), "127.0.0.1", int(os.environ["PORT"]), backlog=1024, reuse_address=True
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
