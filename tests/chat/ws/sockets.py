"""How tests hold a conversation with ``ChatStream`` in their own process."""

from typing import Any

from chat.ws.consumer import ChatStream
from tests.support import contract
from tests.support.sockets import Frame, WireSocket, in_database

__all__ = ["PATH", "Frame", "Socket", "in_database"]

PATH = "/api/v1/chat/stream"


class Socket(WireSocket):
    """``options`` go to ``ChatStream``: shorter times than the contract's."""

    def __init__(self, *, query: str = "", headers: dict[str, str] | None = None, **options: Any) -> None:
        super().__init__(ChatStream, PATH, query=query, headers=headers, **options)

    def check(self, frame: Frame) -> None:
        contract.check_frame(frame)

    async def answer(self) -> list[Frame]:
        """The frames up to the last one of a turn; of the pings, only that of the turn itself."""
        frames: list[Frame] = []
        while not frames or not frames[-1].get("done"):
            frame = await self.frame()
            if frame["type"] != "ping" or "seq" in frame:
                frames.append(frame)
        return frames

    async def ask(self, message: str = "Hello", **fields: Any) -> list[Frame]:
        await self.send(message=message, **fields)
        return await self.answer()
