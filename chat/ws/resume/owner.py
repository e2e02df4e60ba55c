"""The side of the process that has a turn: it answers the letters of those whose sockets show it."""

import asyncio
from contextlib import aclosing
from typing import Any
from uuid import UUID

from adiuva.api.errors import ResumeLost, Unauthorized, ValidationFailed
from adiuva.background import spawn
from chat.ws.frames import ToolResultFrame
from chat.ws.resume.mailbox import Letter, mailbox
from chat.ws.resume.outbox import AHEAD_BYTES
from chat.ws.resume.turn import ResumableTurn
from chat.ws.resume.turns import turns

OWNER = "owner"
LEASE_SECONDS = 10.0  # a viewer writes every second


class RemoteReader:
    """Reads a turn for the socket of another process, whose name is ``viewer`` and whose letters keep it alive.

    Its letters are numbered: ``{"to", "n", "frame"}``, at last ``{"to", "n", "outcome"}``.
    """

    def __init__(self, *, viewer: str, address: str) -> None:
        self._viewer = viewer
        self._address = address
        self._number = 0
        self._untaken = 0
        self._taken = asyncio.Event()
        self._is_taken_over = False
        self._turn: ResumableTurn | None = None
        self._lease: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, *, turn_id: str, user_id: UUID, after: int) -> None:
        self._task = spawn(self._run(turn_id, user_id, after))
        self._renew()

    def on_taken_over(self) -> None:
        self._is_taken_over = True
        self._untaken = 0
        self._taken.set()

    def on_letter(self, letter: Letter) -> None:
        self._renew()
        match letter["op"]:
            case "ask":
                spawn(self._say_alive())
            case "taken":
                self._untaken -= letter["size"]
                self._taken.set()
            case "leave":
                self._leave()
            case "cancel" if self._turn is not None and not self._is_taken_over:
                self._turn.cancel(letter["request_id"])
            case "answer" if self._turn is not None and not self._is_taken_over:
                self._turn.take(ToolResultFrame(letter["id"], letter["result"], letter["error"]))

    async def _run(self, turn_id: str, user_id: UUID, after: int) -> None:
        try:
            await mailbox.hold()  # longer than the turn does, if need be
            try:
                await self._send({"outcome": await self._relay(turn_id, user_id, after)})
            finally:
                await mailbox.let_go()
        except OSError:
            pass  # the viewer is gone, or Redis is: the turn waits for another
        finally:
            self._end()

    async def _relay(self, turn_id: str, user_id: UUID, after: int) -> str:
        """Send the frames; returns how it ended. Raises ``OSError``."""
        try:
            self._turn = turns.find(turn_id, user_id=user_id)
            if self._turn is None:
                return "lost"
            async with aclosing(self._turn.frames(self, after=after)) as texts:
                async for text in texts:
                    self._untaken += len(text)
                    await self._send({"frame": text})
                    while self._untaken > AHEAD_BYTES:
                        self._taken.clear()
                        await self._taken.wait()
        except ResumeLost:
            return "lost"
        except ValidationFailed:
            return "ahead"
        except Unauthorized:
            return "session_over"
        return "taken_over" if self._is_taken_over else "ended"

    async def _send(self, content: dict[str, Any]) -> None:
        self._number += 1
        if not await mailbox.send(self._address, {"to": self._viewer, "n": self._number, **content}):
            raise ConnectionError("the viewer's process is gone")

    async def _say_alive(self) -> None:
        try:
            await mailbox.send(self._address, {"to": self._viewer, "alive": True})
        except OSError:
            self._leave()

    def _renew(self) -> None:
        if self._lease is not None:
            self._lease.cancel()
        self._lease = asyncio.get_running_loop().call_later(LEASE_SECONDS, self._leave)

    def _leave(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _end(self) -> None:
        _readers.pop(self._viewer, None)
        if self._lease is not None:
            self._lease.cancel()


_readers: dict[str, RemoteReader] = {}


def _on_letter(letter: Letter) -> None:
    if letter["op"] == "show":
        reader = _readers[letter["viewer"]] = RemoteReader(viewer=letter["viewer"], address=letter["address"])
        reader.start(turn_id=letter["turn_id"], user_id=UUID(letter["user_id"]), after=letter["after"])
    elif letter["viewer"] in _readers:
        _readers[letter["viewer"]].on_letter(letter)


mailbox.recipients[OWNER] = _on_letter
