"""The scan of a package: every file is unpacked once, in memory, and shown to all finders."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from marketplace.submissions.manifest import RESOURCES
from marketplace.submissions.zip_archives import Archive, ArchiveError, Entry, quote_name

_RESOURCES: Final = b"|".join(resource.encode() for resource in RESOURCES)
_NAMED = re.compile(rb"[\"'`]((?:read|write):(?:" + _RESOURCES + rb"))[\"'`]")
# adiuva.tasks.create(…): the object that a plugin is given.
_CALLED = re.compile(rb"\badiuva\s{0,8}\??\.\s{0,8}(" + _RESOURCES + rb")\s{0,8}\??\.\s{0,8}([A-Za-z]{1,32})")
_READS = re.compile(r"all|count|find|get|list|onChange|query|search|subscribe|watch")
_WRITES = re.compile(r"add|archive|clear|complete|create|delete|insert|move|patch|put|remove|save|set|update|upsert")


def permissions_used(name: str, data: bytes) -> Iterator[str]:
    """``"read:tasks"`` and the like, in no order."""
    if suffix_of(name) not in SCRIPT_SUFFIXES:
        return
    for permission in {match[1] for match in _find(_NAMED, data)}:
        yield permission.decode()
    for resource, method in {match.groups() for match in _find(_CALLED, data)}:
        if (permission := permission_of(resource.decode(), method.decode())) is not None:
            yield permission


# One search through 16 MiB would let no other thread of the process run for half a second. What is found has to be
# shorter than the part that two pieces share.
_PIECE_BYTES: Final = 512 * 1024
_SHARED_BYTES: Final = 64 * 1024


def _find(pattern: re.Pattern[bytes], data: bytes) -> Iterator[re.Match[bytes]]:
    """In the order of the pieces; one that lies in two of them may come twice."""
    for start in range(0, max(1, len(data)), _PIECE_BYTES - _SHARED_BYTES):
        end = start + _PIECE_BYTES
        # Where it touches the end, what follows may make it another, or none: the next piece has it whole.
        yield from (match for match in pattern.finditer(data, start, end) if match.end() < end or end >= len(data))


def permission_of(resource: str, method: str) -> str | None:
    """What ``app.tasks.create(…)`` needs: ``"write:tasks"``. None for a method that is none of ours."""
    if _READS.fullmatch(method):
        return f"read:{resource}"
    return f"write:{resource}" if _WRITES.fullmatch(method) else None


# Forms that providers have published for their own scanners; none matches what is only long and random. Kind, what is
# in every one of its kind, and the expression, which costs a hundred times as much as looking for that.
FORMS: Final = (
    ("private key", b"PRIVATE KEY", rb"-----BEGIN (?:[A-Z]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
    ("AWS access key", b"AKIA", rb"AKIA[0-9A-Z]{16}(?![0-9A-Za-z])"),
    ("AWS temporary key", b"ASIA", rb"ASIA[0-9A-Z]{16}(?![0-9A-Za-z])"),
    ("GitHub token", b"gh", rb"gh[opusr]_[0-9A-Za-z]{36}"),
    ("GitHub token", b"github_pat_", rb"github_pat_[0-9A-Za-z_]{22,}"),
    ("GitLab token", b"glpat-", rb"glpat-[0-9A-Za-z_-]{20}"),
    ("Slack token", b"xox", rb"xox[abeoprs]-[0-9A-Za-z-]{10,}"),
    ("Slack webhook", b"hooks.slack.com", rb"hooks\.slack\.com/services/T[0-9A-Z]{5,}/B[0-9A-Z]{5,}/[0-9A-Za-z]{16,}"),
    ("Stripe key", b"_live_", rb"[sr]k_live_[0-9A-Za-z]{16,}"),
    ("Stripe webhook secret", b"whsec_", rb"whsec_[0-9A-Za-z+/]{24,}"),
    ("Google API key", b"AIza", rb"AIza[0-9A-Za-z_-]{35}"),
    ("OpenAI key", b"T3BlbkFJ", rb"sk-(?:proj-|svcacct-)?[0-9A-Za-z_-]{20,}T3BlbkFJ[0-9A-Za-z_-]{20,}"),
    ("Anthropic key", b"sk-ant-", rb"sk-ant-[0-9A-Za-z_-]{24,}"),
    ("npm token", b"npm_", rb"npm_[0-9A-Za-z]{36}"),
    ("PyPI token", b"pypi-AgEI", rb"pypi-AgEI[0-9A-Za-z_-]{40,}"),
    ("SendGrid key", b"SG.", rb"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}"),
    ("JSON Web Token", b"eyJ", rb"eyJ[0-9A-Za-z_-]{16,}\.eyJ[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{20,}"),
    (
        "URL with a password",
        b"://",
        rb"(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|redis|amqps?)://[^\s:@/\"'`]{1,64}:[^\s@/\"'`<>${}]{6,64}@",
    ),
)
# A run of such characters is entered at its beginning only: a file of nothing but beginnings costs no square.
_SECRETS: Final = tuple((kind, hint, re.compile(rb"(?<![0-9A-Za-z_-])" + form)) for kind, hint, form in FORMS)


def secrets_in(name: str, data: bytes) -> Iterator[str]:
    """The first of each kind: counting the lines before every one would cost a square."""
    for kind, hint, pattern in _SECRETS:
        if hint in data and (match := next(_find(pattern, data), None)):
            line = data.count(b"\n", 0, match.start()) + 1
            yield f"{quote_name(name)}, line {line}: {kind}"


def _suffixes(suffixes: str) -> frozenset[str]:
    return frozenset(f".{suffix}" for suffix in suffixes.split())


# No validator sees what is inside one of these.
_ARCHIVES = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"LZIP": "lzip",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"MSCF": "cab",
    b"!<arch>\n": "ar",
}
_ARCHIVE_SUFFIXES = _suffixes("asar zip tar tgz gz bz2 xz 7z rar zst cab iso dmg jar crx vsix xpi apk br")
_TAR_AT, _TAR = 257, b"ustar"
_ZIP_END, _ZIP_END_WITHIN = b"PK\x05\x06", 22 + 0xFFFF

_PROGRAMS = {
    b"\x7fELF": "ELF",
    b"\xfe\xed\xfa\xce": "Mach-O",
    b"\xfe\xed\xfa\xcf": "Mach-O",
    b"\xce\xfa\xed\xfe": "Mach-O",
    b"\xcf\xfa\xed\xfe": "Mach-O",
    b"\xca\xfe\xba\xbe": "Mach-O or Java",
}
_DOS, _PE, _PE_AT = b"MZ", b"PE\x00\x00", slice(0x3C, 0x40)
_PROGRAM_SUFFIXES = _suffixes(
    "exe dll so dylib node msi com scr bat cmd ps1 vbs wsf hta lnk reg sh bash command desktop app deb rpm appimage"
)
SCRIPT_SUFFIXES = _suffixes("js mjs cjs jsx ts mts cts tsx html htm vue svelte")


def archive_inside(name: str, data: bytes) -> Iterator[str]:
    kind = next((kind for magic, kind in _ARCHIVES.items() if data.startswith(magic)), None)
    if kind is None and data[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        kind = "tar"
    if kind is None and data.rfind(_ZIP_END, -_ZIP_END_WITHIN) >= 0:
        kind = "zip behind something else"
    if kind is None and suffix_of(name) in _ARCHIVE_SUFFIXES:
        kind = "by its name"
    if kind is not None:
        yield f"{quote_name(name)} ({kind})"


def program_inside(name: str, data: bytes) -> Iterator[str]:
    kind = next((kind for magic, kind in _PROGRAMS.items() if data.startswith(magic)), None)
    if kind is None and _is_windows_program(data):
        kind = "Windows"
    suffix = suffix_of(name)
    if kind is None and data.startswith(b"#!") and suffix not in SCRIPT_SUFFIXES:
        kind = "shell script"
    if kind is None and suffix in _PROGRAM_SUFFIXES:
        kind = "by its name"
    if kind is not None:
        yield f"{quote_name(name)} ({kind})"


def suffix_of(name: str) -> str:
    return PurePosixPath(name).suffix.casefold()


def _is_windows_program(data: bytes) -> bool:
    """A text may begin with MZ; a program says where its header is."""
    header = int.from_bytes(data[_PE_AT], "little")
    return data.startswith(_DOS) and data[header : header + len(_PE)] == _PE


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
    for entry in archive.entries:  # folders, too: one that holds bytes is refused, but it is an entry like any other
        if entry.size_bytes > MAX_FILE_BYTES:
            yield f"{ascii(entry.name)[:200]} has {entry.size_bytes} bytes; at most {MAX_FILE_BYTES} are allowed."
        elif entry.size_bytes > RATIO_FROM_BYTES and entry.size_bytes > entry.packed_bytes * MAX_RATIO:
            yield f"{ascii(entry.name)[:200]} unpacks to more than {MAX_RATIO} times its size."
    total = sum(entry.size_bytes for entry in archive.entries)
    if total > MAX_UNPACKED_BYTES:
        yield f"All files together have {total} bytes; at most {MAX_UNPACKED_BYTES} are allowed."


def is_fit_to_unpack(archive: Archive) -> bool:
    return not any(entry.is_encrypted for entry in archive.entries) and next(size_faults(archive), None) is None


def scan(archive: Archive) -> Contents:
    """Memory holds one file at a time; time is bounded, and what it did not suffice for makes ``is_complete`` false."""
    contents = Contents()
    if not is_fit_to_unpack(archive):
        contents.is_complete = False
        return contents
    until = time.monotonic() + MAX_SECONDS
    for entry in archive.entries:
        if entry.is_directory:
            continue
        if time.monotonic() > until:
            contents.is_complete = False
            break
        _scan_entry(archive, entry, contents)
    return contents


def _scan_entry(archive: Archive, entry: Entry, contents: Contents) -> None:
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
