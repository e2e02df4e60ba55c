"""A load balancer without affinity: each connection goes to the next of several servers, whoever it comes from."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from typing import Self

from tests.support.server import RunningServer

PIECE_BYTES = 65_536


class TurnTakingProxy:
    """``taken`` names, connection by connection, who got it."""

    def __init__(self, servers: Sequence[RunningServer], port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.ws_url = f"ws://127.0.0.1:{port}"
        self.taken: list[RunningServer] = []
        self._turns = cycle(servers)

    @classmethod
    @asynccontextmanager
    async def before(cls, *servers: RunningServer) -> AsyncIterator[Self]:
        """In the event loop of the test."""
        connections: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(proxy._relay(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        listening = await asyncio.start_server(accept, "127.0.0.1", 0)
        proxy = cls(servers, listening.sockets[0].getsockname()[1])
        try:
            yield proxy
        finally:
            listening.close()
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = next(self._turns)
        self.taken.append(server)
        upstream, to_server = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(_pass_on(reader, to_server), _pass_on(upstream, writer))


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        with suppress(ConnectionError):
            while piece := await source.read(PIECE_BYTES):
                sink.write(piece)
                await sink.drain()
    finally:
        sink.close()
