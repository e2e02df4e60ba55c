"""What happens when a serving process starts and stops (the ASGI lifespan protocol)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import connections

import agents.llm.factory
import chat.sanitizer.protected_texts
import storage.vectors.factory
from accounts import erasure
from adiuva.api.errors import Problem
from adiuva.jobs import get_queue
from adiuva.observability import process
from adiuva.server import collector
from agents.llm.providers import missing_variables
from agents.ops import describe_missing_keys

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
                for job in (_load, get_queue().start, *([_resume_erasures] if erasure.needs_server() else [])):
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
                await asyncio.to_thread(storage.vectors.factory.close_vector_store)
                await asyncio.to_thread(_close_pools)
                await send({"type": "lifespan.shutdown.complete"})
                return


def _log_what_runs() -> None:
    if settings.LLM_MODEL == settings.OFFLINE_MODEL:
        asked = settings.LLM_MODEL_WITHOUT_KEY
        why = f"{asked} needs {missing_variables(asked)}" if asked else settings.LLM_MODEL_MISSING or "no provider key"
        logger.info("%s: the built-in offline model answers (development only)", why)
    elif not settings.LLM_MODEL:
        logger.warning("no model is configured (LLM_MODEL and its provider's key): chat answers 503")
    for sentence in describe_missing_keys():
        logger.warning(sentence)
    logger.info("serving", extra={"url": settings.PUBLIC_URL, "env": settings.ENV, "version": settings.VERSION})


async def _in_background(job: Callable[[], None]) -> None:
    """Runs ``job`` beside the first requests."""
    await asyncio.to_thread(_try, job)


def _close_pools() -> None:
    """Threads that wait for a connection give up at once instead of holding the exit up (PostgreSQL only)."""
    for connection in connections.all():
        close_pool = getattr(connection, "close_pool", None)
        if close_pool is not None:
            close_pool()


def _load() -> None:
    """What the first requests would have to wait for. One after another, as the interpreter would do it anyway: in
    threads of their own they left the heap in pieces (8 MB).
    """
    started = time.perf_counter()
    jobs = [_import_routes, chat.sanitizer.protected_texts.preload]
    if settings.LLM_PRELOAD:
        jobs.insert(1, agents.llm.factory.preload)
    if storage.vectors.factory.may_hold_vectors():  # the client alone is 70 MB: not where nobody has any
        jobs.append(_preload_vectors)
    for job in jobs:
        _try(job)
    frozen = collector.freeze()  # the collector's last look at all of it
    logger.info("loaded", extra={"seconds": round(time.perf_counter() - started, 1), "frozen_objects": frozen})


def _try(job: Callable[[], None]) -> None:
    """The server is up whether or not ``job`` succeeds."""
    try:
        job()
    except Exception:
        logger.exception("a start-up job failed", extra={"job": job.__qualname__})


def _import_routes() -> None:
    """Every view, which Django would import at the first request, and what it takes to read that one's token."""
    import_module(settings.ROOT_URLCONF)
    import_module("rest_framework_simplejwt.state")


def _preload_vectors() -> None:
    try:
        storage.vectors.factory.preload()
    except Problem as problem:  # the first request that needs them says so as well
        logger.warning("the vectors could not be made ready", extra={"detail": problem.detail})


def _resume_erasures() -> None:
    try:
        erasure.resume()
    finally:
        connections.close_all()
