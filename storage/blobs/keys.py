"""Which keys a blob may have: what is a safe path in a folder and a plain name in a bucket."""

import re

A_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # in the one spelling that keys have
MAX_KEY_LENGTH = 255  # what the tables keep, and what a file system takes for one name
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def checked_key(key: str) -> str:
    """``key`` itself: names joined by ``/``, each of ASCII letters, digits, ``.``, ``_``, ``-``, none with a dot first.

    Raises:
        ValueError: anything else. Keys are made by our own code, so this is a mistake of ours.
    """
    if len(key) > MAX_KEY_LENGTH or not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        raise ValueError(f"not a key for a blob: {key[:MAX_KEY_LENGTH]!r}")
    return key


def checked_prefix(prefix: str) -> str:
    """The beginning of a key, ``""`` included; otherwise as ``checked_key``."""
    *folders, last = prefix.split("/")
    beginning = last == "" or _SEGMENT.fullmatch(last)
    if len(prefix) > MAX_KEY_LENGTH or not beginning or not all(_SEGMENT.fullmatch(folder) for folder in folders):
        raise ValueError(f"not the beginning of a blob's key: {prefix[:MAX_KEY_LENGTH]!r}")
    return prefix
