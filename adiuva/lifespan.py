"""What happens when a serving process starts and stops (the ASGI lifespan protocol)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.db import connections

import agents.llm.factory
import chat.sanitizer.protected_texts
from accounts import erasure
from adiuva.jobs import get_queue
from adiuva.observability import process

logger = logging.getLogger(__name__)

JOBS_END_SECONDS = 3.0  # what is cut off is found again: the truth is in rows


class Lifespan:
    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        background: set[asyncio.Task[None]] = set()
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                _log_what_runs()
                jobs = [chat.sanitizer.protected_texts.preload, get_queue().start]
                if settings.LLM_PRELOAD:
                    jobs.insert(0, agents.llm.factory.preload)
                if erasure.needs_server():
                    jobs.append(_resume_erasures)
                for job in jobs:
                    task = asyncio.create_task(_in_background(job))
                    background.add(task)
                    task.add_done_callback(background.discard)
                if settings.METRICS_TOKEN:
                    background.add(asyncio.create_task(process.sample()))
                await send({"type": "lifespan.startup.complete"})
            else:
                for task in background:
                    task.cancel()
                await agents.llm.factory.close()
                await asyncio.to_thread(get_queue().stop, seconds=JOBS_END_SECONDS)
                await asyncio.to_thread(_close_pools)
                await send({"type": "lifespan.shutdown.complete"})
                return


def _log_what_runs() -> None:
    if settings.LLM_MODEL == settings.OFFLINE_MODEL:
        logger.info("no provider key: the built-in offline model answers (development only)")
    elif not settings.LLM_MODEL:
        logger.warning("no model is configured (OPENAI_API_KEY or LLM_MODEL): chat answers 503")
    logger.info("serving", extra={"url": settings.PUBLIC_URL, "env": settings.ENV, "version": settings.VERSION})


async def _in_background(job: Callable[[], None]) -> None:
    """Runs ``job`` beside the first requests; the server is up whether or not it succeeds."""
    try:
        await asyncio.to_thread(job)
    except Exception:
        logger.exception("a start-up job failed", extra={"job": job.__qualname__})


def _close_pools() -> None:
    """Threads that wait for a connection give up at once instead of holding the exit up (PostgreSQL only)."""
    for connection in connections.all():
        close_pool = getattr(connection, "close_pool", None)
        if close_pool is not None:
            close_pool()


def _resume_erasures() -> None:
    try:
        erasure.resume()
    finally:
        connections.close_all()
