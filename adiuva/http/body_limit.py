"""Caps on request bodies, enforced while the bytes arrive.

Django's ASGI handler spools a whole body to disk before any view runs, and nothing caps it before authentication.
This ASGI wrapper counts instead. It only *marks* a refusal (``BODY_PROBLEM`` in the scope) and hands Django an
empty body, so that the refusal goes through the view's own order (401, 429, 403/404, then the body) and the answer
has its CORS headers and request id like any other.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from adiuva.http.problems import NotAuthenticated, PayloadTooLarge, Problem
from adiuva.http.views import BODY_PROBLEM

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

KIB = 1024
DEFAULT_CAP = 256 * KIB
ANONYMOUS_CAP = 1024 * KIB  # a larger body needs a validly signed token before it is read
LINGER_BYTES, LINGER_SECONDS = 32 * 1024 * KIB, 5


@dataclass(frozen=True, slots=True)
class Cap:
    """``max_bytes`` for the routes that ``path`` matches whole."""

    path: re.Pattern[str]
    max_bytes: int


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
        allowance = self._allowance(scope["path"], headers)
        refusal = allowance.refusal(_content_length(headers))
        if refusal is not None:
            await self._refuse(scope, receive, send, refusal)
            return

        received = 0
        response_started = False

        async def counting_receive() -> Message:
            nonlocal received
            message = await receive()
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

    def _allowance(self, path: str, headers: dict[bytes, bytes]) -> "_Allowance":
        cap = next((cap.max_bytes for cap in self.caps if cap.path.fullmatch(path)), DEFAULT_CAP)
        return _Allowance(cap, signed=lambda: self._has_signed_token(headers))

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

        async def closing_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                # RFC 9110 § 15.5.14: the server may close the connection rather than read the rest.
                message["headers"] = [*message["headers"], (b"connection", b"close")]
                await send(message)
                answered.set()
            elif message.get("more_body"):
                await send(message)
            else:
                await send({**message, "more_body": True})
                await _linger(receive)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        bodiless = [
            (name, value) for name, value in scope["headers"] if name not in {b"content-length", b"transfer-encoding"}
        ]
        await self.app({**scope, "headers": bodiless, BODY_PROBLEM: problem}, empty_receive, closing_send)


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


def _content_length(headers: dict[bytes, bytes]) -> int:
    declared = headers.get(b"content-length", b"")
    return int(declared) if declared.isdigit() else 0
