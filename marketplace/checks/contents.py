"""One look through every file of a package: each is unpacked once, in memory, and shown to all finders."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from marketplace.archives import Archive, ArchiveError, Entry
from marketplace.checks.code import permissions_used
from marketplace.checks.embedded import archive_inside, program_inside
from marketplace.checks.secrets import secrets_in

MIB: Final = 1024 * 1024
MAX_FILE_BYTES: Final = 16 * MIB
MAX_UNPACKED_BYTES: Final = 100 * MIB
MAX_RATIO: Final = 100  # deflate does 1,032 at most; text and code stay below 20
RATIO_FROM_BYTES: Final = MIB  # a small file of blanks hurts nobody
MAX_SECONDS: Final = 30.0
MAX_FINDINGS: Final = 20  # of one kind

# Given a file's name and bytes; what it finds is told in a few words that quote nothing.
Finder = Callable[[str, bytes], Iterable[str]]
FINDERS: Mapping[str, Finder] = {
    "archives": archive_inside,
    "programs": program_inside,
    "secrets": secrets_in,
    "permissions": permissions_used,
}


@dataclass(slots=True)
class Contents:
    """``found`` by finder; ``damaged`` are files that are not what they say. ``is_complete``: all were seen."""

    found: dict[str, list[str]] = field(default_factory=lambda: {finder: [] for finder in FINDERS})
    damaged: list[str] = field(default_factory=list)
    is_complete: bool = True


def size_faults(archive: Archive) -> Iterator[str]:
    """By what the directory declares, which unpacking then holds each file to."""
    files = [entry for entry in archive.entries if not entry.is_directory]
    for entry in files:
        if entry.size_bytes > MAX_FILE_BYTES:
            yield f"{ascii(entry.name)[:200]} has {entry.size_bytes} bytes; at most {MAX_FILE_BYTES} are taken."
        elif entry.size_bytes > RATIO_FROM_BYTES and entry.size_bytes > entry.packed_bytes * MAX_RATIO:
            yield f"{ascii(entry.name)[:200]} unpacks to more than {MAX_RATIO} times its size."
    total = sum(entry.size_bytes for entry in files)
    if total > MAX_UNPACKED_BYTES:
        yield f"All files together have {total} bytes; at most {MAX_UNPACKED_BYTES} are taken."


def is_fit_to_unpack(archive: Archive) -> bool:
    return not any(entry.is_encrypted for entry in archive.entries) and next(size_faults(archive), None) is None


def look_through(archive: Archive) -> Contents:
    """Memory holds one file at a time; time is bounded, and what it did not suffice for makes ``is_complete`` false."""
    contents = Contents()
    if not is_fit_to_unpack(archive):
        contents.is_complete = False
        return contents
    until = time.monotonic() + MAX_SECONDS
    for entry in archive.entries:
        if time.monotonic() > until:
            contents.is_complete = False
            break
        _look_into(archive, entry, contents)
    return contents


def _look_into(archive: Archive, entry: Entry, contents: Contents) -> None:
    try:
        data = archive.read(entry)
    except ArchiveError as error:
        if len(contents.damaged) < MAX_FINDINGS:
            contents.damaged.append(str(error))
        return
    for finder, find in FINDERS.items():
        found = contents.found[finder]
        for finding in find(entry.name, data):
            if len(found) >= MAX_FINDINGS:
                break
            if finding not in found:
                found.append(finding)
