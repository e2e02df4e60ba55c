"""One try of one job, the same for every queue: it runs, it is logged, and what is next is decided here."""

import logging
import traceback
from collections.abc import Mapping
from typing import Any

from django.db import connections

from adiuva.jobs.port import Retry
from adiuva.jobs.registry import UnknownJob, get_job
from adiuva.observability.spans import span

logger = logging.getLogger(__name__)


class TryAgain(Exception):  # noqa: N818 - an answer rather than a failure
    """The try failed, and another one is due in ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Failed(Exception):  # noqa: N818 - the jobs' own word
    """The last try failed. Says the type of what went wrong: its text may quote an address, a row, a key."""


def attempt(name: str, arguments: Mapping[str, Any], *, failures: int) -> None:
    """Runs a job that has failed ``failures`` times, in a thread that may close its connections to the database.

    Raises ``TryAgain`` or ``Failed``. A name that this version does not know may be known to the next: servers and
    workers are not upgraded at the same moment.
    """
    error = _error_of(name, arguments)
    if error is not None:
        raise verdict(name, arguments, error, failures=failures)


def verdict(name: str, arguments: Mapping[str, Any], error: BaseException, *, failures: int) -> TryAgain | Failed:
    """What follows from a try that ended with ``error``. Logged here, and nowhere else."""
    tries = failures + 1
    kind = type(error).__qualname__
    fields = {"job": name, "arguments": dict(arguments), "tries": tries, "error": kind}
    pause = _retry_of(name).pause(failures=tries)
    if pause is None:
        failed = Failed(kind)
        logger.error("a job has failed", extra=fields, exc_info=(Failed, failed, error.__traceback__))
        return failed
    logger.warning("a job is to be tried again", extra=fields | {"seconds": pause, "at": _place(error)})
    return TryAgain(pause)


def _error_of(name: str, arguments: Mapping[str, Any]) -> BaseException | None:
    try:
        job = get_job(name)
        with span(f"job {name}"):
            job(**arguments)
    except BaseException as error:  # noqa: BLE001 - also SystemExit and CancelledError: they end a try, not the queue
        return error
    finally:
        connections.close_all()
    return None


def _retry_of(name: str) -> Retry:
    try:
        return get_job(name).retry
    except UnknownJob:
        return Retry()


def _place(error: BaseException) -> str:
    """The file and line that raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
