"""What a reviewer sees of ``PluginVersion.reach``: grouped, new ones first, each with the file to open at its line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from marketplace.review.hidden_characters import visible
from marketplace.review.reach.findings import KINDS, SEVERITIES, key_of, new_findings

WORDS: Final = {
    "code_from_text": "Runs text as code",
    "network": "Reaches other servers",
    "credentials": "Holds credentials",
    "hidden": "Hides something",
    "obfuscation": "Is written not to be read",
    "process": "Reaches the machine",
    "permission_undeclared": "Uses permissions that it does not declare",
    "storage": "Reads or keeps data in the browser",
    "permission_unused": "Declares permissions that it does not use",
}
TONES: Final = {"high": "danger", "medium": "warning", "low": ""}


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """``index`` is the file's place in the package, for a link; None where it is not one of its files."""

    file: str
    line: int
    severity: str
    what: str
    is_new: bool
    index: int | None

    @property
    def tone(self) -> str:
        return TONES[self.severity]


@dataclass(frozen=True, slots=True)
class Group:
    kind: str
    findings: list[ShownFinding]

    @property
    def words(self) -> str:
        return WORDS[self.kind]

    @property
    def new_count(self) -> int:
        return sum(finding.is_new for finding in self.findings)


@dataclass(frozen=True, slots=True)
class ShownReach:
    """``is_compared``: with a live version that was looked at, too."""

    is_complete: bool
    reason: str
    files: int
    unparsed: list[str]
    groups: list[Group]
    is_compared: bool

    @property
    def count(self) -> int:
        return sum(len(group.findings) for group in self.groups)

    @property
    def new_count(self) -> int:
        return sum(group.new_count for group in self.groups)


def show_reach(reach: Any, *, live: Any, files: Iterable[Mapping[str, Any]]) -> ShownReach | None:
    """None where it was not looked at yet. ``live``: that of the live version; ``files``: with "shown" and "index"."""
    if not isinstance(reach, dict):
        return None
    places = {str(file["shown"]): int(file["index"]) for file in reversed(list(files))}
    new = {key_of(one) for one in new_findings(reach, live)}
    kinds: dict[str, list[ShownFinding]] = {}
    for one in reach.get("findings", ()):
        if one.get("kind") in KINDS and one.get("severity") in SEVERITIES:
            kinds.setdefault(one["kind"], []).append(
                ShownFinding(
                    file=visible(str(one.get("file", ""))),
                    line=int(one.get("line", 1)),
                    severity=one["severity"],
                    what=visible(str(one.get("what", ""))),
                    is_new=key_of(one) in new,
                    index=places.get(str(one.get("file"))),
                )
            )
    groups = [Group(kind, sorted(found, key=_rank)) for kind, found in kinds.items()]
    return ShownReach(
        is_complete=reach.get("complete") is True,
        reason=visible(str(reach.get("reason", ""))),
        files=int(reach.get("files", 0)),
        unparsed=[visible(str(name)) for name in reach.get("unparsed", ())],
        groups=sorted(groups, key=lambda group: (*_rank(group.findings[0])[:2], KINDS.index(group.kind))),
        is_compared=isinstance(live, dict),
    )


def _rank(finding: ShownFinding) -> tuple[Any, ...]:
    return not finding.is_new, SEVERITIES.index(finding.severity), finding.file, finding.line
