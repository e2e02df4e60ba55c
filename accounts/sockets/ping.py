"""The pings of one socket (docs/api.md § 5).

They go by timers: a task per idle socket would cost more memory than the rest of it.
"""

import asyncio
from collections.abc import Callable, Coroutine

from adiuva.background import spawn

PING = '{"type":"ping"}'
PING_SECONDS = 30.0


class Heartbeat:
    """Calls ``ping`` every ``seconds``, also while a turn runs.

    A ping that could not leave until the next one is due means that the client has not read for that long:
    ``on_stall`` is called, once.
    """

    __slots__ = ("_on_stall", "_ping", "_seconds", "_sending", "_timer")

    def __init__(
        self, *, seconds: float, ping: Callable[[], Coroutine[None, None, None]], on_stall: Callable[[], None]
    ) -> None:
        self._seconds = seconds
        self._ping = ping
        self._on_stall = on_stall
        self._sending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._beat)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()

    def _beat(self) -> None:
        if self._sending is not None:
            self._on_stall()
            return
        self._sending = spawn(self._ping())
        self._sending.add_done_callback(self._on_sent)
        self.start()

    def _on_sent(self, task: asyncio.Task[None]) -> None:
        self._sending = None
