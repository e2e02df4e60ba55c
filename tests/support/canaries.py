"""Strings that must not turn up where they have no business, and the search for them in whatever disguise."""

import base64
import json
import re
import secrets
import string
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from urllib.parse import quote, quote_plus

_ALPHABET = string.ascii_lowercase + string.digits
LIKENESS = 0.6  # Django's validator refuses 0.7
HALF_AT_LEAST = 12  # characters; a shorter piece of random text would be found by chance


def new(prefix: str = "", *, characters: int = 32, unlike: str = "") -> str:
    """Random lower-case letters and digits: a half of it is as telling as the whole. ``unlike``: an address that it is
    a password for, which is refused where the two have too many characters in common.
    """
    parts = (unlike, unlike.partition("@")[0])
    while True:
        made = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(characters))
        if all(SequenceMatcher(a=made.lower(), b=part).quick_ratio() < LIKENESS for part in parts):
            return made


def disguises(canary: str) -> Iterator[tuple[str, bytes]]:
    """What a log or a file could hold instead of ``canary``, by the disguise's name."""
    raw = canary.encode()
    yield "raw", raw
    yield "url", quote(canary, safe="").encode()
    yield "form", quote_plus(canary).encode()
    yield "hex", raw.hex().encode()
    yield "HEX", raw.hex().upper().encode()
    yield "json", json.dumps(canary)[1:-1].encode()
    yield "repr", repr(canary)[1:-1].encode()
    yield "reversed", raw[::-1]
    for offset in range(3):
        # Whatever stands before it: only the characters that are the canary's alone.
        encoded = base64.b64encode(b"\0" * offset + raw)
        own = encoded[-(-8 * offset // 6) : 8 * (offset + len(raw)) // 6]
        yield f"base64 at {offset}", own
        yield f"urlsafe base64 at {offset}", own.replace(b"+", b"-").replace(b"/", b"_")
    tail = canary[re.match(r"(?:[a-z]+_)*(?:Bearer )?", canary).end() :]  # type: ignore[union-attr]  # it always matches
    half = len(tail) // 2
    if half >= HALF_AT_LEAST:
        yield "first half", tail[:half].encode()
        yield "second half", tail[half:].encode()


def found(canaries: Mapping[str, str], text: bytes, *, where: str) -> list[str]:
    """A line for each that is there: ``name (disguise) in where: what surrounds it``."""
    lines = []
    for name, canary in canaries.items():
        for disguise, form in disguises(canary):
            place = text.find(form)
            if place >= 0:
                around = text[max(0, place - 150) : place + len(form) + 50]
                lines.append(f"{name} ({disguise}) in {where}: …{around!r}…")
                break
    return lines


def found_in_files(canaries: Mapping[str, str], folder: Path) -> list[str]:
    """Names of files included."""
    lines = []
    for file in sorted(folder.rglob("*")):
        lines += found(canaries, str(file.relative_to(folder)).encode(), where="a file's name")
        if file.is_file():
            lines += found(canaries, file.read_bytes(), where=str(file))
    return lines
