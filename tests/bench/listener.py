"""A WebSocket client that counts frames and parses none: hundreds of it cost less than the server they measure."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Self

from tests.support.server import RunningServer

MESSAGE = json.dumps({"message": "Tell me about my tasks"}).encode()
TURN_SECONDS = 120.0
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA  # opcodes, RFC 6455 § 5.2
UPGRADE = (
    "GET /api/v1/chat/stream?token={token} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """``first_chunk``: seconds from the request."""

    first_chunk: float
    chunks: int


class Pulse:
    """The longest time, in seconds, in which none of several sockets received anything, since ``begin``."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.longest = 0.0
        self._last = time.perf_counter()

    def beat(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last)
        self._last = now


class Listener(asyncio.Protocol):
    """One socket on a chat server, which answers one ``turn`` after another. ``pulse`` may be several sockets'."""

    def __init__(self, pulse: Pulse) -> None:
        loop = asyncio.get_running_loop()
        self._pulse = pulse
        self._is_open: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        self._received = b""
        self._chunks = 0
        self._first = 0.0

    @classmethod
    async def open(cls, server: RunningServer, token: str, pulse: Pulse | None = None) -> Self:
        loop = asyncio.get_running_loop()
        _, listener = await loop.create_connection(lambda: cls(pulse or Pulse()), "127.0.0.1", server.port)
        listener._transport.write(UPGRADE.format(token=token).encode())
        await asyncio.wait_for(listener._is_open, TURN_SECONDS)
        return listener

    async def turn(self) -> Turn:
        """Raises ``RuntimeError`` where it ends with anything but a done frame."""
        self._chunks, self._first = 0, 0.0
        self._ended = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        # A mask of zeros leaves the text as it is.
        self._transport.write(bytes((0x80 | TEXT, 0x80 | len(MESSAGE))) + bytes(4) + MESSAGE)
        await asyncio.wait_for(self._ended, TURN_SECONDS)
        return Turn(self._first - started, self._chunks)

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport  # uvloop's is none by its class

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the connection is gone")

    def data_received(self, data: bytes) -> None:
        self._pulse.beat()
        self._received += data
        if not self._is_open.done():
            head, separator, rest = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            self._received = rest
            if not head.startswith(b"HTTP/1.1 101 "):
                self._fail(head.decode("latin-1"))
                return
            self._is_open.set_result(None)
        self._received = self._received[self._take_frames(self._received) :]

    def _take_frames(self, data: bytes) -> int:
        """How much of ``data`` was whole frames. A server does not mask."""
        at = 0
        while len(data) - at >= 2:
            size, start = data[at + 1], at + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                size, start = int.from_bytes(data[start : start + width], "big"), start + width
            if start + size > len(data):
                break
            self._take(data[at] & 0xF, data[start : start + size])
            at = start + size
        return at

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            if b'"chunk"' in payload[:20]:
                self._first = self._first or time.perf_counter()
                self._chunks += 1
            elif (frame := json.loads(payload)).get("done"):
                if frame["type"] != "done" or not self._chunks:
                    self._fail(f"the turn ended with {frame}")
                elif not self._ended.done():
                    self._ended.set_result(None)
        elif opcode == PING:
            self._transport.write(bytes((0x80 | PONG, 0x80 | len(payload))) + bytes(4) + payload)
        elif opcode == CLOSE:
            self._fail(f"the server closed the socket: {payload!r}")

    def _fail(self, reason: str) -> None:
        for waited in (self._is_open, self._ended):
            if not waited.done():
                waited.set_exception(RuntimeError(reason))
                waited.exception()  # nobody may be waiting
