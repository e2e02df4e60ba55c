"""What a socket shows of a resumable turn: a new one, or one that runs in this process or another."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol, TypeGuard
from uuid import UUID

from django.conf import settings

from accounts.authentication import Identity
from adiuva.api.errors import Problem, ResumeLost, Unauthorized
from chat.ws import frames
from chat.ws.frames import ChatFrame, ResumeFrame, ToolResultFrame, WaitingFrame
from chat.ws.resume.mailbox import mailbox
from chat.ws.resume.outbox import Reader
from chat.ws.resume.turn import ResumableTurn
from chat.ws.resume.turns import turns
from chat.ws.resume.viewer import RelayedTurn


class RunningTurn(Protocol):
    """``ResumableTurn``, or what stands for one of another process."""

    def cancel(self, own_id: str | None) -> None: ...

    def take(self, answer: ToolResultFrame) -> None: ...

    def frames(self, reader: Reader, *, after: int) -> AsyncGenerator[str, None]: ...


def asks_to_be_resumable(frame: WaitingFrame) -> TypeGuard[ChatFrame]:
    """Another ``resume`` than true or false is for the validation to refuse."""
    return isinstance(frame, ChatFrame) and frame.body.get("resume") is True


class ResumableAnswer:
    """The answer to ``frame``. ``cancel`` and ``take`` reach the turn wherever it runs, once ``frames`` has begun."""

    def __init__(self, frame: ChatFrame | ResumeFrame, *, identity: Identity, answer_seconds: float) -> None:
        self._frame = frame
        self._identity = identity
        self._answer_seconds = answer_seconds
        self._turn: RunningTurn | None = None

    def cancel(self, own_id: str | None) -> None:
        if self._turn is not None:
            self._turn.cancel(own_id)

    def take(self, answer: ToolResultFrame) -> None:
        if self._turn is not None:
            self._turn.take(answer)

    async def frames(self, reader: Reader) -> AsyncGenerator[str, None]:
        """As text, up to the final one, for as long as ``reader`` has the turn. Raises ``Unauthorized``."""
        after = self._frame.after if isinstance(self._frame, ResumeFrame) else 0
        try:
            self._turn = await self._open()
            if isinstance(self._turn, ResumableTurn):
                # Before the client knows it, and may ask another process for it.
                await mailbox.wait_for_claim(self._turn.id)
            async with aclosing(self._turn.frames(reader, after=after)) as texts:
                async for text in texts:
                    yield text
        except Unauthorized:
            raise
        except Problem as problem:
            yield self._refusal(problem)

    async def _open(self) -> RunningTurn:
        """Raises ``ResumeLost``; a turn of another process does so when its frames are asked for."""
        if isinstance(self._frame, ChatFrame):
            return await turns.start(self._frame, identity=self._identity, answer_seconds=self._answer_seconds)
        turn_id, user_id = self._frame.turn_id, self._identity.user.id
        turn = turns.find(turn_id, user_id=user_id)
        if turn is not None:
            return turn
        if not settings.REDIS_URL or not _is_uuid(turn_id):
            raise ResumeLost
        return RelayedTurn(turn_id, user_id=user_id)

    def _refusal(self, problem: Problem) -> str:
        body = frames.error(problem)
        if isinstance(self._frame, ResumeFrame) and _is_uuid(self._frame.turn_id):
            body["turn_id"] = self._frame.turn_id
        return frames.encode(body, self._frame.request_id)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
