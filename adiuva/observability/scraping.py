"""Values that are read when `/metrics` is asked for: what the database knows and no process counts.

Whoever owns one registers how to read it. All are read at once, each for at most ``READ_SECONDS``, and kept for
``FRESH_SECONDS``: however often somebody asks, the database is asked that often. One that fails or hangs is left out
of the answer, and ``adiuva_scrape_failures_total`` names it.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from django.db import connections

from adiuva.observability.metrics import SCRAPE_FAILURES

if TYPE_CHECKING:
    from prometheus_client.metrics_core import GaugeMetricFamily

logger = logging.getLogger(__name__)

READ_SECONDS = 2.0
FRESH_SECONDS = 10.0

Reading = float | Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reader:
    """``read`` gives one number, or with ``label`` one for each of its values."""

    name: str
    meaning: str
    read: Callable[[], Reading]
    label: str = ""


_readers: dict[str, Reader] = {}


def register(name: str, meaning: str, read: Callable[[], Reading], *, label: str = "") -> None:
    """``read`` runs in a thread of its own, whose database connections are closed after it."""
    _readers[name] = Reader(name, meaning, read, label)


def names() -> set[str]:
    return set(_readers)


class Readings:
    """A collector of ``prometheus_client``. ``readers`` are all that are registered, unless told otherwise."""

    def __init__(self, readers: Mapping[str, Reader] | None = None) -> None:
        self._readers = _readers if readers is None else readers
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="scrape")
        self._running: dict[str, Future[Reading]] = {}
        self._read_at = -FRESH_SECONDS
        self._last: dict[str, Reading] = {}
        self._lock = Lock()

    def collect(self) -> Iterator["GaugeMetricFamily"]:
        from prometheus_client.metrics_core import GaugeMetricFamily

        for name, reading in self._fresh().items():
            reader = self._readers[name]
            if isinstance(reading, Mapping):
                family = GaugeMetricFamily(name, reader.meaning, labels=[reader.label])
                for value, number in reading.items():
                    family.add_metric([value], number)
            else:
                family = GaugeMetricFamily(name, reader.meaning, value=reading)
            yield family

    def describe(self) -> list[Any]:
        """Nothing: the registry would read everything to learn the names."""
        return []

    def _fresh(self) -> dict[str, Reading]:
        with self._lock:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                self._last = self._read()
                self._read_at = time.monotonic()
            return self._last

    def _read(self) -> dict[str, Reading]:
        for name, reader in self._readers.items():
            # One that still hangs from an earlier scrape is joined, so that they do not pile up.
            if name not in self._running:
                self._running[name] = self._executor.submit(_read_and_close, reader)
        wait(self._running.values(), timeout=READ_SECONDS)
        readings: dict[str, Reading] = {}
        for name, running in list(self._running.items()):
            if not running.done():
                SCRAPE_FAILURES.inc(name)
                continue
            del self._running[name]
            if (error := running.exception()) is not None:
                SCRAPE_FAILURES.inc(name)
                logger.warning("a metric could not be read", extra={"metric": name, "error": type(error).__name__})
            else:
                readings[name] = running.result()
        return readings


def _read_and_close(reader: Reader) -> Reading:
    try:
        return reader.read()
    finally:
        connections.close_all()
