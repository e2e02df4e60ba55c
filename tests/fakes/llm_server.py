"""A real HTTP server on loopback that speaks OpenAI chat completions, streamed or not, and misbehaves on request.

It runs an event loop in a thread of its own: synchronous and asynchronous tests, and other processes, may use it::

    with LoopbackLLM() as llm:
        llm.script(calls(call("create_task", title="Buy milk")), text("Done", "."))
        ...
        assert llm.requests[0]["model"] == "gpt-test"
"""

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

Body = dict[str, Any]
Fault = Literal["hang", "stall", "reset", "cut", "garbage"]


@dataclass(frozen=True)
class Call:
    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True)
class Reply:
    """One scripted answer. ``delay`` (seconds) comes before each token; ``usage`` is (input, output) tokens.

    Faults: ``hang`` sends nothing, ``stall`` stops after the tokens but keeps the connection, ``reset`` sends a TCP
    reset after the tokens, ``cut`` ends the body properly after them but without a finish, ``garbage`` sends no JSON.
    ``deltas`` are sent before the tokens as they stand: JSON of a choice's ``delta``.
    """

    tokens: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    fragments: int = 1
    delay: float = 0.0
    usage: tuple[int, int] | None = (7, 9)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    fault: Fault | None = None
    deltas: tuple[str, ...] = ()
    finish_reason: str = ""


Scripted = Reply | Callable[[Body], Reply]


def deltas(*bodies: Body | str, **options: Any) -> Reply:
    """Whatever a server may put into a ``delta``; a string is JSON already, for what ``json`` would not write."""
    return Reply(deltas=tuple(body if isinstance(body, str) else json.dumps(body) for body in bodies), **options)


def text(*tokens: str, **options: Any) -> Reply:
    return Reply(tokens=tokens, **options)


def call(name: str, /, *, id: str | None = None, raw: str | None = None, **arguments: Any) -> Call:  # noqa: A002 - OpenAI's word
    """``raw`` replaces the JSON of ``arguments``; an ``id`` of ``""`` is what some servers send."""
    return Call(name, json.dumps(arguments) if raw is None else raw, f"call_{name}" if id is None else id)


def calls(*made: Call, tokens: tuple[str, ...] = (), fragments: int = 1, **options: Any) -> Reply:
    """Parallel calls; each one's arguments arrive in ``fragments`` pieces."""
    return Reply(tokens=tokens, calls=made, fragments=fragments, **options)


def hang() -> Reply:
    return Reply(fault="hang")


def stall(*tokens: str) -> Reply:
    return Reply(tokens=tokens, fault="stall")


def reset(*tokens: str) -> Reply:
    return Reply(tokens=tokens, fault="reset")


def cut(*tokens: str) -> Reply:
    return Reply(tokens=tokens, fault="cut")


def garbage(*tokens: str) -> Reply:
    return Reply(tokens=tokens, fault="garbage")


def status(code: int, *, body: str | None = None, **headers: str) -> Reply:
    """An error response; header names are written with underscores (``retry_after="1"``)."""
    text_of_error = json.dumps({"error": {"message": "SECRET PROVIDER TEXT", "type": "x", "code": None}})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=code, headers=named, body=text_of_error if body is None else body)


