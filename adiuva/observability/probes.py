"""What the service asks of itself and of what it needs, registered by whoever owns the answer (each app's ``ops.py``).

- A *readiness probe* raises when a system is not usable: `GET /health/ready` says yes or no.
- An *examination* tells an operator in words what it found: `manage.py doctor`.
- A *clock* is another service's time, which one of doctor's examinations compares with ours.
- A *gauge* is a number that the database knows and no process counts: `GET /metrics` reads it when it is asked.

All of them may hang, so each runs in a daemon thread of its own and costs its time limit and nothing else.
"""

import http.client
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import urlsplit

from django.db import connections
from prometheus_client.metrics_core import GaugeMetricFamily

from adiuva.api.errors import Problem
from adiuva.observability.logging import redact
from adiuva.observability.metrics import SCRAPE_FAILURES

logger = logging.getLogger(__name__)

READINESS_SECONDS = 3.0
CLOCK_SECONDS = 5.0
GAUGE_SECONDS = 2.0
GAUGE_FRESH_SECONDS = 10.0  # however often somebody scrapes, the database is asked that often
GAUGES_AT_ONCE = 2  # each takes a connection of the pool that requests need

Answer = TypeVar("Answer")

# --- threads and time limits -----------------------------------------------------------------------------------


class Runner(Generic[Answer]):
    """Asks several questions side by side; one that still hangs from before is joined, so that they do not pile up.

    The threads are daemons: one that hangs does not keep the process from ending.
    """

    def __init__(self, *, at_once: int = 32) -> None:
        self._running: dict[Callable[[], Answer], Future[Answer]] = {}
        self._lock = threading.Lock()
        self._places = threading.Semaphore(at_once)

    def run(self, questions: Mapping[str, Callable[[], Answer]], *, seconds: float) -> dict[str, Future[Answer]]:
        """By the names of ``questions``; what is not done after ``seconds`` goes on, and nobody waits for it."""
        futures = {name: self._start_or_join(name, question) for name, question in questions.items()}
        wait(futures.values(), timeout=seconds)
        return futures

    def _start_or_join(self, name: str, question: Callable[[], Answer]) -> Future[Answer]:
        with self._lock:
            self._running = {asked: future for asked, future in self._running.items() if not future.done()}
            future = self._running.get(question)
            if future is None:
                future = self._running[question] = Future()
                work = threading.Thread(target=self._work, args=(question, future), name=f"probe-{name}", daemon=True)
                work.start()
            return future

    def _work(self, question: Callable[[], Answer], future: Future[Answer]) -> None:
        try:
            with self._places:
                try:
                    answer = question()
                finally:
                    connections.close_all()  # the thread's own: nobody else could
        except BaseException as error:  # noqa: BLE001 - whoever asked gets it
            future.set_exception(error)
        else:
            future.set_result(answer)


# --- readiness -------------------------------------------------------------------------------------------------

ReadinessProbe = Callable[[], None]

_readiness_probes: dict[str, ReadinessProbe] = {}
_readiness_runner: Runner[None] = Runner()


def register_readiness(name: str, probe: ReadinessProbe) -> None:
    """``probe`` raises when the system is not usable; registering a name again replaces it."""
    _readiness_probes[name] = probe


def check_readiness() -> dict[str, str]:
    """``{"database": "ok" | "failed" | "timeout", …}``; all are asked at once, none holds the answer up for long."""
    asked = _readiness_runner.run(_readiness_probes, seconds=READINESS_SECONDS)
    return {name: _readiness_of(name, future) for name, future in asked.items()}


def _readiness_of(name: str, future: Future[None]) -> str:
    if not future.done():
        return "timeout"
    if (error := future.exception()) is not None:
        logger.warning("not ready", extra={"check": name}, exc_info=error)
        return "failed"
    return "ok"


# --- doctor ----------------------------------------------------------------------------------------------------

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``text`` is one line that never holds a secret."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Of doctor's table. ``seconds``: how long it took, at most the time limit."""

    name: str
    level: Level
    found: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """``ask``: a provider's answer may cost money, so one is asked for only when the operator says so."""

    ask: bool = False


Examination = Callable[[DoctorOptions], Finding]

_examinations: dict[str, Examination] = {}


def register_examination(name: str, examination: Examination) -> None:
    """What ``examination`` raises is a failure, in its own words; registering a name again replaces it."""
    _examinations[name] = examination


def examination_names() -> list[str]:
    return list(_examinations)


