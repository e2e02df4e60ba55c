"""Caps on request bodies, enforced while the bytes arrive.

Django's ASGI handler spools a whole body to disk before any view runs, and nothing caps it before authentication.
This ASGI wrapper counts instead. It only *marks* a refusal (``BODY_PROBLEM`` in the scope) and hands Django an
empty body, so that the refusal goes through the view's own order (401, 429, 403/404, then the body) and the answer
has its CORS headers and request id like any other.

A body that is to be streamed is not read here at all: the view reads it while it arrives (``streaming_body``), and a
cap that it runs into is raised there.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from adiuva.api.errors import NotAuthenticated, PayloadTooLarge, Problem, RequestTimeout
from adiuva.api.views import BODY_PROBLEM
from adiuva.server.slow_clients import TransferRate
from adiuva.server.streaming_body import STREAMING_BODY

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

KIB, MIB = 1024, 1024 * 1024
DEFAULT_CAP = 256 * KIB
ANONYMOUS_CAP = 1024 * KIB  # a larger body needs a validly signed token before it is read
STREAM_FROM_BYTES = 64 * KIB  # a smaller body is here as soon as its head is: cheaper to hold than to hand over
LINGER_BYTES, LINGER_SECONDS = 128 * 1024 * KIB, 5  # a client that writes a whole record first sees the refusal


@dataclass(frozen=True, slots=True)
class Cap:
    """``max_bytes`` for the routes that ``path`` matches whole; ``streams``: their views read while it arrives."""

    path: re.Pattern[str]
    max_bytes: int
    streams: bool = False


class _BodyRefusedError(Exception):
    """Unwinds Django's reading of the body; never leaves this module."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


class _Allowance:
    """What one request may send. The token is looked at once, and only for a body that needs one."""

    def __init__(self, cap: int, *, signed: Callable[[], bool]) -> None:
        self.cap = cap
        self._signed = signed
        self._is_signed: bool | None = None

    def refusal(self, size: int) -> Problem | None:
        if size > self.cap:
            return PayloadTooLarge(max_bytes=self.cap)
        if size > ANONYMOUS_CAP:
            if self._is_signed is None:
                self._is_signed = self._signed()
            if not self._is_signed:
                return NotAuthenticated()
        return None


class BodyLimit:
    """The wrapper.

    ``caps``: the routes that take more (or less) than ``DEFAULT_CAP``; ``token_is_signed``: checks no more than the
    signature and expiry of a bearer token, without the database.
    """

    def __init__(self, app: App, *, caps: Sequence[Cap], token_is_signed: Callable[[str], bool]) -> None:
        self.app = app
        self.caps = tuple(caps)
        self.token_is_signed = token_is_signed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        cap = next((cap for cap in self.caps if cap.path.fullmatch(scope["path"])), None)
        allowance = _Allowance(cap.max_bytes if cap else DEFAULT_CAP, signed=lambda: self._has_signed_token(headers))
        declared = _content_length(headers)
        refusal = allowance.refusal(declared or 0)
        if refusal is not None:
            await self._refuse(scope, receive, send, refusal)
        elif cap is not None and cap.streams and _has_large_body(declared, headers):
            await self._stream(scope, receive, send, allowance=allowance, declared=declared)
        else:
            await self._buffer_body(scope, receive, send, allowance=allowance)

    async def _buffer_body(self, scope: Scope, receive: Receive, send: Send, *, allowance: _Allowance) -> None:
        received = 0
        is_whole = False
        response_started = False
        rate = TransferRate()

        async def counting_receive() -> Message:
            nonlocal received, is_whole
            if is_whole:
                return await receive()  # nothing but a disconnect, which may take its time
            try:
                message = await rate.receive(receive)
            except RequestTimeout as timeout:
                raise _BodyRefusedError(timeout) from None
            is_whole = not message.get("more_body")
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                refusal = allowance.refusal(received)
                if refusal is not None and not response_started:
                    raise _BodyRefusedError(refusal)
            return message

        async def noting_send(message: Message) -> None:
            nonlocal response_started
            response_started = True
            await send(message)

        try:
            await self.app(scope, counting_receive, noting_send)
        except _BodyRefusedError as refused:
            await self._refuse(scope, receive, send, refused.problem)

    async def _stream(
        self, scope: Scope, receive: Receive, send: Send, *, allowance: _Allowance, declared: int | None
    ) -> None:
        received = 0
        is_whole = False

        async def counting_receive() -> Message:
            nonlocal received, is_whole
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                is_whole = not message.get("more_body", False)
                refusal = allowance.refusal(received)
                if refusal is not None:
                    raise refusal
            return message

        closing = _Closing(send)
        closes = False

        async def send_then_close(message: Message) -> None:
            """A view that answers without its whole body has no use for the rest."""
            nonlocal closes
            if message["type"] == "http.response.start":
                closes = not is_whole
            await (closing if closes else send)(message)

        await self.app({**scope, STREAMING_BODY: declared}, counting_receive, send_then_close)
        await closing.finish(receive)

    def _has_signed_token(self, headers: dict[bytes, bytes]) -> bool:
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return scheme.lower() == "bearer" and self.token_is_signed(token.strip())

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
        body_told = False
        answered = asyncio.Event()

        async def empty_receive() -> Message:
            nonlocal body_told
            if not body_told:
                body_told = True
                return {"type": "http.request", "body": b"", "more_body": False}
            # Reading would tell a client that waits (Expect: 100-continue) to send what is refused.
            await answered.wait()
            while (message := await receive())["type"] != "http.disconnect":
                pass  # what still arrives is dropped, not kept
            return message

        bodiless = [
            (name, value) for name, value in scope["headers"] if name not in {b"content-length", b"transfer-encoding"}
        ]
        closing = _Closing(send, answered=answered)
        await self.app({**scope, "headers": bodiless, BODY_PROBLEM: problem}, empty_receive, closing)
        await closing.finish(receive)


class _Closing:
    """A ``send`` after which the connection closes, for an answer to a body that was not read.

    The answer's very end is held back for ``finish``, which lingers when the application is done: while a client still
    sends, no thread and no database connection waits for it. ``answered`` is set once the answer has begun.
    """

    def __init__(self, send: Send, *, answered: asyncio.Event | None = None) -> None:
        self._send = send
        self._answered = answered
        self._is_unfinished = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            # RFC 9110 § 15.5.14: the server may close the connection rather than read the rest.
            await self._send({**message, "headers": [*message["headers"], (b"connection", b"close")]})
            if self._answered is not None:
                self._answered.set()
        else:
            self._is_unfinished = not message.get("more_body")
            await self._send({**message, "more_body": True})

    async def finish(self, receive: Receive) -> None:
        if self._is_unfinished:
            await _linger(receive)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _linger(receive: Receive) -> None:
    """Drops what is still coming, for a while, before the connection closes.

    Closing a socket with unread bytes resets it, and a client that writes its whole body first would see the reset
    and not the answer (nginx's ``lingering_close`` is there for the same reason).
    """
    left = LINGER_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return


def _content_length(headers: dict[bytes, bytes]) -> int | None:
    declared = headers.get(b"content-length", b"")
    return int(declared) if declared.isdigit() else None


def _has_large_body(declared: int | None, headers: dict[bytes, bytes]) -> bool:
    return declared >= STREAM_FROM_BYTES if declared is not None else b"transfer-encoding" in headers
