"""Background tasks on the event loop: kept alive until they end, their failures logged."""

import asyncio
import logging
from collections.abc import Coroutine

logger = logging.getLogger(__name__)

_running: set[asyncio.Task[None]] = set()  # asyncio itself keeps no strong reference


def spawn(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(work)
    _running.add(task)
    task.add_done_callback(_on_done)
    return task


def _on_done(task: asyncio.Task[None]) -> None:
    _running.discard(task)
    error = None if task.cancelled() else task.exception()
    if error is not None:
        logger.error("a background task failed", exc_info=error)
