"""Deferred work: what apps use of it. ``adiuva.jobs.port`` says what a job is and what it may rely on."""

from typing import Any, ParamSpec

from adiuva.jobs.factory import get_queue
from adiuva.jobs.port import Job, Retry, is_stopping
from adiuva.jobs.registry import job, schedule

__all__ = ["Job", "Retry", "enqueue", "forget", "get_queue", "is_stopping", "job", "schedule"]

P = ParamSpec("P")


def enqueue(job: Job[P], *args: P.args, **kwargs: P.kwargs) -> None:
    """To be called in the transaction that makes the job necessary, as one of the last things in it: on PostgreSQL the
    job is a row of that transaction, and another one that queues the same job waits for its end.
    """
    if args:
        raise TypeError("arguments of a job are keywords")
    get_queue().put(job, kwargs)


def forget(**arguments: Any) -> None:
    """To be called where what ``arguments`` name is erased: no job tells of it any more."""
    get_queue().forget(arguments)
