"""One request on a WebSocket, from its admission (session, rate limit, validation) to its final frame."""

import logging
import time
from collections.abc import Awaitable, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from channels.db import database_sync_to_async

from accounts import authentication
from accounts.authentication import Identity
from accounts.sockets.authentication import Send
from adiuva.api.errors import RateLimited, Unauthorized
from agents.events import ActionEmitted, ClientToolCall, TextDelta
from agents.llm.meter import Meter
from billing import entitlements
from billing.rate_limit import limiter
from chat import usage
from chat.budgets import open_meter
from chat.orchestrator import orchestrate_stream
from chat.requests import SocketChatRequestSerializer, build_turn
from chat.turns import ChatTurn, PartialTurn, PlanMade, TurnDone, problem_of
from chat.ws import frames
from chat.ws.cancelling import CancelScope
from chat.ws.client_tools import ClientAnswers
from chat.ws.frames import BadFrame, ChatFrame, ToolResultFrame

logger = logging.getLogger(__name__)


class SocketClosedError(Exception):
    """The client is gone, so nothing can be sent."""


class Outlet(Protocol):
    """Where the frames of one turn go. Both raise ``OSError`` when nothing can be sent any more."""

    def send(self, frame: dict[str, Any]) -> Awaitable[None]: ...

    def send_chunk(self, text: str) -> Awaitable[None]:
        """``send`` for the frame of a ``TextDelta``, which nearly every one is."""
        ...


class SocketOutlet:
    """The frames go out on one socket as they are; ``send`` is the server's."""

    __slots__ = ("_own_id", "_send", "_tail")

    def __init__(self, send: Send, own_id: str | None) -> None:
        self._send = send
        self._own_id = own_id
        self._tail = frames.chunk_tail(own_id)

    def send(self, frame: dict[str, Any]) -> Awaitable[None]:
        return self._send({"type": "websocket.send", "text": frames.encode(frame, self._own_id)})

    def send_chunk(self, text: str) -> Awaitable[None]:
        return self._send({"type": "websocket.send", "text": frames.chunk(text, self._tail)})


class SocketTurn:
    """Call ``run`` once; ``cancel`` and ``take`` may be called at any time meanwhile."""

    def __init__(
        self, frame: ChatFrame | BadFrame, *, identity: Identity, outlet: Outlet, answers: ClientAnswers
    ) -> None:
        self._frame = frame
        self._answers = answers
        self._identity = identity
        self._outlet = outlet
        self._partial = PartialTurn()
        self._meter = Meter()
        self._scope = CancelScope()

    def take(self, answer: ToolResultFrame) -> None:
        self._answers.take(answer)

    def cancel(self, own_id: str | None) -> None:
        """Close the model call; ``run`` then ends with a done frame of the answer so far. No effect after the end.

        ``own_id``: only if it is the request of that id.
        """
        if own_id in {None, self._frame.request_id}:
            self._scope.cancel()

    async def run(self) -> None:
        """Send every frame of the answer, the final one included.

        Raises ``Unauthorized`` when the session is over, and ``SocketClosedError``; any other failure becomes an error
        frame.
        """
        if isinstance(self._frame, BadFrame):
            await self._send(frames.error(self._frame.problem))
            return
        started = time.perf_counter()
        final = await self._final_frame(self._frame)
        await self._send(final)
        logger.info(
            "chat turn ended",
            extra={
                "outcome": "cancelled" if "cancelled" in final else final.get("error", {}).get("code", "done"),
                "seconds": round(time.perf_counter() - started, 2),
            },
        )

    async def _final_frame(self, frame: ChatFrame) -> dict[str, Any]:
        try:
            async with self._scope:
                return frames.done(await self._run_turn(frame))
        except (Unauthorized, SocketClosedError):
            raise
        except Exception as error:  # noqa: BLE001 - the socket survives whatever goes wrong in one turn
            sent = self._partial.finish(self._meter)
            if self._scope.was_cancelled:
                return frames.done(sent, cancelled=True)
            return frames.error(problem_of(error), sent=sent)
        finally:
            await usage.record_usage_in_thread(self._identity.user.id, self._meter)

    async def _run_turn(self, frame: ChatFrame) -> TurnDone:
        admission = database_sync_to_async(admit_turn, thread_sensitive=False)
        identity, turn = await admission(identity=self._identity, body=frame.body)
        self._meter = open_meter(identity.user, turn.provider)
        tools = self._answers if turn.client_tools else None
        stream = orchestrate_stream(turn=turn, user=identity.user, client_tools=tools, meter=self._meter)
        async with aclosing(stream) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        try:
                            await self._outlet.send_chunk(text)
                        except OSError as error:
                            raise SocketClosedError from error
                    case ActionEmitted():
                        await self._send(frames.from_event(event))
                    case ClientToolCall(id=call_id):
                        self._answers.expect(call_id)
                        await self._send(frames.from_event(event))
                    case PlanMade():
                        pass  # the final frame carries it
                    case TurnDone():
                        return event
                # Only what has been sent is part of the answer so far.
                self._partial.add(event)
        raise AssertionError("a turn ends with TurnDone or an exception")

    async def _send(self, frame: dict[str, Any]) -> None:
        try:
            await self._outlet.send(frame)
        except OSError as error:
            raise SocketClosedError from error


def admit_turn(*, identity: Identity, body: Mapping[str, Any]) -> tuple[Identity, ChatTurn]:
    """The identity as it is now (tier and revocation are read live) and the validated turn. Sync, one query.

    Raises ``InvalidToken``, ``RateLimited``, DRF's ``ValidationError``, ``PayloadTooLarge``, ``FeatureNotAvailable``.
    """
    identity = authentication.reload(identity)
    decision = limiter.hit(identity.user.id, entitlements.tier_of(identity.user))
    if decision.retry_after is not None:
        raise RateLimited(retry_after=decision.retry_after)
    return identity, build_turn(SocketChatRequestSerializer(data=body), user=identity.user)
