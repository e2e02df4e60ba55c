"""The side of the process whose socket shows a turn that another process has."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any
from uuid import UUID, uuid4

from adiuva.api.errors import InvalidToken, ResumeLost, UpstreamUnavailable, ValidationFailed
from adiuva.background import spawn
from chat.ws.frames import ToolResultFrame
from chat.ws.resume.mailbox import Letter, mailbox
from chat.ws.resume.outbox import Reader
from chat.ws.resume.owner import OWNER

ASK_SECONDS = 1.0
SILENT_SECONDS = 5.0
PAUSE_SECONDS = 0.5
PATIENCE_SECONDS = 10.0  # with a Redis that has gone, or with letters that were lost
TAKEN_SIZE = 16 * 1024  # characters; the owner sends up to four times as much ahead


class LettersLostError(Exception):
    """Some were not delivered, or nobody answers."""


class OwnerGoneError(LettersLostError):
    """Nobody is at the owner's address: its process has ended, or Redis has forgotten who listens."""


Incoming = asyncio.Queue[Letter | LettersLostError]


class RelayedTurn:
    """What the other process lets us see and do of its turn ``turn_id``."""

    def __init__(self, turn_id: str, *, user_id: UUID) -> None:
        self._turn_id = turn_id
        self._user_id = user_id
        self._outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def cancel(self, own_id: str | None) -> None:
        self._outgoing.put_nowait({"op": "cancel", "request_id": own_id})

    def take(self, answer: ToolResultFrame) -> None:
        self._outgoing.put_nowait({"op": "answer", "id": answer.id, "result": answer.result, "error": answer.error})

    async def frames(self, reader: Reader, *, after: int) -> AsyncGenerator[str, None]:
        """As ``ResumableTurn.frames``; raises ``UpstreamUnavailable``, too, when Redis is away."""
        try:
            await mailbox.hold()
        except OSError:
            raise UpstreamUnavailable("The answer cannot be looked for right now.", retry_after=1) from None
        try:
            address = await self._find()
            async with aclosing(self._patiently(address, reader, after)) as texts:
                async for text in texts:
                    yield text
        finally:
            await mailbox.let_go()

    async def _find(self) -> str:
        try:
            address = await mailbox.find(self._turn_id)
        except OSError:
            raise UpstreamUnavailable("The answer cannot be looked for right now.", retry_after=1) from None
        if address in {None, mailbox.address}:  # what is ours and was not found here is gone
            raise ResumeLost
        return str(address)

    async def _patiently(self, address: str, reader: Reader, after: int) -> AsyncGenerator[str, None]:
        """Begins again from the last frame that came where letters are lost."""
        patient_until: float | None = None
        while True:
            try:
                async with aclosing(self._letters(address, reader, after)) as texts:
                    async for text in texts:
                        after = max(after, json.loads(text)["seq"])
                        patient_until = None
                        yield text
            except LettersLostError as error:
                now = time.monotonic()
                patient_until = patient_until or now + PATIENCE_SECONDS
                if now > patient_until or (isinstance(error, OwnerGoneError) and not mailbox.is_troubled):
                    raise ResumeLost from None
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    async def _letters(self, address: str, reader: Reader, after: int) -> AsyncGenerator[str, None]:
        viewer = uuid4().hex
        incoming: Incoming = asyncio.Queue()
        mailbox.recipients[viewer] = incoming.put_nowait
        show = {"op": "show", "turn_id": self._turn_id, "user_id": str(self._user_id), "after": after}
        writing = spawn(self._write(address, viewer, incoming, {**show, "address": mailbox.address}))
        number = untaken = 0
        try:
            while True:
                letter = await _next(incoming)
                if "alive" in letter:
                    continue
                number += 1
                if letter["n"] != number:
                    raise LettersLostError
                if "outcome" in letter:
                    _conclude(letter["outcome"], reader)
                    return
                yield letter["frame"]
                untaken += len(letter["frame"])
                if untaken >= TAKEN_SIZE:
                    self._outgoing.put_nowait({"op": "taken", "size": untaken})
                    untaken = 0
        finally:
            del mailbox.recipients[viewer]
            writing.cancel()
            with suppress(OSError):
                await mailbox.send(address, {"to": OWNER, "viewer": viewer, "op": "leave"})

    async def _write(self, address: str, viewer: str, incoming: Incoming, first: Letter) -> None:
        """Sends what is going out, and asks whether the owner is there when there is nothing else to say."""
        letter = first
        while True:
            try:
                if not await mailbox.send(address, {"to": OWNER, "viewer": viewer, **letter}):
                    incoming.put_nowait(OwnerGoneError())
            except OSError:
                incoming.put_nowait(LettersLostError())
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    letter = await self._outgoing.get()
            except TimeoutError:
                letter = {"op": "ask"}


async def _next(incoming: Incoming) -> Letter:
    try:
        async with asyncio.timeout(SILENT_SECONDS):
            letter = await incoming.get()
    except TimeoutError:
        raise LettersLostError from None
    if isinstance(letter, LettersLostError):
        raise letter
    return letter


def _conclude(outcome: str, reader: Reader) -> None:
    match outcome:
        case "taken_over":
            reader.on_taken_over()
        case "lost":
            raise ResumeLost
        case "ahead":
            raise ValidationFailed({"after": ["No frame of this turn has had this number yet."]})
        case "session_over":
            raise InvalidToken
