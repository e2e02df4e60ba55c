"""The hints of one socket: coalesced, so that it hears at most four times a second, and bounded (docs/api.md § 7).

A hint says that there is something to ask for, never what. All may be lost, so none is waited for: what a client that
does not read would be told is one number and a few ids.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from channels.db import database_sync_to_async

from adiuva.background import spawn
from adiuva.broadcast.port import Message
from adiuva.observability.metrics import SYNC_HINTS, bound_label
from storage.sync.hello import Frame, Hello, hint_types, read_hello

logger = logging.getLogger(__name__)

HINT_SECONDS = 0.27  # not a quarter: five in a row would fit into one second
MOST_WAITING = 32  # besides the number of the feed; the rest is dropped


class Hints:
    """A listener of ``accounts.sockets.connections``. Nothing goes out before ``start``, and nothing after ``stop``.

    The first hint after a silence goes at once; those that follow within ``seconds`` of it go together, after them.
    ``send`` waits for the client and raises ``OSError`` where it is gone.
    """

    __slots__ = ("_frames", "_seconds", "_send", "_sending", "_seq", "_timer", "_told", "_user_id")

    def __init__(self, *, user_id: UUID, send: Callable[[str], Awaitable[None]], seconds: float) -> None:
        self._user_id = user_id
        self._send = send
        self._seconds = seconds
        self._seq = 0
        self._told: int | None = None  # None: the client has not been greeted, or has been left
        self._frames: list[Frame] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None

    def start(self, *, seq: int) -> None:
        """The client knows of the feed up to ``seq``."""
        self._told = seq
        self._offer()

    def stop(self) -> None:
        self._told = None
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()

    def on_message(self, message: Message) -> None:
        if "seq" in message:
            self._seq = max(self._seq, message["seq"])
        elif "hint" in message:
            self._add(message["hint"])
        self._offer()

    def on_gap(self) -> None:
        catching_up.ask(self._user_id, self)

    def catch_up(self, hello: Hello) -> None:
        """As if all that ``hello`` tells had just happened."""
        self._seq = max(self._seq, hello.seq)
        for frame in hello.hints():
            self._add(frame)
        self._offer()

    def _add(self, frame: Frame) -> None:
        if frame not in self._frames and len(self._frames) < MOST_WAITING:
            self._frames.append(frame)

    def _offer(self) -> None:
        if self._told is None or self._timer is not None or self._sending is not None:
            return
        if self._seq > self._told or self._frames:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._on_time)
            self._sending = spawn(self._send_all())
            self._sending.add_done_callback(self._on_sent)

    def _on_time(self) -> None:
        self._timer = None
        self._offer()

    def _on_sent(self, _task: asyncio.Task[None]) -> None:
        self._sending = None
        self._offer()

    async def _send_all(self) -> None:
        frames, self._frames = self._frames, []
        if self._told is not None and self._seq > self._told:
            self._told = self._seq
            frames = [{"type": "changes", "seq": self._seq}, *frames]
        with suppress(OSError):  # the socket's own task hears from the server that its client is gone
            for frame in frames:
                await self._send(json.dumps(frame, separators=(",", ":")))
                SYNC_HINTS.labels(bound_label(frame["type"], {"changes", *hint_types()})).inc()


class CatchingUp:
    """Where messages may have been lost: what the sockets of each user should know is read again, one user after
    another, since after an outage it is all of them.
    """

    def __init__(self) -> None:
        self._waiting: dict[UUID, set[Hints]] = {}
        self._task: asyncio.Task[None] | None = None

    def ask(self, user_id: UUID, hints: Hints) -> None:
        self._waiting.setdefault(user_id, set()).add(hints)
        if self._task is None:
            self._task = spawn(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                user_id, sockets = self._waiting.popitem()
                hello = await database_sync_to_async(read_hello, thread_sensitive=False)(user_id)
                for hints in sockets:
                    hints.catch_up(hello)
        except Exception:
            # Clients ask the feed by themselves every five minutes.
            logger.warning("open sockets could not be told what they missed", exc_info=True)
            self._waiting.clear()
        finally:
            self._task = None


catching_up = CatchingUp()
