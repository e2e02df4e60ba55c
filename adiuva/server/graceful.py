"""One serving process that ends well: no new connections from SIGTERM on, an end for what has begun."""

import asyncio
import select
import signal
import socket
import time
from types import FrameType

import uvicorn

from adiuva.server.drain import drain

GRACE_SECONDS = 30
LAST_CALL_SECONDS = 7  # of these: to say that an upload was cut short, with the linger after that (body_limits)
QUEUE_SECONDS = 0.5  # at most, where connections come faster than they are taken
# A connection that was taken last has its request in the kernel still; uvicorn closes one that has sent nothing.
LAST_REQUESTS_SECONDS = 0.1


class DrainingServer(uvicorn.Server):
    """uvicorn closes WebSockets the moment SIGTERM comes. This one first lets running chat turns end
    (``adiuva.server.drain``), for as long as ``GRACE_SECONDS`` in all, while no new connection is taken.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.started:
            # uvicorn would finish starting first: seconds in which the kernel takes connections for it.
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        deadline = time.monotonic() + GRACE_SECONDS
        await self._empty_queue()
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            # The loop's server has a descriptor of its own: while this one is open the kernel takes connections.
            listening.close()
        drain.begin()
        last_call = asyncio.get_running_loop().call_later(GRACE_SECONDS - LAST_CALL_SECONDS, drain.last_call)
        await asyncio.sleep(LAST_REQUESTS_SECONDS)
        await drain.wait(seconds=GRACE_SECONDS - LAST_REQUESTS_SECONDS)
        self.config.timeout_graceful_shutdown = max(1, round(deadline - time.monotonic()))
        await super().shutdown(sockets)
        last_call.cancel()

    async def _empty_queue(self) -> None:
        """The connections that the kernel has made already: it would reset them. The loop takes one a round."""
        listening = select.poll()
        for server in self.servers:
            for taken in server.sockets:
                listening.register(taken.fileno(), select.POLLIN)
        deadline = time.monotonic() + QUEUE_SECONDS
        while listening.poll(0) and time.monotonic() < deadline:  # noqa: ASYNC110 - what is awaited is the loop's round
            await asyncio.sleep(0)
