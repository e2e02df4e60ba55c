"""Validators of the package: what its directory says, and what the scan of its files has found."""

import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from marketplace.submissions.manifest import MAX_PATH, entrypoint_path
from marketplace.submissions.validators.base import InconclusiveError, Outcome, Submission, judge
from marketplace.submissions.validators.contents import MAX_UNPACKED_BYTES, MIB, size_faults
from marketplace.submissions.zip_archives import MAX_ENTRIES, Archive, ArchiveError, TooManyEntriesError, quote_name

MAX_DEPTH: Final = 16
# What Windows does not take in a name, or takes for a device.
_SIGNS: Final = re.compile(r'[<>:"|?*\\]')
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_UNSEEN: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_REPARSE_POINT: Final = 0x400  # Windows: a link
_ORDINARY: Final = {0, stat.S_IFREG, stat.S_IFDIR}


def is_zip(submission: Submission) -> Outcome:
    try:
        archive = submission.open_archive()
    except TooManyEntriesError:
        raise InconclusiveError from None
    except ArchiveError as error:
        return Outcome(passed=False, message=str(error))
    count = len(archive.entries)
    return Outcome(passed=True, message=f"A zip archive of {count} {'entry' if count == 1 else 'entries'}.")


def sizes(submission: Submission) -> Outcome:
    try:
        submission.open_archive()
    except TooManyEntriesError as error:
        return Outcome(passed=False, message=str(error))
    except ArchiveError:
        raise InconclusiveError from None
    return judge(
        size_faults(submission.archive),
        ok=f"At most {MAX_ENTRIES} entries and {MAX_UNPACKED_BYTES // MIB} MiB, and nothing grows out of proportion.",
        wrong="The package is too large when it is unpacked.",
    )


def paths(submission: Submission) -> Outcome:
    faults = (
        f"{quote_name(entry.name)}: {fault}"
        for entry in submission.archive.entries
        if (fault := path_fault(entry.name))
    )
    return judge(faults, ok="Every path stays inside the package.", wrong="Paths are not safe on every system.")


def path_fault(name: str) -> str | None:
    """Why ``name`` must not be unpacked; None for a relative path that means the same everywhere."""
    path = name.removesuffix("/")
    segments = path.split("/")
    faults = {
        "is absolute": path.startswith("/") or re.match(r"[A-Za-z]:", path),
        "has a backslash, which some take for a slash": "\\" in path,
        "has an empty segment, . or ..": any(segment in {"", ".", ".."} for segment in segments),
        f"is longer than {MAX_PATH} bytes": len(path.encode()) > MAX_PATH,
        f"is deeper than {MAX_DEPTH} folders": len(segments) > MAX_DEPTH,
        "has invisible characters": any(unicodedata.category(sign) in _UNSEEN for sign in path),
        "is not a name on Windows": _SIGNS.search(path)
        or any(_DEVICE.fullmatch(one) or one.endswith((".", " ")) for one in segments),
    }
    return next((fault for fault, is_so in faults.items() if is_so), None)


def links(submission: Submission) -> Outcome:
    faults = (
        quote_name(entry.name)
        for entry in submission.archive.entries
        if entry.file_type not in _ORDINARY
        or entry.dos_attributes & _REPARSE_POINT
        or entry.mode & (stat.S_ISUID | stat.S_ISGID)
        or (entry.file_type == stat.S_IFDIR and not entry.is_directory)
        or (entry.file_type == stat.S_IFREG and entry.is_directory)
    )
    return judge(faults, ok="Files and folders only.", wrong="Links, devices, or files with special rights.")


def names(submission: Submission) -> Outcome:
    return judge(
        collisions(entry.name for entry in submission.archive.entries),
        ok="Every name is unique, even where case does not count.",
        wrong="Two entries would be one file.",
    )


def collisions(entry_names: Iterable[str]) -> Iterator[str]:
    """Names that would be one file where case and composition do not count, or a file where a folder is needed."""
    seen: set[str] = set()
    files: set[str] = set()
    folders: set[str] = set()
    for name in entry_names:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold()).rstrip("/")
        if key in seen:
            yield quote_name(name)
        seen.add(key)
        segments = key.split("/")
        folders.update("/".join(segments[:depth]) for depth in range(1, len(segments)))
        if not name.endswith("/"):
            files.add(key)
    yield from (f"{quote_name(both)} is a file and a folder" for both in sorted(files & folders))


def encryption(submission: Submission) -> Outcome:
    faults = (quote_name(entry.name) for entry in submission.archive.entries if entry.is_encrypted)
    return judge(faults, ok="Nothing is encrypted.", wrong="Encrypted files cannot be inspected.")


def integrity(submission: Submission) -> Outcome:
    archive: Archive = submission.archive
    folders = [quote_name(entry.name) for entry in archive.entries if entry.is_directory and entry.size_bytes]
    contents = submission.contents
    if not contents.is_complete and not contents.damaged:
        raise InconclusiveError
    return judge(
        [*folders, *contents.damaged],
        ok="Every file is whole: as long as it says, and with its CRC-32.",
        wrong="Files are damaged.",
    )


def entrypoint(submission: Submission) -> Outcome:
    name = entrypoint_path(submission.manifest.get("entrypoint"))
    if name is None or path_fault(name) or name.endswith("/"):
        return Outcome(passed=False, message="The entrypoint must be a path in the package, such as main.js.")
    if not any(entry.name == name and entry.size_bytes for entry in submission.archive.entries):
        return Outcome(passed=False, message=f"There is no {quote_name(name)} in the package, or it is empty.")
    return Outcome(passed=True, message="The entrypoint is in the package.")


def _findings_of(submission: Submission, finder: str) -> list[str]:
    """Raises ``InconclusiveError`` where the look did not reach every file."""
    contents = submission.contents
    if contents.damaged or not contents.is_complete:
        raise InconclusiveError
    return contents.found[finder]


def nested_archives(submission: Submission) -> Outcome:
    return judge(
        _findings_of(submission, "archives"),
        ok="No archive in the archive.",
        wrong="Archives in the package hide what is in them; put the files there themselves.",
    )


def programs(submission: Submission) -> Outcome:
    return judge(
        _findings_of(submission, "programs"),
        ok="No programs other than scripts for the app.",
        wrong="Programs that run outside the app.",
    )


def secrets(submission: Submission) -> Outcome:
    return judge(
        _findings_of(submission, "secrets"),
        ok="No keys or tokens were found.",
        wrong="Keys or tokens: take them out, and revoke them, because they have left your machine.",
    )


def undeclared_permissions(submission: Submission) -> Outcome:
    declared = submission.manifest.get("permissions")
    used = set(_findings_of(submission, "permissions"))
    names = {one for one in declared if isinstance(one, str)} if isinstance(declared, list) else set()
    return judge(
        sorted(used - names),
        ok="The code asks for no more than the manifest.",
        wrong="The code uses permissions that the manifest does not ask for.",
    )
