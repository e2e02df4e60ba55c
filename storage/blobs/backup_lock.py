"""While a backup of the service copies the blob folder, nothing is removed from it.

The backup takes the database first, then the blobs: what the one refers to must still be there when the other is copied
(``scripts/backup.sh``). It holds ``.hold`` exclusively for that long, by flock(2), so a backup that is killed holds
nothing; each removal holds it shared. The reaper takes what was spared.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adiuva.api.errors import UpstreamUnavailable

HOLD = ".hold"  # no key starts with a dot


class BlobsAreHeld(UpstreamUnavailable):
    def __init__(self) -> None:
        super().__init__("A backup of the service is being made; what goes now is removed later.", retry_after=60)


@contextmanager
def free_to_remove(root: Path) -> Iterator[None]:
    """Raises ``BlobsAreHeld`` while a backup copies ``root``, and keeps one from beginning inside the block.

    A folder that no backup was ever made of has no such file. One that begins between that look and the removal does
    no harm: what is removed here was unreferenced before, and so it is in the database the backup then takes.
    """
    try:
        lock = os.open(root / HOLD, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        yield
        return
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlobsAreHeld from None
        yield
    finally:
        os.close(lock)
