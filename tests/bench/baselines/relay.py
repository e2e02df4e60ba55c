"""The least a relay costs with the usual parts: `httpx` reads the upstream's stream, bare `websockets` sends it."""

import json

import httpx
import uvloop

from tests.bench.baselines.upstream import texts
from tests.bench.baselines.websocket_relay import relay


async def main() -> None:
    every = httpx.Limits(max_connections=None, max_keepalive_connections=None)  # else 100 streams at once, 20 kept
    async with httpx.AsyncClient(timeout=60, limits=every) as client:
        await relay(lambda message: texts(client, message, model="relay"), json.dumps)


if __name__ == "__main__":
    uvloop.run(main())