class LoopbackLLM:
    """``requests`` are the parsed bodies in the order of arrival, ``headers`` (lower-case names) go with them.

    When the script has run out, ``default`` answers. A model in ``aside`` has that answer: its requests take nothing
    from the script, and are kept in ``asked_aside``. ``listing`` answers a GET (``/models``) by its headers, which are
    kept in ``asked_for_lists``; without one the connection breaks.
    """

    def __init__(self, default: Scripted | None = None) -> None:
        self.default: Scripted = default or text("Hello", " there", ".")
        self.requests: list[Body] = []
        self.aside: dict[str, Scripted] = {}
        self.asked_aside: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.asked_for_lists: list[dict[str, str]] = []
        self.listing: Callable[[Mapping[str, str]], Reply] | None = None
        self._script: deque[Scripted] = deque()
        self._open = 0
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loopback-llm", daemon=True)
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def open_connections(self) -> int:
        with self._changed:
            return self._open

    def script(self, *replies: Scripted) -> None:
        self._script.extend(replies)

    def forget(self) -> None:
        """Back to an empty script and no requests seen."""
        self._script.clear()
        self.requests.clear()
        self.asked_aside.clear()
        self.headers.clear()

    def wait_closed(self, timeout: float = 10.0) -> bool:
        """True as soon as no connection is open. Blocks: from a coroutine call it through ``asyncio.to_thread``."""
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, timeout)

    def wait_requests(self, count: int, timeout: float = 30.0) -> bool:
        """True as soon as ``count`` requests have arrived. Blocks, like ``wait_closed``."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= count, timeout)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _shut_down(self) -> None:
        assert self._server is not None
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count(1)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer_once(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._changed:
            self._open += change
            self._changed.notify_all()

    def _choose(self, body: Body, headers: dict[str, str]) -> Reply:
        aside = self.aside.get(body["model"])
        scripted = aside or (self._script.popleft() if self._script else self.default)
        reply = scripted(body) if callable(scripted) else scripted
        with self._changed:
            if aside is None:
                self.requests.append(body)
                self.headers.append(headers)
            else:
                self.asked_aside.append(body)
            self._changed.notify_all()
        return reply

    async def _answer_once(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        pairs = (line.split(":", 1) for line in head.split("\r\n")[1:] if ":" in line)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        if head.startswith("GET ") and self.listing is not None:
            body: Body = {}
            reply = self.listing(headers)
            with self._changed:
                self.asked_for_lists.append(headers)
        else:
            body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
            reply = self._choose(body, headers)
        # A client that goes away is noticed while the answer is being made, as a real server would.
        answering = asyncio.ensure_future(_answer(writer, body, reply))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
            gone.cancel()
            await asyncio.gather(answering, gone, return_exceptions=True)


async def _answer(writer: asyncio.StreamWriter, body: Body, reply: Reply) -> None:
    if reply.fault == "hang":
        await asyncio.Event().wait()
    if reply.fault == "reset" and not reply.tokens:
        writer.transport.abort()
        return
    if reply.status != 200 or reply.body:
        await _send_whole(writer, reply, reply.body)
    elif body.get("stream"):
        await _send_stream(writer, body, reply)
    else:
        await _send_whole(writer, reply, "<html>" if reply.fault == "garbage" else json.dumps(_completion(body, reply)))


async def _send_whole(writer: asyncio.StreamWriter, reply: Reply, content: str) -> None:
    data = content.encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(data)), **reply.headers}
    writer.write(_head(reply.status, headers) + data)
    await writer.drain()


async def _send_stream(writer: asyncio.StreamWriter, body: Body, reply: Reply) -> None:
    headers = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", **reply.headers}
    writer.write(_head(200, headers))
    for event in _events(body, reply):
        await asyncio.sleep(reply.delay)
        _write_chunk(writer, f"data: {event}\n\n")
        await writer.drain()
    if reply.fault == "stall":
        await asyncio.Event().wait()
    if reply.fault == "reset":
        # What was sent must arrive before the reset does.
        await asyncio.sleep(0.05)
        writer.transport.abort()
        return
    if reply.fault != "cut":
        _write_chunk(writer, "data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _events(body: Body, reply: Reply) -> Iterator[str]:
    """The JSON of each server-sent event, in OpenAI's shapes."""
    yield _chunk(body, {"role": "assistant", "content": ""})
    for delta in reply.deltas:
        yield _chunk(body, {"raw": 0}).replace('{"raw": 0}', delta)
    for token in reply.tokens:
        yield _chunk(body, {"content": token})
    if reply.fault == "garbage":
        yield "{this is no JSON"
    if reply.fault:
        return
    for index, made in enumerate(reply.calls):
        for number, piece in enumerate(_pieces(made.arguments, reply.fragments)):
            function = {"name": made.name, "arguments": piece} if number == 0 else {"arguments": piece}
            first = {"id": made.id, "type": "function"} if number == 0 else {}
            yield _chunk(body, {"tool_calls": [{"index": index, **first, "function": function}]})
    yield _chunk(body, {}, reply.finish_reason or ("tool_calls" if reply.calls else "stop"))
    if reply.usage and (body.get("stream_options") or {}).get("include_usage"):
        yield json.dumps({**_frame(body, "chat.completion.chunk"), "choices": [], "usage": _usage(reply)})


def _pieces(arguments: str, count: int) -> list[str]:
    size = max(1, -(-len(arguments) // count))
    return [arguments[start : start + size] for start in range(0, len(arguments), size)] or [""]


def _chunk(body: Body, delta: Body, finish_reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return json.dumps({**_frame(body, "chat.completion.chunk"), "choices": [choice]})


def _completion(body: Body, reply: Reply) -> Body:
    made = [
        {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
        for one in reply.calls
    ]
    message = {"role": "assistant", "content": "".join(reply.tokens) or None, **({"tool_calls": made} if made else {})}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if made else "stop"}
    return {
        **_frame(body, "chat.completion"),
        "choices": [choice],
        "usage": _usage(replace(reply, usage=reply.usage or (0, 0))),
    }


def _usage(reply: Reply) -> Body:
    asked, answered = reply.usage or (0, 0)
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _frame(body: Body, kind: str) -> Body:
    return {"id": "chatcmpl-loopback", "object": kind, "created": int(time.time()), "model": body.get("model", "")}


def _head(code: int, headers: Mapping[str, str]) -> bytes:
    # One connection a request: a test's event loop ends before a kept connection would.
    lines = [f"HTTP/1.1 {code} Scripted", *(f"{name}: {value}" for name, value in headers.items()), "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _write_chunk(writer: asyncio.StreamWriter, data: str) -> None:
    encoded = data.encode()
    writer.write(f"{len(encoded):x}\r\n".encode() + encoded + b"\r\n")
