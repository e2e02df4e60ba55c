"""`python -m tests.adiuva.server.small_service PORT FOLDER [SECONDS]`: two workers that start in a moment.

Their application says which of them answers, and under `/slow` one more line once FOLDER has a file `gate`. While
it has `held` workers do not end starting, while it has `broken` they fail to. SECONDS are what one may be silent for.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn

from adiuva.server import workers


def has(name: str) -> bool:
    """Workers are started with the arguments of their supervisor."""
    return (Path(sys.argv[2]) / name).exists()


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] == "lifespan":
        await receive()
        while has("held"):  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.02)
        await send({"type": f"lifespan.startup.{'failed' if has('broken') else 'complete'}"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{os.getpid()}\n".encode(), "more_body": True})
    if scope["path"] == "/slow":
        while not has("gate"):  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)
        await send({"type": "http.response.body", "body": b"end\n", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    if len(sys.argv) > 3:
        workers.HUNG_SECONDS = float(sys.argv[3])
    config = uvicorn.Config(
        "tests.adiuva.server.small_service:application",
        port=int(sys.argv[1]),
        workers=2,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
    )
    sys.exit(workers.serve(config))
