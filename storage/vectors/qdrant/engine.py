"""Qdrant's local engine in the folder of one user."""

import os
import pickle
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from qdrant_client import QdrantClient, models

from adiuva.api.errors import UpstreamError, UpstreamUnavailable
from storage.vectors.local_folders import META
from storage.vectors.port import Scope
from storage.vectors.qdrant.index import QdrantIndex, collection_name


@contextmanager
def translate_errors() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise UpstreamUnavailable("The vector store's folder cannot be used.") from error
    except (ValueError, KeyError, RuntimeError, EOFError, pickle.UnpicklingError) as error:  # the last: a damaged row
        raise UpstreamError("The vector store failed.") from error


class UserEngine(QdrantIndex):
    """All vectors of the user in memory, and in a database each dimension. The folder is made if it is not there.

    Plain Python objects that know no threads: whoever has it uses it under a lock.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        with self._call():
            self._client = QdrantClient(path=str(folder), force_disable_check_same_thread=True)
            for collection in self._client.get_collections().collections:
                self._tune(collection.name)

    def add_rows(self, dimension: int, rows: Iterable[tuple[str, bytes]]) -> None:
        """Rows of another of the engine's databases, into the file only: close it then. All of them or none."""
        with self._call():
            self._create(collection_name(dimension), dimension)
            with self._database(collection_name(dimension)) as database:
                database.executemany("INSERT OR REPLACE INTO points VALUES (?, ?)", rows)

    def _call(self) -> AbstractContextManager[None]:
        return translate_errors()

    def _those_of(self, scope: Scope) -> None:
        """A filter would be asked for each point, in Python: 20,000 of them are 0.2 s."""

    def _select(self, scope: Scope, point_ids: Sequence[str]) -> models.PointsSelector:
        return models.PointIdsList(points=list(point_ids))

    def _create(self, name: str, dimension: int) -> None:
        if self._client.collection_exists(name):
            return
        self._client.create_collection(
            name, vectors_config=models.VectorParams(size=dimension, distance=models.Distance.COSINE)
        )
        self._tune(name)
        # The engine does not: after a power cut the list might be empty, and the vectors would count for nothing.
        for path in (self._folder / META, self._folder, *self._folder.parents[:2]):
            _sync(path)

    def _tune(self, name: str) -> None:
        """The engine commits each point by itself: 100 take a second of fsync, and in this mode 15 ms.

        What a power cut may cost is the same as in our own SQLite (``settings.DATABASES``): the last commits.
        """
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
            with closing(self._database(name).execute(f"PRAGMA {pragma}")):
                pass

    def _database(self, name: str) -> sqlite3.Connection:
        opened: sqlite3.Connection = self._client._client.collections[name].storage.storage  # type: ignore[attr-defined]  # noqa: SLF001 - there is no option
        return opened


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
