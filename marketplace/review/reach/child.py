"""The process that reads strangers' code: started by ``process``, it can do nothing but read what it is given, think
for a while and write its answer.

It loads nothing of Django and is given no environment. Before it reads a byte of the package it takes everything away
from itself: memory, time, files, processes; with no descriptor left to open, it has no socket either.
"""

import gc
import json
import os
import resource
import sys
from typing import Any, Final

from marketplace.review.reach.analysis import SECONDS, analyse_files
from marketplace.review.reach.findings import failed_report
from marketplace.review.reach.syntax import load_grammars
from marketplace.submissions.validators.contents import is_fit_to_unpack
from marketplace.submissions.zip_archives import Archive, ArchiveError, Entry

MEMORY_BYTES: Final = 1024**3
CPU_SECONDS: Final = 18
_PACKAGE, _DESCRIPTORS = 0, 3  # the package is standard input; 0, 1 and 2 are all there are
_STACK: Final = 3_000
_GARBAGE: Final = 500_000


def main() -> None:
    asked = json.loads(sys.argv[1])
    load_grammars()
    limit()
    sys.setrecursionlimit(_STACK)
    gc.set_threshold(_GARBAGE)  # trees are made of objects that stay for as long as their file is looked at
    try:
        report = _analyse(asked)
    except ArchiveError:
        report = failed_report("The package is no archive that can be read.")
    except MemoryError:
        report = failed_report("There was not enough memory to look at everything.")
    sys.stdout.buffer.write(json.dumps(report).encode("ascii"))
    sys.stdout.buffer.flush()


def limit() -> None:
    """For good: what is given up cannot be raised again."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_NOFILE, _DESCRIPTORS),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (soft, soft))


def _analyse(asked: dict[str, Any]) -> dict[str, Any]:
    file = os.fdopen(_PACKAGE, "rb", closefd=False)
    archive = Archive(file, size_bytes=os.fstat(_PACKAGE).st_size)
    if not is_fit_to_unpack(archive):
        return failed_report("The package is encrypted, or too large when it is unpacked.")
    # Small ones first: one that takes all the time must not keep the others from being looked at.
    entries = sorted((one for one in archive.entries if not one.is_directory), key=lambda one: one.size_bytes)
    files = [(entry.name, _reader(archive, entry)) for entry in entries]
    return analyse_files(
        files, permissions=asked["permissions"], entrypoint=asked["entrypoint"], seconds=asked.get("seconds", SECONDS)
    )


def _reader(archive: Archive, entry: Entry) -> Any:
    def read() -> bytes:
        try:
            return archive.read(entry)
        except ArchiveError as error:
            raise OSError(str(error)) from None

    return read


if __name__ == "__main__":
    main()