def examine(*, options: DoctorOptions, timeout: float) -> list[Line]:
    """A line for each examination, in the order of registration; none takes longer than ``timeout`` seconds."""
    runner: Runner[tuple[Finding, float]] = Runner()
    questions = {name: partial(_examine_timed, one, options) for name, one in _examinations.items()}
    return [_line_of(name, future, timeout) for name, future in runner.run(questions, seconds=timeout).items()]


def _examine_timed(examination: Examination, options: DoctorOptions) -> tuple[Finding, float]:
    started = time.monotonic()
    try:
        finding = examination(options)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        finding = Finding("fail", describe_error(error))
    return finding, time.monotonic() - started


def _line_of(name: str, future: Future[tuple[Finding, float]], timeout: float) -> Line:
    if not future.done():
        return Line(name=name, level="fail", found=f"no answer within {timeout:g} s", seconds=timeout)
    finding, seconds = future.result()
    return Line(name=name, level=finding.level, found=redact(" ".join(finding.text.split())), seconds=seconds)


def describe_error(error: BaseException) -> str:
    """The first line of its message, with its type where that is not a sentence of ours."""
    if isinstance(error, Problem):
        return error.detail
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


# --- clocks ----------------------------------------------------------------------------------------------------

# What the clock showed (Unix time), or None where it cannot be told.
Clock = Callable[[], float | None]

_clocks: dict[str, Callable[[], Clock | None]] = {}


def register_clock(name: str, choose: Callable[[], Clock | None]) -> None:
    """``choose`` gives None where the service is not configured."""
    _clocks[name] = choose


def configured_clocks() -> dict[str, Clock]:
    chosen = {name: choose() for name, choose in _clocks.items()}
    return {name: clock for name, clock in chosen.items() if clock is not None}


def read_http_date(url: str) -> float | None:
    """The ``Date`` of the answer to HEAD, whatever its status: whole seconds, so half a second is added."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=CLOCK_SECONDS)
    try:
        connection.request("HEAD", parts.path or "/")
        date = connection.getresponse().getheader("Date")
    finally:
        connection.close()
    return parsedate_to_datetime(date).timestamp() + 0.5 if date else None


def measure_skew(clock: Clock) -> float | None:
    """Seconds by which ours is ahead, measured against the middle of the question."""
    before = time.time()
    theirs = clock()
    return None if theirs is None else (before + time.time()) / 2 - theirs


# --- gauges ----------------------------------------------------------------------------------------------------

Reading = float | Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Gauge:
    """``read`` gives one number, or with ``label`` one for each of its values."""

    name: str
    meaning: str
    read: Callable[[], Reading]
    label: str = ""


_gauges: dict[str, Gauge] = {}


def register_gauge(name: str, meaning: str, read: Callable[[], Reading], *, label: str = "") -> None:
    _gauges[name] = Gauge(name, meaning, read, label)


def gauge_names() -> set[str]:
    return set(_gauges)


class GaugeCollector:
    """A collector of ``prometheus_client`` for ``gauges``: all that are registered, unless told otherwise.

    One that fails or hangs is left out of the answer, and ``adiuva_scrape_failures_total`` names it.
    """

    def __init__(self, gauges: Mapping[str, Gauge] | None = None) -> None:
        self._gauges = _gauges if gauges is None else gauges
        self._runner: Runner[Reading] = Runner(at_once=GAUGES_AT_ONCE)
        self._read_at = -GAUGE_FRESH_SECONDS
        self._last: dict[str, Reading] = {}
        self._lock = threading.Lock()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, reading in self._read_or_repeat().items():
            gauge = self._gauges[name]
            if isinstance(reading, Mapping):
                family = GaugeMetricFamily(name, gauge.meaning, labels=[gauge.label])
                for value, number in reading.items():
                    family.add_metric([value], number)
            else:
                family = GaugeMetricFamily(name, gauge.meaning, value=reading)
            yield family

    def describe(self) -> list[Any]:
        """Nothing: the registry would read everything to learn the names."""
        return []

    def _read_or_repeat(self) -> dict[str, Reading]:
        with self._lock:
            if time.monotonic() - self._read_at >= GAUGE_FRESH_SECONDS:
                self._last = self._read()
                self._read_at = time.monotonic()
            return self._last

    def _read(self) -> dict[str, Reading]:
        questions = {name: gauge.read for name, gauge in self._gauges.items()}
        readings: dict[str, Reading] = {}
        for name, future in self._runner.run(questions, seconds=GAUGE_SECONDS).items():
            error = future.exception() if future.done() else None
            if future.done() and error is None:
                readings[name] = future.result()
                continue
            SCRAPE_FAILURES.labels(name).inc()
            if error is not None:
                logger.warning("a metric could not be read", extra={"metric": name, "error": type(error).__name__})
        return readings
