"""Validators of the manifest (``marketplace.submissions.manifest`` has the rules)."""

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from marketplace.submissions import manifest as rules
from marketplace.submissions.validators.base import Outcome, Submission, judge
from marketplace.submissions.zip_archives import quote_name

_RUN = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = re.compile(r"[0-9A-Fa-f]{64,}")
_DATA_URL = re.compile(r"data:[a-z0-9.+/;=-]{0,100},", re.IGNORECASE)
# How well-known kinds of files begin in base64: PNG, GIF, JPEG, ZIP, PDF, EXE, ELF, gzip.
_BEGINNINGS = re.compile(r"(?<![A-Za-z0-9])(?:iVBORw0KGgo|R0lGOD|/9j/|UEsDB|JVBERi0|TVqQ|f0VMR|H4sI)[A-Za-z0-9+/]{4,}")
_LONGEST_RUN: Final = 120  # no path and no name is that long without a blank
_LONG_PIECE: Final = 8  # between the signs that paths have too
_MUCH_OF_IT: Final = 24  # characters in such pieces: 18 bytes
_MANY_NUMBERS: Final = 24
_WRITTEN = {"\n", "\r", "\t"}


def fields(submission: Submission) -> Outcome:
    manifest = submission.manifest
    missing = [field for field in rules.FIELDS if field not in manifest]
    faults = [f"{field}: is missing." for field in missing]
    for field in rules.TEXTS:
        fault = None if field in missing else rules.text_fault(field, manifest[field])
        faults += [f"{field}: {fault}"] if fault else []
    if "price_cents" not in missing and (fault := rules.price_fault(manifest["price_cents"])):
        faults.append(f"price_cents: {fault}")
    return judge(
        faults, ok="Every field is present and of the right type.", wrong="Fields are missing or of the wrong type."
    )


def identifier(submission: Submission) -> Outcome:
    fault = rules.id_fault(submission.manifest.get("id"), is_own=submission.is_update)
    return _outcome_of(fault, ok="The id is well formed.")


def version(submission: Submission) -> Outcome:
    return _outcome_of(rules.version_fault(submission.manifest.get("version")), ok="The version is a semantic one.")


def permissions(submission: Submission) -> Outcome:
    return _outcome_of(
        rules.permissions_fault(submission.manifest.get("permissions")), ok="Only permissions that exist are asked for."
    )


def _outcome_of(fault: str | None, *, ok: str) -> Outcome:
    return Outcome(passed=fault is None, message=fault or ok)


def price(submission: Submission) -> Outcome:
    return _outcome_of(
        rules.small_price_fault(submission.manifest.get("price_cents")), ok="The price can be charged, or it is free."
    )


def no_blobs(submission: Submission) -> Outcome:
    """In any field, also one that would be ignored, and in the names of fields."""
    found = [path for path, text in _texts(submission.manifest, "") if looks_like_a_blob(text)]
    return judge(
        dict.fromkeys(found),
        ok="No field holds binary data.",
        wrong="Binary data belongs in the package, encoded or not.",
    )


def looks_like_a_blob(text: str) -> bool:
    """Base64 of either alphabet, long hexadecimal, a data: URL, or characters that nobody writes."""
    if any(unicodedata.category(sign) in {"Cc", "Co", "Cn"} and sign not in _WRITTEN for sign in text):
        return True
    if _DATA_URL.search(text) or _HEX.search(text) or _BEGINNINGS.search(text):
        return True
    return any(_is_base64(run[0]) for run in _RUN.finditer(text))


def _is_base64(run: str) -> bool:
    """Words, paths and identifiers are long too; chance does not make their parts of all three kinds of characters."""
    if len(run) >= _LONGEST_RUN:
        return True
    is_padded = run.endswith("=") and len(run) % 4 == 0 and _is_mixed(run)
    pieces = [piece for piece in re.split(r"[+/_=-]", run) if len(piece) >= _LONG_PIECE and _is_mixed(piece)]
    return is_padded or sum(map(len, pieces)) >= _MUCH_OF_IT


def _is_mixed(text: str) -> bool:
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(kind(sign) for sign in text) for kind in kinds)


def hidden_characters(submission: Submission) -> Outcome:
    """What is not seen, or turns the reading direction, makes a text say something else than it holds."""
    found = {
        f"{path}: U+{ord(sign):04X}"
        for path, text in _texts(submission.manifest, "")
        for sign in text
        if unicodedata.category(sign) in {"Cf", "Zl", "Zp"} and sign not in _JOINERS
    }
    return judge(sorted(found), ok="No text holds invisible characters.", wrong="Texts hold invisible characters.")


_JOINERS: Final = {"\u200c", "\u200d"}  # Persian, Indic scripts and emoji need them


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, with where it is; the names of members are texts of the object they are in."""
    match value:
        case str():
            yield path, value
        case list():
            # Numbers that are bytes, one by one.
            if len(value) >= _MANY_NUMBERS and all(isinstance(one, int) for one in value):
                yield path, "\x00"
            for item in value:
                yield from _texts(item, path)
        case dict():
            for name, item in value.items():
                yield path or "the names of fields", name
                yield from _texts(item, path or quote_name(name))
        case int() | float():
            yield path, json.dumps(value)
