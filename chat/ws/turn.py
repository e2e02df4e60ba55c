"""One request on a WebSocket, from its admission (session, rate limit, validation) to its final frame."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

from channels.db import database_sync_to_async

from accounts import authentication
from accounts.authentication import Identity
from adiuva.api.errors import RateLimited, Unauthorized
from agents.events import ClientToolCall
from agents.llm.meter import Meter
from billing import entitlements
from billing.rate_limit import limiter
from chat import usage
from chat.orchestrator import orchestrate_stream
from chat.requests import SocketChatRequestSerializer, build_turn
from chat.turns import ChatTurn, PartialTurn, PlanMade, TurnDone, problem_of
from chat.ws import frames
from chat.ws.client_tools import ClientAnswers
from chat.ws.frames import BadFrame, ChatFrame

logger = logging.getLogger(__name__)

SendFrame = Callable[[dict[str, Any]], Awaitable[None]]


class SocketClosedError(Exception):
    """The client is gone, so nothing can be sent."""


class SocketTurn:
    """Call ``run`` once; ``cancel`` and ``answers.take`` may be called at any time meanwhile."""

    def __init__(
        self, frame: ChatFrame | BadFrame, *, identity: Identity, send: SendFrame, answers: ClientAnswers
    ) -> None:
        self.frame = frame
        self.answers = answers
        self._identity = identity
        self._send = send
        self._partial = PartialTurn()
        self._meter = Meter()
        self._scope: asyncio.Timeout | None = None

    def cancel(self) -> None:
        """Close the model call; ``run`` then ends with a done frame of the answer so far. No effect after the end."""
        if self._scope is not None:
            self._scope.reschedule(asyncio.get_running_loop().time())
            self._scope = None

    async def run(self) -> None:
        """Send every frame of the answer, the final one included.

        Raises ``Unauthorized`` when the session is over, and ``SocketClosedError``; any other failure becomes an error
        frame.
        """
        if isinstance(self.frame, BadFrame):
            await self._send(frames.error(self.frame.problem))
            return
        started = time.perf_counter()
        final = await self._final_frame(self.frame)
        await self._send(final)
        logger.info(
            "chat turn ended",
            extra={
                "outcome": "cancelled" if "cancelled" in final else final.get("error", {}).get("code", "done"),
                "seconds": round(time.perf_counter() - started, 2),
            },
        )

    async def _final_frame(self, frame: ChatFrame) -> dict[str, Any]:
        # A timeout without a deadline: a scope that `cancel` can end without cancelling the task itself.
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._scope = scope
                return frames.done(await self._run_turn(frame))
        except (Unauthorized, SocketClosedError):
            raise
        except Exception as error:  # noqa: BLE001 - the socket survives whatever goes wrong in one turn
            if scope.expired():
                return frames.done(self._partial.finish(self._meter.usage), cancelled=True)
            return frames.error(problem_of(error))
        finally:
            self._scope = None
            await usage.record_usage_in_thread(self._identity.user.id, self._meter)

    async def _run_turn(self, frame: ChatFrame) -> TurnDone:
        admission = database_sync_to_async(admit_turn, thread_sensitive=False)
        identity, turn = await admission(identity=self._identity, body=frame.body)
        tools = self.answers if turn.client_tools else None
        stream = orchestrate_stream(turn=turn, user=identity.user, client_tools=tools, meter=self._meter)
        async with aclosing(stream) as events:
            async for event in events:
                match event:
                    case TurnDone():
                        return event
                    case PlanMade():
                        pass  # the final frame carries it
                    case ClientToolCall(id=call_id):
                        self.answers.expect(call_id)
                        await self._send(frames.from_event(event))
                    case _:
                        await self._send(frames.from_event(event))
                # Only what has been sent is part of the answer so far.
                self._partial.add(event)
        raise AssertionError("a turn ends with TurnDone or an exception")


def admit_turn(*, identity: Identity, body: Mapping[str, Any]) -> tuple[Identity, ChatTurn]:
    """The identity as it is now (tier and revocation are read live) and the validated turn. Sync, one query.

    Raises ``InvalidToken``, ``RateLimited``, DRF's ``ValidationError``, ``PayloadTooLarge``, ``FeatureNotAvailable``.
    """
    identity = authentication.reload(identity)
    decision = limiter.hit(identity.user.id, entitlements.tier_of(identity.user))
    if decision.retry_after is not None:
        raise RateLimited(retry_after=decision.retry_after)
    return identity, build_turn(SocketChatRequestSerializer(data=body), user=identity.user)
