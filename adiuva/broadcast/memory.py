"""The broadcast of a service that is one process."""

import asyncio

from adiuva.broadcast.port import Listener, Message


class MemoryBroadcast:
    def __init__(self) -> None:
        self._listeners: dict[str, tuple[asyncio.AbstractEventLoop, Listener]] = {}

    def publish(self, topic: str, message: Message) -> None:
        found = self._listeners.get(topic)
        if found is None:
            return
        loop, listener = found
        if not loop.is_closed():
            loop.call_soon_threadsafe(listener.on_message, message)

    async def subscribe(self, topic: str, listener: Listener) -> None:
        self._listeners[topic] = asyncio.get_running_loop(), listener

    async def unsubscribe(self, topic: str) -> None:
        self._listeners.pop(topic, None)
