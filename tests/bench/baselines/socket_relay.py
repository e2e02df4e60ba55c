"""Our own server, of which only the turn is another: it relays the upstream's stream as plainly as the baseline does.

What is left of ours is everything between the turn and the network: uvicorn with our options, Channels' routing, the
consumer with its queue and heartbeat, and the frames.
"""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adiuva.settings")
import django

django.setup()

import httpx  # noqa: E402 - the rest needs Django's settings

from adiuva.server import serve  # noqa: E402
from chat.ws import consumer  # noqa: E402
from chat.ws.frames import BadFrame  # noqa: E402
from chat.ws.turn import SocketTurn  # noqa: E402
from tests.bench.baselines.upstream import texts  # noqa: E402


class PlainTurn(SocketTurn):
    _client: httpx.AsyncClient | None = None

    async def run(self) -> None:
        assert not isinstance(self._frame, BadFrame)
        if PlainTurn._client is None:
            PlainTurn._client = httpx.AsyncClient(timeout=60)
        said = ""
        async for text in texts(PlainTurn._client, self._frame.body["message"], model="socket_relay"):
            said += text
            await self._outlet.send_chunk(text)
        last: dict[str, Any] = {"type": "done", "done": True, "response": said}
        await self._outlet.send(last)


if __name__ == "__main__":
    vars(consumer)["SocketTurn"] = PlainTurn
    serve.main()
