import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.chat.ws.sockets import Frame, Socket
from tests.fakes.llm_server import LoopbackLLM, Reply, stall
from tests.support.accounts import Account

SAID = "Let me look at that first, "
ASK = {"message": "Hello", "resume": True}


async def settled(condition: Callable[[], bool]) -> bool:
    """Waits for it."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing says so
            await asyncio.sleep(0.01)
    return True


class Lost:
    """A turn of which a socket got ``frames``, the first a ping, before it was lost."""

    def __init__(self, frames: list[Frame]) -> None:
        self.frames = frames
        self.turn_id: str = frames[-1]["turn_id"]
        self.after: int = frames[-1]["seq"]

    def resume(self, **fields: object) -> dict[str, object]:
        """The frame that asks for the rest."""
        return {"type": "resume", "turn_id": self.turn_id, "after": self.after, **fields}


Lose = Callable[..., Awaitable[Lost]]


@pytest.fixture
def lose(connect: Callable[..., Awaitable[Socket]], llm: LoopbackLLM) -> Lose:
    """``await lose(account)``: a turn whose socket went after ``count`` frames. The model stalls by default."""

    async def lost(account: Account, *replies: Reply, count: int = 2, **fields: object) -> Lost:
        llm.script(*(replies or (stall(SAID),)))
        socket = await connect(account)
        await socket.send(**ASK, **fields)
        frames = [await socket.frame() for _ in range(count)]
        await socket.leave()
        return Lost(frames)

    return lost
