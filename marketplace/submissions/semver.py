"""Which version is the newer one, by Semantic Versioning 2.0.0 § 11."""

import re
from typing import Final

# https://semver.org, "Is there a suggested regular expression".
SEMVER: Final = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?",
    re.ASCII,
)

Precedence = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def precedence(version: str) -> Precedence:
    """Compares as versions do: ``1.0.0-rc.2 < 1.0.0-rc.10 < 1.0.0 == 1.0.0+build``.

    Raises:
        ValueError: no semantic version.
    """
    match = SEMVER.fullmatch(version)
    if match is None:
        raise ValueError(f"{version!r} is no semantic version")
    major, minor, patch, pre_release = match.groups()
    # Numbers come before words, and a shorter list before a longer one that starts the same.
    parts = tuple(
        (False, int(part), "") if part.isdecimal() else (True, 0, part)
        for part in (pre_release.split(".") if pre_release else ())
    )
    return int(major), int(minor), int(patch), not parts, parts
