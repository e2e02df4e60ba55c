"""docs/metrics.md and docs/alerts.example.yml name what there is, and all of it."""

import re
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from adiuva.observability import metrics, probes
from tests.repository.paths import ROOT

DOCUMENT = (ROOT / "docs/metrics.md").read_text()
ROWS: dict[str, tuple[str, str]] = {
    name: (kind, labels)
    for name, kind, labels in re.findall(r"^\| `(adiuva_\w+)` \| (\w+)[^|]*\| ([^|]*)\|", DOCUMENT, re.MULTILINE)
}
RULES: dict[str, Any] = yaml.safe_load((ROOT / "docs/alerts.example.yml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]


def name_of(metric: Any) -> str:
    """As a query has to spell it (the library takes a counter's ending off), a histogram's without ``_bucket``."""
    return f"{metric._name}_total" if isinstance(metric, Counter) else str(metric._name)


def is_metric(one: object) -> bool:
    return isinstance(one, Counter | Gauge | Histogram)


def labels_of(name: str) -> list[str]:
    """Of a metric that a process counts, or of one that is read."""
    if name in probes.gauge_names():
        label = probes._gauges[name].label
        return [label] if label else []
    return list(DECLARED[SUFFIX.sub("", name) if name not in DECLARED else name]._labelnames)


DECLARED = {name_of(one): one for one in vars(metrics).values() if is_metric(one)}
REGISTERED = {name_of(one) for one in metrics.REGISTRY._collector_to_names if is_metric(one)}
# The Python metric's own suffixes: of a histogram's samples.
SUFFIX = re.compile(r"_(bucket|count|sum)$")


def test_every_metric_is_documented_and_nothing_else() -> None:
    assert set(DECLARED) == REGISTERED
    assert set(ROWS) == REGISTERED | probes.gauge_names()


@pytest.mark.parametrize("name", sorted(DECLARED.keys() | probes.gauge_names()))
def test_the_document_names_type_and_labels(name: str) -> None:
    kind, labels = ROWS[name]
    assert kind == (type(DECLARED[name]).__name__.lower() if name in DECLARED else "gauge")
    # Values are in parentheses after their label.
    named = re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", labels))
    assert named == labels_of(name)


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_names_follow_prometheus_conventions(name: str) -> None:
    declared = DECLARED[name]
    assert name.endswith("_total") == isinstance(declared, Counter)
    assert not isinstance(declared, Histogram) or name.endswith(("_seconds", "_bytes"))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_what_there_is(alert: dict[str, Any]) -> None:
    known = REGISTERED | probes.gauge_names()
    asked = set(re.findall(r"\badiuva_\w+", alert["expr"]))
    assert {SUFFIX.sub("", name) if name not in known else name for name in asked} <= known
    assert asked or alert["expr"].startswith("up{")
    for name, selector in re.findall(r"\b(adiuva_\w+)\{([^}]*)\}", alert["expr"]):
        assert set(re.findall(r"(\w+)(?:!?=~?)\"", selector)) <= set(labels_of(name))
    assert set(alert) <= {"alert", "expr", "for", "labels", "annotations"}
    assert alert["expr"].count("(") == alert["expr"].count(")")
    assert re.fullmatch(r"\d+[smhd]", alert.get("for", "1m"))
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["summary"]


@pytest.mark.parametrize("query", re.findall(r"```promql\n(.*?)```", DOCUMENT, re.DOTALL))
def test_a_query_of_the_document_asks_for_what_there_is(query: str) -> None:
    asked = {SUFFIX.sub("", name) for name in re.findall(r"\badiuva_\w+", query)}
    assert asked
    assert asked <= REGISTERED | probes.gauge_names()
