"""Work begun before it is known to be wanted (``LLM_SPECULATE``): an agent starts while the router still thinks.

With 300 ms for each of the two calls the first token came after 361 ms instead of 669. A wrong guess costs the input of
a cancelled call, so it is off by default.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Self

from agents.events import AgentEvent


class Speculation:
    """``events`` up to the first one, which waits: nothing of it is seen or done unless ``take`` is called.

    An asynchronous context manager, which closes ``events``.
    """

    def __init__(self, events: AsyncGenerator[AgentEvent, None]) -> None:
        self._events = events
        self._first = asyncio.ensure_future(anext(events, None))

    async def take(self) -> AsyncGenerator[AgentEvent, None]:
        """All of the events; raises what they raise."""
        async with aclosing(self._events):
            event = await self._first
            while event is not None:
                yield event
                event = await anext(self._events, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._first.cancel()
        await asyncio.wait([self._first])
        if not self._first.cancelled():
            self._first.exception()  # of a guess that was not taken; asyncio would log it
        await self._events.aclose()
