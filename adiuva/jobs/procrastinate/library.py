"""What procrastinate is taught here: when a job is tried again, what to do when the database refuses its report, and
how long is waited for what (in seconds).
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.tasks import Task
from psycopg.errors import RaiseException
from psycopg_pool import AsyncConnectionPool

from adiuva.jobs.execution import TryAgain, attempt
from adiuva.jobs.registry import DEFAULT_QUEUE, list_jobs, list_scheduled

HEARTBEAT = 10.0
STALE = 30.0  # without a heartbeat a worker counts as dead
SWEEP = 15.0  # between two looks for the jobs of dead workers
POLL = 5.0  # for jobs that are to be tried again; of new ones PostgreSQL tells

# To running jobs when the worker is to end. Less than STALE, because a worker that is stopping says no more that it
# lives; with GIVE_BACK less than compose and systemd wait.
GRACE = 25.0
GIVE_BACK = 3.0

# The longest wait for a connection. A worker that stops without a database waits for three: less than GRACE.
CONNECT = 5.0
LONGEST_PAUSE = 10.0  # between two tries to reach a database that is away

logger = logging.getLogger(__name__)

# A worker finds the last time of each schedule, however long none has run; the database knows whether it was used.
MAX_DELAY_SECONDS = 366 * 24 * 3600
CONNECTIONS = 3  # to fetch, to report, to say that it lives; jobs have Django's
UNKNOWN = "unknown"


class _Pool(AsyncConnectionPool):
    async def open(self, wait: bool = False, timeout: float = CONNECT) -> None:  # noqa: ASYNC109, FBT001, FBT002 - the library's
        await super().open(wait, timeout)


class Manager(JobManager):
    """A worker's. ``on_trouble`` is called when the database refuses what it reports: such a worker has to end, because
    only of a dead worker's jobs is it known that nobody works on them.
    """

    on_trouble: Callable[[], None] = staticmethod(lambda: None)

    async def fetch_job(self, *args: Any, **kwargs: Any) -> Job | None:
        try:
            return await super().fetch_job(*args, **kwargs)
        except ConnectorException:
            self.on_trouble()
            return None

    async def finish_job(self, *args: Any, **kwargs: Any) -> None:
        with _Report(self):
            await super().finish_job(*args, **kwargs)

    async def retry_job(self, job: Job, *args: Any, **kwargs: Any) -> None:
        try:
            with _Report(self):
                await super().retry_job(job, *args, **kwargs)
        except UniqueViolation:
            # Its like waits already and will do. By itself procrastinate leaves this one ``doing`` for as long as the
            # worker lives (its issues 1446 and 1543).
            await self.finish_job(job, Status.FAILED, delete_job=True)


class _Report:
    """Nobody waits for the outcome of a report. What it could not say the sweep finds."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def __enter__(self) -> None: ...

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> bool:
        if not isinstance(error, ConnectorException) or isinstance(error, UniqueViolation):
            return False
        if isinstance(error.__cause__, RaiseException):
            # This worker was silent for so long that its job was given to another one.
            logger.warning("a job was ended elsewhere")
        else:
            self._manager.on_trouble()
        return True


class Strategy(BaseRetryStrategy):
    """What ``adiuva.jobs.execution`` has decided."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if not isinstance(exception, TryAgain):
            return None
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=exception.seconds))


class _Tasks(dict[str, Task[..., Any, Any]]):
    """Procrastinate fails a job that it does not know at once; one of a newer version is tried again instead."""

    def get(self, name: str, _default: Any = None) -> Any:
        return self[name] if name in self else self[UNKNOWN]


def run(context: JobContext, /, timestamp: int | None = None, **arguments: Any) -> None:  # noqa: ARG001 - the schedule's
    attempt(context.job.task_name, arguments, failures=context.job.attempts)


def make_app(*, with_schedule: bool) -> tuple[App, Manager]:
    """An app that knows every job, with connections of its own to Django's database once it is open."""
    connector = PsycopgConnector(
        pool_factory=_Pool,
        kwargs=connector_params(),
        min_size=1,
        max_size=CONNECTIONS,
        timeout=CONNECT,
        name="jobs",
    )
    app = App(connector=connector, periodic_defaults={"max_delay": MAX_DELAY_SECONDS})
    app.job_manager = manager = Manager(connector)
    tasks = {
        job.name: app.task(name=job.name, queue=job.queue, retry=Strategy(), pass_context=True)(run)
        for job in list_jobs()
    }
    app.task(name=UNKNOWN, queue=DEFAULT_QUEUE, retry=Strategy(), pass_context=True)(run)
    app.tasks = _Tasks(app.tasks)
    if with_schedule:
        for entry in (entry for entry in list_scheduled() if not entry.in_server):
            key = entry.job.key({})
            app.periodic(cron=entry.cron, lock=key, queueing_lock=key)(tasks[entry.job.name])
    return app, manager
