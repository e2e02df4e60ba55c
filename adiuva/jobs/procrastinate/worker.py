"""``manage.py work``: a procrastinate worker that outlives its database, and ends when it is told to."""

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
from django.db import DatabaseError, connections
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker

from adiuva.jobs.port import set_stopping
from adiuva.jobs.procrastinate import library
from adiuva.jobs.procrastinate.housekeeping import recover
from adiuva.jobs.procrastinate.library import make_app

logger = logging.getLogger(__name__)

DRAIN_THREADS = 4
AWAY = (ConnectorException, psycopg.Error)
DUE = "SELECT count(*) AS jobs FROM procrastinate_jobs WHERE status = 'todo' AND coalesce(scheduled_at <= now(), true)"


class _Worker(Worker):
    """Says when it begins to end: procrastinate stops one whose heartbeats or schedule fail by itself."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ending = asyncio.Event()

    def stop(self) -> None:
        self.ending.set()
        super().stop()  # type: ignore[no-untyped-call]


class Life:
    """A worker from its registration to its end. It ends by itself when it loses the database."""

    def __init__(self, *, queues: Sequence[str] | None, concurrency: int) -> None:
        self._app, self._manager = make_app(with_schedule=True)
        self._worker = _Worker(
            app=self._app,
            queues=queues,
            concurrency=concurrency,
            fetch_job_polling_interval=library.POLL,
            shutdown_graceful_timeout=library.GRACE,
            install_signal_handlers=False,
            update_heartbeat_interval=library.HEARTBEAT,
            stalled_worker_timeout=library.STALE,
        )
        self._manager.on_trouble = self._worker.stop

    async def live(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``, or trouble. Raises what the database says where it cannot even begin."""
        life = asyncio.create_task(self._run())
        signs = [asyncio.create_task(event.wait()) for event in (stopping, self._worker.ending)]
        await asyncio.wait([life, *signs], return_when=asyncio.FIRST_COMPLETED)
        for sign in signs:
            sign.cancel()
        if not life.done():
            if self._worker.worker_id is None:
                life.cancel()  # it is still on its way to the database
            self._worker.stop()
            await asyncio.wait([life], timeout=library.GRACE)
        if not life.done():
            await self._give_back()
            # Threads cannot be ended. What they do from here on is nobody's any more.
            logging.shutdown()
            os._exit(0 if stopping.is_set() else 1)
        with suppress(asyncio.CancelledError):
            await life

    async def _run(self) -> None:
        sweeping = asyncio.create_task(_sweep())
        try:
            await self._app.open_async()
            await self._worker.run()  # type: ignore[no-untyped-call]
        finally:
            sweeping.cancel()
            await self._app.close_async()

    async def _give_back(self) -> None:
        """Others need not wait until this worker counts as dead."""
        try:
            async with asyncio.timeout(library.GIVE_BACK):
                running = list(await self._manager.list_jobs_async(status="doing", worker_id=self._worker.worker_id))
                logger.warning("jobs did not end in time", extra={"jobs": [job.task_name for job in running]})
                for job in running:
                    await self._manager.retry_job(job)
        except (TimeoutError, *AWAY):
            logger.warning("jobs that did not end in time are left to the others")


async def work(*, queues: Sequence[str] | None, concurrency: int) -> None:
    """Until SIGTERM or SIGINT; KeyboardInterrupt after the latter."""
    loop = asyncio.get_running_loop()
    # One more than jobs, for the sweep.
    loop.set_default_executor(ThreadPoolExecutor(concurrency + 1, thread_name_prefix="jobs"))
    stopping = asyncio.Event()
    signals: list[signal.Signals] = []

    def stop(which: signal.Signals) -> None:
        signals.append(which)
        set_stopping(stopping=True)
        stopping.set()

    for which in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(which, partial(stop, which))
    pause = 1.0
    logger.info("working", extra={"queues": list(queues or ["all"]), "concurrency": concurrency})
    while not stopping.is_set():
        born = loop.time()
        try:
            await Life(queues=queues, concurrency=concurrency).live(stopping)
        except AWAY as error:
            logger.debug("the worker has ended", extra={"error": type(error).__qualname__})
        if stopping.is_set():
            break
        pause = min(2 * pause, library.LONGEST_PAUSE) if loop.time() - born < library.LONGEST_PAUSE else 1.0
        logger.warning("the worker has lost its queue and begins anew", extra={"seconds": pause})
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stopping.wait()
    if signal.SIGINT in signals:
        raise KeyboardInterrupt


async def drain() -> None:
    """Works off what is due, and what comes of it."""
    app, manager = make_app(with_schedule=False)
    async with app.open_async():
        while (await manager.connector.execute_query_one_async(DUE))["jobs"]:
            await Worker(
                app=app, concurrency=DRAIN_THREADS, wait=False, listen_notify=False, install_signal_handlers=False
            ).run()


async def _sweep() -> None:
    while True:
        await asyncio.to_thread(_recover)
        await asyncio.sleep(library.SWEEP)


def _recover() -> None:
    try:
        if found := recover():
            logger.warning("jobs of workers that died were found", extra={"jobs": found})
    except (DatabaseError, *AWAY) as error:
        logger.warning("nobody could look for jobs of dead workers", extra={"error": type(error).__qualname__})
    except Exception:
        logger.exception("the look for jobs of dead workers failed")
    finally:
        connections.close_all()
