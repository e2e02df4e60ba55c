"""What the scan of a version's code has found (``PluginVersion.reach``), read with care: rows may be of other days."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from marketplace.models import PluginVersion
from marketplace.review.page import visible

MAX_NAME: Final = 300  # characters of a file's name that a report keeps
Severity = Literal["high", "medium", "low"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``line`` is counted from 1 by line feeds."""

    file: str
    line: int
    kind: str
    severity: Severity
    what: str

    @property
    def shown(self) -> str:
        return visible(self.what)

    @property
    def rank(self) -> tuple[int, int]:
        """What is worst comes first."""
        return SEVERITIES.index(self.severity), self.line


def findings_of(version: PluginVersion) -> list[Finding]:
    """What is no finding is passed over; an unknown severity counts as high."""
    reach = version.reach
    found = reach.get("findings") if isinstance(reach, dict) else None
    return [_finding(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _finding(one: dict[str, Any]) -> Finding:
    line = one.get("line")
    severity = one.get("severity")
    return Finding(
        file=reported_name(str(one.get("file", ""))),
        line=line if type(line) is int and line > 0 else 1,
        kind=str(one.get("kind", "")),
        severity=severity if severity in SEVERITIES else "high",
        what=str(one.get("what", "")),
    )


def by_file(findings: Sequence[Finding]) -> Mapping[str, list[Finding]]:
    files: dict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(findings, key=lambda one: one.rank):
        files[finding.file].append(finding)
    return files


def reported_name(name: str) -> str:
    """As a report has it: hidden characters have signs, and a long one is cut."""
    return visible(name)[:MAX_NAME]


def was_looked_at(version: PluginVersion) -> bool:
    """The scan is done, and read all there was to read."""
    return isinstance(version.reach, dict) and version.reach.get("complete") is True
