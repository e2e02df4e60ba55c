"""What is told about a package, and in which form it is kept (``PluginVersion.reach``)."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import log2
from typing import Any, Final

from marketplace.review.hidden_characters import visible

VERSION: Final = 1
MAX_FINDINGS: Final = 200
MAX_UNPARSED: Final = 200
MAX_QUOTE: Final = 80
MAX_ALIKE: Final = 10  # of one file, kind and wording: a flood of one must not push out the others
MAX_NAME: Final = 300
MAX_WHAT: Final = 300

KINDS: Final = (
    "code_from_text", "network", "credentials", "hidden", "obfuscation", "process", "permission_undeclared", "storage",
    "permission_unused",
)  # fmt: skip
SEVERITIES: Final = ("high", "medium", "low")
MANIFEST: Final = "manifest"  # the file of what is found missing: it has no line

_LONG_TOKEN: Final = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_USERINFO: Final = re.compile(r"(://[^/\s:@]{0,64}):[^/\s@]{1,200}@")
_TOKEN_ENTROPY: Final = 3.4  # bits a character


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``line`` and ``column`` (in characters) count from 1. ``what`` is one sentence and quotes no credential."""

    file: str
    line: int
    column: int
    kind: str
    severity: str
    what: str


def quote(code: str) -> str:
    """At most ``MAX_QUOTE`` characters on one line, with hidden ones marked and what may be a credential left out."""
    # Long tokens are replaced before the text is cut: the rest of one would look like none.
    text = " ".join(code[: 40 * MAX_QUOTE].split())
    text = _LONG_TOKEN.sub(_hide_token, _USERINFO.sub(r"\1:…@", text))
    text = visible(text)
    return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 1] + "…"


def _hide_token(match: re.Match[str]) -> str:
    token = match[0]
    is_random = any(one.isdigit() for one in token) and any(one.isalpha() for one in token)
    return "…" if is_random and entropy_of(token) >= _TOKEN_ENTROPY else token


def entropy_of(text: str) -> float:
    """Shannon's, in bits a character."""
    length = len(text)
    return -sum(count / length * log2(count / length) for count in Counter(text).values()) if length else 0.0


def report_of(
    findings: Iterable[Finding], *, files: int, unparsed: Iterable[str], reasons: Iterable[str]
) -> dict[str, Any]:
    """``{"version", "complete", "reason", "files", "unparsed": [names], "findings": […]}``: the most severe first.

    ``reason`` says in words why something was not looked at, and is empty where all was (``complete``).
    """
    ordered = sorted(set(findings), key=_order)
    kept: list[Finding] = []
    alike: Counter[tuple[str, str, str]] = Counter()
    for finding in ordered:
        alike[key_of(asdict(finding))] += 1
        if alike[key_of(asdict(finding))] <= MAX_ALIKE:
            kept.append(finding)
    names = list(dict.fromkeys(visible(name)[:MAX_NAME] for name in unparsed))
    told = list(dict.fromkeys(reasons))
    if names and not told:
        told.append("Some files could not be understood.")
    if len(kept) > MAX_FINDINGS:
        told.append(f"There is more than the {MAX_FINDINGS} findings that are kept.")
    return {
        "version": VERSION,
        "complete": not told,
        "reason": " ".join(told),
        "files": files,
        "unparsed": names[:MAX_UNPARSED],
        "findings": [asdict(finding) for finding in kept[:MAX_FINDINGS]],
    }


def failed_report(reason: str) -> dict[str, Any]:
    """Of a package that was not looked at."""
    return report_of((), files=0, unparsed=(), reasons=[reason])


def _order(finding: Finding) -> tuple[Any, ...]:
    severity, kind = SEVERITIES.index(finding.severity), KINDS.index(finding.kind)
    return severity, kind, finding.file, finding.line, finding.column, finding.what


def key_of(finding: Mapping[str, Any]) -> tuple[str, str, str]:
    """What makes two findings the same one, whatever line it has moved to."""
    return str(finding.get("file")), str(finding.get("kind")), str(finding.get("what"))


def new_findings(reach: Mapping[str, Any], live: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The findings of ``reach`` that the live version's does not have; none are new where it was not looked at."""
    if not live or not isinstance(live.get("findings"), list):
        return []
    known = {key_of(one) for one in live["findings"]}
    return [one for one in reach.get("findings", []) if key_of(one) not in known]
