"""The resumable turns of this process: those that run and those that are kept for a socket to come back."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from django.conf import settings

from accounts.authentication import Identity
from accounts.sockets.connections import connections
from adiuva.api.errors import ResumeLost
from adiuva.background import spawn
from adiuva.server.drain import drain
from chat.ws.frames import ChatFrame
from chat.ws.resume.mailbox import mailbox
from chat.ws.resume.turn import KEPT_SECONDS, ResumableTurn

MAX_KEPT_PER_USER = 4  # that nobody reads; one more lets the oldest go. Those that run count as running turns, too.
MAX_KEPT_BYTES = 64 * 1024 * 1024  # of ended turns in this process


class ResumableTurns:
    """To be used on the event loop. The drain callback exists only while there is a turn."""

    def __init__(self) -> None:
        self.kept_seconds = KEPT_SECONDS
        self._turns: dict[str, ResumableTurn] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._unregister_last_call: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._turns)

    async def start(self, frame: ChatFrame, *, identity: Identity, answer_seconds: float) -> ResumableTurn:
        turn = ResumableTurn(
            frame,
            identity=identity,
            answer_seconds=answer_seconds,
            kept_seconds=self.kept_seconds,
            on_kept=self._limit,
            on_freed=self._forget,
        )
        if not self._turns:
            self._unregister_last_call = drain.on_last_call(self._free_all)
        self._turns[turn.id] = turn
        try:
            await connections.add(turn)
        except BaseException:
            turn.free()
            raise
        turn.start()
        if settings.REDIS_URL:
            mailbox.claim(turn.id)
        return turn

    def find(self, turn_id: str, *, user_id: UUID) -> ResumableTurn | None:
        """Raises ``ResumeLost`` for a turn of another user."""
        turn = self._turns.get(turn_id)
        if turn is not None and turn.user_id != user_id:
            raise ResumeLost
        return turn

    async def close(self) -> None:
        """Ends them all, and waits until nothing is left of them."""
        self._free_all()
        while self._endings:
            await asyncio.wait(self._endings)

    def _free_all(self) -> None:
        for turn in tuple(self._turns.values()):
            turn.free()

    def _limit(self, kept: ResumableTurn) -> None:
        """Lets the oldest go: of one user's, and of all that have ended."""
        of_user = [turn for turn in self._turns.values() if turn.user_id == kept.user_id and not turn.is_read]
        ended = [turn for turn in self._turns.values() if turn.outbox.ended]
        too_many = len(of_user) - MAX_KEPT_PER_USER
        for turn in of_user[: max(0, too_many)]:
            turn.free()
        size = sum(turn.outbox.kept_bytes for turn in ended)
        for turn in ended:
            if size <= MAX_KEPT_BYTES:
                break
            size -= turn.outbox.kept_bytes
            turn.free()

    def _forget(self, turn: ResumableTurn) -> None:
        del self._turns[turn.id]
        if not self._turns:
            self._unregister_last_call()
        ending = spawn(self._clean_up(turn))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _clean_up(self, turn: ResumableTurn) -> None:
        await turn.wait()
        await connections.remove(turn)
        if settings.REDIS_URL:
            await mailbox.release(turn.id)


turns = ResumableTurns()
