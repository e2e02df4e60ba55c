"""Client tools: the client's answers to read tools, as the agents await them (``agents.run_context.ClientTools``)."""

import asyncio
from typing import Any

from agents.run_context import ClientToolFailed
from chat.ws.frames import ToolResultFrame

ANSWER_SECONDS = 30.0  # docs/api.md § 5


class ClientAnswers:
    """The answers of one turn. ``expect`` a call before its frame is sent, so that no answer can come too early.

    The time runs from then on, so reads that are asked together time out together.
    """

    def __init__(self, *, seconds: float = ANSWER_SECONDS) -> None:
        self._seconds = seconds
        self._expected: dict[str, tuple[asyncio.Future[ToolResultFrame], float]] = {}

    def expect(self, call_id: str) -> None:
        loop = asyncio.get_running_loop()
        self._expected[call_id] = (loop.create_future(), loop.time() + self._seconds)

    def is_open(self, call_id: str) -> bool:
        """Whether an answer to this call is still waited for."""
        future, _ = self._expected.get(call_id, (None, 0.0))
        return future is not None and not future.done()

    def take(self, answer: ToolResultFrame) -> None:
        """An answer that belongs to no open call is ignored: it is late, or a repetition."""
        future, _ = self._expected.get(answer.id, (None, 0.0))
        if future is not None and not future.done():
            future.set_result(answer)

    async def result(self, call_id: str) -> Any:
        """Raises ``ClientToolFailed`` for an error of the client and when the time is over."""
        future, deadline = self._expected[call_id]
        try:
            async with asyncio.timeout_at(deadline):
                answer = await future
        except TimeoutError:
            raise ClientToolFailed(f"The client did not answer within {self._seconds:g} seconds.") from None
        finally:
            del self._expected[call_id]
        if answer.error is not None:
            raise ClientToolFailed(answer.error)
        return answer.result
