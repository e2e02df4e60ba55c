"""The port to deferred work: what a job is, when it runs by the clock, and what a queue of jobs does.

A job is a function under a name, called beside the request that wanted it:

    @job(name="billing.refresh_customer")
    def refresh_customer(*, customer_id: str) -> None: ...

    enqueue(refresh_customer, customer_id=customer.id)  # in the transaction that makes it necessary
    schedule("*/5 * * * *", retry_transfers)  # every five minutes, UTC

**Every job may run twice**: a process that dies tells nobody how far it came, so what it was doing is done again. Rows
hold the truth; a job reads them and does what is still to be done.

**Of identical jobs** (one name, the same arguments) at most one waits and at most one runs: ten events of a customer
are one look at Stripe. One that waits covers whatever was true when it was wanted again; one that is wanted while its
like runs waits for the end of that.

**Arguments** are JSON and name rows. They are kept with the job (failed ones for a month) and are logged: never a
secret, never a user's words. A name stays what it is while jobs of it may wait.

What a job raises is a failed try, which is repeated after growing pauses (``Retry``). After the last one the job has
failed: a line of the log at ERROR, and ``State.failed``.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, Generic, ParamSpec, Protocol

P = ParamSpec("P")

MOST_KEY_BYTES = 1000  # a PostgreSQL index takes 2,700, and whoever needs more does not name a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a job is tried at most, and the pauses between: 10 s, 30 s, 90 s … up to an hour; about 4 h in all."""

    tries: int = 10
    first_seconds: float = 10
    factor: float = 3
    longest_seconds: float = 3600

    def pause(self, *, failures: int) -> float | None:
        """Seconds from the ``failures``-th failed try to the next one. None: that was the last."""
        if failures >= self.tries:
            return None
        return min(self.first_seconds * self.factor ** (failures - 1), self.longest_seconds)


@dataclass(frozen=True, eq=False, kw_only=True)
class Job(Generic[P]):
    """Called like its function, it runs here and now, as commands do."""

    name: str
    queue: str
    retry: Retry
    function: Callable[P, object]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        self.function(*args, **kwargs)

    def key(self, arguments: Mapping[str, Any]) -> str:
        """What identical jobs have in common. Raises TypeError or ValueError for what cannot be an argument."""
        text = self.name + json.dumps(arguments, sort_keys=True, separators=(",", ":"), allow_nan=False)
        if len(text.encode()) > MOST_KEY_BYTES:
            raise ValueError(f"the arguments of {self.name} are too long: they name rows, and hold nothing else")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """``cron``: five fields in UTC; a sixth would be seconds. ``in_server``: servers run it, and no worker."""

    cron: str
    job: Job[...]
    at_start: bool
    in_server: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Numbers of jobs. ``delayed`` wait for another try; ``oldest_seconds``: how long the first of ``waiting`` is due.

    ``workers``: processes that work them off; None where the serving process does it itself.
    """

    waiting: int
    delayed: int
    running: int
    failed: int
    oldest_seconds: float
    workers: int | None


class Queue(Protocol):
    """Where jobs wait. Every method may be called from several threads."""

    def put(self, job: Job[...], arguments: Mapping[str, Any]) -> None:
        """Lets the job run when the running transaction is committed, or now where there is none. A transaction that is
        rolled back has queued nothing.
        """

    def forget(self, arguments: Mapping[str, Any]) -> None:
        """Takes away the jobs that have these among their arguments, whether they wait or have ended: what is named
        is erased. One that runs is left to end.
        """

    def start(self) -> None:
        """A serving process has started."""

    def stop(self, *, seconds: float) -> None:
        """It ends: nothing is begun from here on, and what runs has ``seconds`` to end."""

    def work(self, *, queues: Sequence[str] | None, concurrency: int) -> None:
        """Works jobs off until SIGTERM or SIGINT. Raises ``WorksInTheServer`` where no process of its own does that."""

    def drain(self, *, seconds: float = 60) -> None:
        """For tests: returns when nothing runs and nothing waits but for another try. Raises TimeoutError."""

    def clear(self) -> None:
        """For tests: forgets every job, and waits for those that run in this process."""

    def state(self) -> State: ...


class WorksInTheServer(Exception):  # noqa: N818 - an answer rather than a failure
    """There is nothing to start."""


_stopping = Event()


def is_stopping() -> bool:
    """A job that takes minutes asks now and then, and returns with what it has: the process wants to end."""
    return _stopping.is_set()


def set_stopping(*, stopping: bool) -> None:
    """For queues."""
    if stopping:
        _stopping.set()
    else:
        _stopping.clear()
