"""Which jobs there are, and which of them the clock starts: filled by the ``jobs`` modules of the apps."""

import inspect
from collections.abc import Callable
from typing import ParamSpec

from django.utils.module_loading import autodiscover_modules

from adiuva.jobs.port import Job, Retry, Scheduled

P = ParamSpec("P")

DEFAULT_QUEUE = "default"
# Procrastinate gives every job of its schedule one of this name.
RESERVED_ARGUMENT = "timestamp"

_jobs: dict[str, Job[...]] = {}
_schedule: dict[str, Scheduled] = {}


class UnknownJob(Exception):  # noqa: N818 - of a version that is newer, or older, than this one
    """No job has this name here."""


def job(
    *, name: str, queue: str = DEFAULT_QUEUE, retry: Retry | None = None
) -> Callable[[Callable[P, object]], Job[P]]:
    """Registers a function of keyword arguments as a job. ``name`` is ``app.verb_noun``; ``queue``: by which workers
    can divide the work (``manage.py work --queues``).
    """

    def register(function: Callable[P, object]) -> Job[P]:
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is not parameter.KEYWORD_ONLY or parameter.name == RESERVED_ARGUMENT:
                raise TypeError(f"{name}: arguments of a job are keywords, and none is called {RESERVED_ARGUMENT}")
        if name in _jobs:
            raise ValueError(f"there are two jobs called {name}")
        made = Job(name=name, queue=queue, retry=retry or Retry(), function=function)
        _jobs[name] = made
        return made

    return register


def schedule(cron: str, job: Job[...], *, at_start: bool = False, in_server: bool = False) -> None:
    """Lets ``job`` run at the times of ``cron``, without arguments: once for all processes, and late where none ran.

    ``at_start``: also when a server starts whose jobs wait in its memory (SQLite), where what was due while none ran is
    left out: for one that finds again what a crash has lost there, or deletes personal data by a promised
    date. On PostgreSQL nothing is lost.

    ``in_server``: in every serving process and in no worker, for what only the process that has the sockets can do.
    """
    inspect.signature(job.function).bind()
    if job.name in _schedule:
        raise ValueError(f"{job.name} is scheduled already")
    _schedule[job.name] = Scheduled(cron=cron, job=job, at_start=at_start, in_server=in_server)


def get_job(name: str) -> Job[...]:
    """Raises ``UnknownJob``."""
    try:
        return _jobs[name]
    except KeyError:
        raise UnknownJob(name) from None


def load() -> None:
    """Imports the ``jobs`` module of every app, where its jobs are. For processes that run them."""
    autodiscover_modules("jobs")


def list_jobs() -> list[Job[...]]:
    return list(_jobs.values())


def list_scheduled() -> list[Scheduled]:
    return list(_schedule.values())
