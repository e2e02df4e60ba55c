"""Values that are read when they are asked for: one that fails or hangs is left out, and none is read too often."""

import threading
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, Counter

from adiuva.observability import probes
from adiuva.observability.metrics import METHODS, REGISTRY, bound_label
from adiuva.observability.probes import Gauge, GaugeCollector


def failures(name: str) -> float:
    return REGISTRY.get_sample_value("adiuva_scrape_failures_total", {"metric": name}) or 0


def readings(**reads: Callable[[], probes.Reading]) -> GaugeCollector:
    return GaugeCollector({name: Gauge(name, "for a test", read, label="kind") for name, read in reads.items()})


def collect(collector: GaugeCollector) -> dict[str, list[tuple[dict[str, str], float]]]:
    return {family.name: [(sample.labels, sample.value) for sample in family.samples] for family in collector.collect()}


def test_numbers_and_numbers_by_label() -> None:
    collector = readings(one=lambda: 3, many=lambda: {"a": 1, "b": 2})
    assert collect(collector) == {"one": [({}, 3)], "many": [({"kind": "a"}, 1), ({"kind": "b"}, 2)]}


def test_what_fails_is_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> float:
        raise RuntimeError("canary of a query")

    collector = readings(bad=fail, good=lambda: 1)
    before = failures("bad")
    assert collect(collector) == {"good": [({}, 1)]}
    assert failures("bad") - before == 1
    assert "RuntimeError" in str([vars(record) for record in caplog.records])
    assert "canary" not in str([vars(record) for record in caplog.records])


@pytest.mark.thorough
def test_what_hangs_is_left_out_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "GAUGE_SECONDS", 1.0)  # for the good one, however busy the machine is
    monkeypatch.setattr(probes, "GAUGE_FRESH_SECONDS", 0.0)
    released = threading.Event()
    asked: list[int] = []

    def hang() -> float:
        asked.append(1)
        released.wait(30)
        return 5

    collector = readings(slow=hang, good=lambda: 1)
    before = failures("slow")
    for _ in range(2):
        assert collect(collector) == {"good": [({}, 1)]}
    assert (len(asked), failures("slow") - before) == (1, 2)
    released.set()
    monkeypatch.setattr(probes, "GAUGE_SECONDS", 30)
    assert collect(collector)["slow"] == [({}, 5)]


def test_however_often_somebody_asks_it_is_read_once_in_a_while() -> None:
    asked: list[int] = []

    def read() -> float:
        asked.append(1)
        return len(asked)

    collector = readings(one=read)
    assert [collect(collector)["one"] for _ in range(5)] == [[({}, 1)]] * 5


@pytest.mark.parametrize(("method", "counted"), [("GET", "GET"), ("get", "other"), ("CANARY", "other")])
def test_a_label_has_the_values_that_are_known_and_other(method: str, counted: str) -> None:
    registry = CollectorRegistry()
    requests = Counter("adiuva_of_a_test_total", "x", ("method", "route"), registry=registry)
    requests.labels(bound_label(method, METHODS), "/a").inc(2)
    assert registry.get_sample_value("adiuva_of_a_test_total", {"method": counted, "route": "/a"}) == 2
