"""Counters, gauges and histograms for `GET /metrics`, free of charge until somebody wants them.

An instrument is declared once (``adiuva.observability.metrics``) and does nothing before ``start``, which a serving process
calls when ``METRICS_TOKEN`` is set; ``prometheus_client`` is imported then. A label that is not our own code's to
choose names the values it may have, and every other one is counted as ``other``: no request makes a series of its own.

Several processes of one server (``WEB_CONCURRENCY``) write into files of one folder (``PROMETHEUS_MULTIPROC_DIR``,
which ``adiuva.server.serve`` makes), and whichever of them is asked answers for all.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

OTHER = "other"
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the library's name; it has to be set before the library is imported

Make = Callable[["CollectorRegistry | None"], Any]

_declared: list["_Instrument"] = []
_registry: "CollectorRegistry | None" = None


class _Instrument(ABC):
    """``labels``: each label's name and the values it may have, None where only our own code names them."""

    def __init__(self, name: str, meaning: str, **labels: Collection[str] | None) -> None:
        self.name = name
        self.meaning = meaning
        self.labels = labels
        self._metric: Any = None
        self._children: dict[tuple[str, ...], Any] = {}
        _declared.append(self)

    def start(self, registry: "CollectorRegistry | None") -> None:
        self._metric = self._make(registry)
        if not self.labels:
            self._children[()] = self._metric

    def stop(self) -> None:
        self._metric = None
        self._children = {}

    @abstractmethod
    def _make(self, registry: "CollectorRegistry | None") -> Any:
        """What Prometheus's client library calls it."""

    def _child(self, values: tuple[str, ...]) -> Any:
        """The series of these label values; None while nothing is measured."""
        child = self._children.get(values)
        if child is None and self._metric is not None:
            allowed = zip(values, self.labels.values(), strict=True)
            bounded = tuple(value if known is None or value in known else OTHER for value, known in allowed)
            child = self._children.setdefault(bounded, self._metric.labels(*bounded))
        return child


class Counter(_Instrument):
    def inc(self, *labels: str, by: float = 1) -> None:
        child = self._child(labels)
        if child is not None:
            child.inc(by)

    def _make(self, registry: "CollectorRegistry | None") -> Any:
        from prometheus_client import Counter as Prometheus

        return Prometheus(self.name, self.meaning, tuple(self.labels), registry=registry)


class Gauge(_Instrument):
    """``across``: what one number for all processes is, their sum or their largest."""

    def __init__(
        self,
        name: str,
        meaning: str,
        *,
        across: Literal["livesum", "livemax"] = "livesum",
        **labels: Collection[str] | None,
    ) -> None:
        super().__init__(name, meaning, **labels)
        self._across: Literal["livesum", "livemax"] = across

    def set(self, value: float, *labels: str) -> None:
        child = self._child(labels)
        if child is not None:
            child.set(value)

    def inc(self, *labels: str, by: float = 1) -> None:
        child = self._child(labels)
        if child is not None:
            child.inc(by)

    def dec(self, *labels: str) -> None:
        self.inc(*labels, by=-1)

    def _make(self, registry: "CollectorRegistry | None") -> Any:
        from prometheus_client import Gauge as Prometheus

        return Prometheus(
            self.name, self.meaning, tuple(self.labels), registry=registry, multiprocess_mode=self._across
        )


class Histogram(_Instrument):
    """``buckets``: upper bounds in the unit of the name."""

    def __init__(self, name: str, meaning: str, *, buckets: Sequence[float], **labels: Collection[str] | None) -> None:
        super().__init__(name, meaning, **labels)
        self._buckets = tuple(buckets)

    def observe(self, value: float, *labels: str) -> None:
        child = self._child(labels)
        if child is not None:
            child.observe(value)

    def _make(self, registry: "CollectorRegistry | None") -> Any:
        from prometheus_client import Histogram as Prometheus

        return Prometheus(self.name, self.meaning, tuple(self.labels), registry=registry, buckets=self._buckets)


def start() -> "CollectorRegistry":
    """From here on this process measures. A second call changes nothing."""
    global _registry  # noqa: PLW0603 - what a process measures is the process's
    if _registry is not None:
        return _registry
    import prometheus_client

    # A `…_created` series beside each other one says when it was made, which nobody asks for.
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    _registry = prometheus_client.CollectorRegistry()
    if SHARED_FOLDER in os.environ:
        from prometheus_client.multiprocess import MultiProcessCollector

        MultiProcessCollector(_registry)  # type: ignore[no-untyped-call]
        own = None  # what this process counts is read from the files, as is the others'
    else:
        own = _registry
    for instrument in _declared:
        instrument.start(own)
    return _registry


def stop() -> None:
    """Forgets everything that was measured."""
    global _registry  # noqa: PLW0603 - the same
    _registry = None
    for instrument in _declared:
        instrument.stop()


def registry() -> "CollectorRegistry | None":
    """None while nothing is measured."""
    return _registry


def names() -> set[str]:
    """Of every declared instrument, as a query has to spell it (a histogram's without ``_bucket`` and the like)."""
    return {instrument.name for instrument in _declared}
