"""What the dependency audit of CI makes of a report; CI asks the services themselves."""

import importlib.util
from datetime import date
from typing import Any

import pytest

from tests.repository.paths import ROOT

spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
assert spec is not None
assert spec.loader is not None
audit: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(audit)

REPORT = {
    "dependencies": [
        {"name": "sound", "version": "1.0", "vulns": []},
        {"name": "broken", "version": "2.0", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}]},
        {"name": "unknown", "skip_reason": "not found"},
    ]
}
TODAY = date(2026, 11, 23)


def test_every_advisory_is_a_finding() -> None:
    found = audit.refused(audit.python_findings(REPORT), allowed={}, today=TODAY)
    assert found == [("PYSEC-1", "broken 2.0"), ("PYSEC-2", "broken 2.0")]


@pytest.mark.parametrize(("until", "refused"), [(TODAY, ["PYSEC-2"]), (date(2026, 11, 22), ["PYSEC-1", "PYSEC-2"])])
def test_an_allowance_ends_on_its_day(until: date, refused: list[str]) -> None:
    allowed = {"PYSEC-1": ("we never call it", until)}
    found = audit.refused(audit.python_findings(REPORT), allowed=allowed, today=TODAY)
    assert [advisory for advisory, _ in found] == refused


def test_a_service_that_knows_nothing_has_audited_nothing() -> None:
    assert audit.was_audited(REPORT)
    assert not audit.was_audited({"dependencies": [{"name": "sound", "skip_reason": "not found"}]})
    assert not audit.was_audited(None)


def test_of_the_client_what_is_grave_is_a_finding() -> None:
    via = [{"url": "https://github.com/advisories/GHSA-1"}, "another"]
    report = {"vulnerabilities": {"a": {"severity": "high", "via": via}, "b": {"severity": "low", "via": via}}}
    assert list(audit.npm_findings(report)) == [("GHSA-1", "a")]


def test_every_allowance_has_a_reason() -> None:
    assert all(reason.strip() for reason, _ in audit.ALLOWED.values())
