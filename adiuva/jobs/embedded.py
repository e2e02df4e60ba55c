"""Jobs in the memory of the process that wants them: for SQLite, where there is one server and no service beside it.

The schedule is followed here, too, by the expressions that procrastinate takes.

What waits is lost with the process; rows hold the truth, and the schedule's jobs find it again (``at_start``). A job
that a command queues runs in that command, which waits for it before it ends.
"""

import atexit
import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any

from croniter import croniter
from django.db import transaction

from adiuva.jobs.execution import Failed, TryAgain, attempt
from adiuva.jobs.port import Job, Scheduled, State, WorksInTheServer, set_stopping
from adiuva.jobs.registry import list_scheduled, load

logger = logging.getLogger(__name__)

THREADS = 2  # SQLite has one writer; the second is for jobs that wait for somebody else's server
MOST_WAITING = 1000
EXIT_SECONDS = 10.0  # for what a command has queued


@dataclass(slots=True, kw_only=True)
class _Waiting:
    job: Job[...]
    arguments: Mapping[str, Any]
    due: float
    failures: int = 0


class EmbeddedQueue:
    """``only_in_server``: of the schedule it follows what no worker may do, beside a queue that has workers."""

    def __init__(self, *, only_in_server: bool = False) -> None:
        self._only_in_server = only_in_server
        self._changed = Condition()
        self._waiting: dict[str, _Waiting] = {}
        self._running: set[str] = set()
        self._failed = 0
        self._threads: list[Thread] = []
        self._is_stopped = False
        self._timetable = Timetable((), now=0)

    def put(self, job: Job[...], arguments: Mapping[str, Any]) -> None:
        job.key(arguments)  # what is no argument is refused here, not where nobody listens
        copy = json.loads(json.dumps(arguments))  # as it would come out of a database
        transaction.on_commit(lambda: self._add(job, copy), robust=True)

    def forget(self, arguments: Mapping[str, Any]) -> None:
        with self._changed:
            for key, waiting in list(self._waiting.items()):
                if arguments.items() <= waiting.arguments.items():
                    del self._waiting[key]
            self._changed.notify_all()

    def start(self) -> None:
        load()
        set_stopping(stopping=False)
        entries = [entry for entry in list_scheduled() if entry.in_server or not self._only_in_server]
        with self._changed:
            self._is_stopped = False
            self._timetable = Timetable(entries, now=time.time())
            self._changed.notify_all()
        for entry in entries:
            if entry.at_start:
                self._add(entry.job, {})
        if entries or not self._only_in_server:
            self._ensure_threads()

    def stop(self, *, seconds: float) -> None:
        set_stopping(stopping=True)
        with self._changed:
            self._is_stopped = True
            self._threads = []
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: not self._running, seconds):
                logger.warning("jobs did not end in time", extra={"jobs": sorted(self._running)})

    def work(self, *, queues: Sequence[str] | None, concurrency: int) -> None:
        raise WorksInTheServer

    def drain(self, *, seconds: float = 60) -> None:
        with self._changed:
            if not self._changed.wait_for(self._is_idle, seconds):
                raise TimeoutError(f"jobs run or are due: {sorted(self._running | set(self._waiting))}")

    def clear(self) -> None:
        with self._changed:
            self._waiting.clear()
            self._changed.wait_for(lambda: not self._running, 60)
            self._waiting.clear()  # what a running one has queued, or is to try again
            self._failed = 0

    def state(self) -> State:
        now = time.monotonic()
        with self._changed:
            late = [now - waiting.due for waiting in self._waiting.values() if waiting.due <= now]
            return State(
                waiting=len(late),
                delayed=len(self._waiting) - len(late),
                running=len(self._running),
                failed=self._failed,
                oldest_seconds=max(late, default=0.0),
                workers=None,
            )

    def _add(self, job: Job[...], arguments: Mapping[str, Any], *, failures: int = 0, seconds: float = 0) -> None:
        key = job.key(arguments)
        with self._changed:
            if key in self._waiting or self._is_stopped:
                return
            if len(self._waiting) >= MOST_WAITING:
                logger.warning("too many jobs wait; one is left to the schedule", extra={"job": job.name})
                return
            due = time.monotonic() + seconds
            self._waiting[key] = _Waiting(job=job, arguments=arguments, due=due, failures=failures)
            self._changed.notify_all()
        self._ensure_threads()

    def _ensure_threads(self) -> None:
        """The first job starts them: most commands queue none."""
        with self._changed:
            if self._threads or self._is_stopped:
                return
            self._threads = [Thread(target=self._work, name=f"jobs-{n}", daemon=True) for n in range(THREADS)]
            for thread in self._threads:
                thread.start()
        _started.append(self)

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            key, waiting = taken
            ended: Exception | None = None
            try:
                attempt(waiting.job.name, waiting.arguments, failures=waiting.failures)
            except (TryAgain, Failed) as verdict:
                ended = verdict
            with self._changed:
                self._running.discard(key)
                if isinstance(ended, TryAgain):
                    failures = waiting.failures + 1
                    self._add(waiting.job, waiting.arguments, failures=failures, seconds=ended.seconds)
                self._failed += isinstance(ended, Failed)
                self._changed.notify_all()

    def _take(self) -> tuple[str, _Waiting] | None:
        """Waits for a job that is due and whose like does not run. None: the process ends."""
        with self._changed:
            while not self._is_stopped:
                for entry in self._timetable.due(now=time.time()):
                    self._add(entry.job, {})
                key = min(self._free(), key=lambda key: self._waiting[key].due, default=None)
                if key is not None and self._waiting[key].due <= time.monotonic():
                    self._running.add(key)
                    return key, self._waiting.pop(key)
                self._changed.wait(self._seconds_to_next(key))
        return None

    def _free(self) -> list[str]:
        return [key for key in self._waiting if key not in self._running]

    def _seconds_to_next(self, key: str | None) -> float | None:
        """Until ``key`` or something of the schedule is due. None: until somebody says so."""
        times = [] if key is None else [self._waiting[key].due - time.monotonic()]
        if (scheduled_at := self._timetable.next_time()) is not None:
            times.append(scheduled_at - time.time())
        return max(0.0, min(times)) if times else None

    def _is_idle(self) -> bool:
        now = time.monotonic()
        return not self._running and all(waiting.due > now for waiting in self._waiting.values())

    def finish(self) -> None:
        if self._is_stopped:
            return
        try:
            self.drain(seconds=EXIT_SECONDS)
        except TimeoutError:
            logger.warning("jobs did not end in time and are left to the schedule")


