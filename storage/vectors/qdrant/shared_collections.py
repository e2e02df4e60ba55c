"""From one collection for all users to a folder for each, as folders of earlier versions are found."""

import logging
import os
import pickle
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from uuid import UUID

from storage.vectors.local_folders import SHARED_COLLECTIONS, folder_of, remove_shared
from storage.vectors.port import batches
from storage.vectors.qdrant.engine import UserEngine
from storage.vectors.qdrant.index import PREFIX

logger = logging.getLogger(__name__)

ROWS_A_READ = 500

# What a damaged pickle raises, and one of something else than a point.
_UNREADABLE = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
)


def move_to_users(root: Path) -> None:
    """Before anybody uses ``root``. Everything is copied and on the disk before what was copied goes, and a copy takes
    the place of the one before: after a crash the next start does it again from the beginning.

    Raises OSError, sqlite3.Error; UpstreamError, UpstreamUnavailable where a user's folder cannot be used.
    """
    moved = 0
    for source in sorted((root / SHARED_COLLECTIONS).glob(f"{PREFIX}*/storage.sqlite")):
        dimension = int(source.parent.name.removeprefix(PREFIX))
        with closing(sqlite3.connect(source)) as shared:
            for user_id, row_ids in _rows_by_user(shared).items():
                engine = UserEngine(folder_of(root, user_id))
                try:
                    engine.add_rows(dimension, _read_rows(shared, row_ids))
                finally:
                    engine.close()
                moved += len(row_ids)
    os.sync()
    remove_shared(root)
    logger.info("each user's vectors have a folder of their own now", extra={"vectors": moved})


def _rows_by_user(shared: sqlite3.Connection) -> dict[UUID, list[int]]:
    """A row that cannot be read is nobody's, and left out: it must not keep everybody from their vectors."""
    rows: dict[UUID, list[int]] = defaultdict(list)
    for row_id, point in shared.execute("SELECT rowid, point FROM points ORDER BY rowid"):
        try:
            user_id = UUID(pickle.loads(point).payload["user_id"])  # noqa: S301 - the engine's own file
        except _UNREADABLE:
            logger.warning("a row of the shared vectors cannot be read, and is left out", extra={"row": row_id})
            continue
        rows[user_id].append(row_id)
    return rows


def _read_rows(shared: sqlite3.Connection, row_ids: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    for some in batches(row_ids, ROWS_A_READ):
        places = ",".join("?" * len(some))
        yield from shared.execute(f"SELECT id, point FROM points WHERE rowid IN ({places}) ORDER BY rowid", some)  # noqa: S608
