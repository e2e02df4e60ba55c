"""A harder floor: `aiohttp` reads the upstream's stream, `orjson` parses and writes, bare `websockets` sends."""

import os
from collections.abc import AsyncIterator

import aiohttp
import orjson
import uvloop

from tests.bench.baselines.upstream import build_request
from tests.bench.baselines.websocket_relay import relay


async def texts(session: aiohttp.ClientSession, message: str) -> AsyncIterator[str]:
    url = os.environ["OPENAI_API_BASE"] + "/chat/completions"
    rest = b""
    async with session.post(url, json=build_request(message, model="lean_relay")) as answer:
        async for data in answer.content.iter_any():  # a line at a time costs a tenth more
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if not line.startswith(b"data: {"):
                    continue
                choices = orjson.loads(line[6:])["choices"]
                if choices and (text := choices[0]["delta"].get("content")):
                    yield text


async def main() -> None:
    every = aiohttp.TCPConnector(limit=0)  # else 100 streams at once
    async with aiohttp.ClientSession(connector=every, timeout=aiohttp.ClientTimeout(total=None)) as session:
        await relay(lambda message: texts(session, message), orjson.dumps)


if __name__ == "__main__":
    uvloop.run(main())