_started: list[EmbeddedQueue] = []


@atexit.register
def finish() -> None:
    """Waits for what a command has queued. ``manage.py`` calls it as its last act: once the interpreter itself ends,
    nobody may start a thread any more, and a job that reads a blob does.
    """
    while _started:
        _started.pop().finish()


_SET_BACK_SECONDS = 60  # a smaller step back delays jobs by less than that, and would run again what has just run


class Timetable:
    """Times are seconds since the epoch. What was due several times meanwhile is due once."""

    def __init__(self, entries: Iterable[Scheduled], *, now: float) -> None:
        self._asked_at = now
        self._next = [(_next_time(entry.cron, after=now), entry) for entry in entries]

    def due(self, *, now: float) -> list[Scheduled]:
        """Those whose time has come since the last call."""
        if now < self._asked_at - _SET_BACK_SECONDS:  # the clock was: it had been days ahead, perhaps
            self._next = [(_next_time(entry.cron, after=now), entry) for _, entry in self._next]
        self._asked_at = now
        due = [entry for at, entry in self._next if at <= now]
        self._next = [(_next_time(entry.cron, after=now) if at <= now else at, entry) for at, entry in self._next]
        return due

    def next_time(self) -> float | None:
        return min((at for at, _ in self._next), default=None)


def _next_time(cron: str, *, after: float) -> float:
    """ValueError for what is no expression."""
    return float(croniter(cron, after, ret_type=float).get_next())
