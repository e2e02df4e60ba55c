"""What is in an export: each app registers what it holds of an account, in ``AppConfig.ready()``.

Small things are documents, JSON files at the top of the archive. What is sealed, and there may be very much of it, is a
collection: a folder of entries beside an index that describes them.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

Collect = Callable[[UUID], Mapping[str, Any]]


class ItemReader(Protocol):
    """The bytes of one item, to be iterated. ``close`` may come at any time, also again."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SealedItem:
    """``name`` is the entry's, below its collection's folder: ASCII, the same for each item for ever. ``ref`` is where
    the collection finds the bytes; it must be another one when the bytes are others. ``about`` is what the index says.
    """

    name: str
    ref: str
    size_bytes: int
    checksum: str
    about: Mapping[str, Any]


class Opener(Protocol):
    def __call__(self, ref: str, /, *, start: int, end: int) -> ItemReader:
        """The bytes from ``start`` up to, and without, ``end``. In any thread, without the database. Raises
        ``FileNotFoundError``.
        """


ReadRows = Callable[[UUID, Sequence[str]], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class Collection:
    """``folder`` has eight characters with its slash (``accounts.export.plan``). ``list_items`` gives them in an order
    of its own that never changes, a few at a time out of the database, and opens nothing.

    Their bytes come from ``open_item``, or, where they are rows, from ``read_rows(user_id, refs)``: what is not in its
    answer is gone.
    """

    folder: str
    list_items: Callable[[UUID], Iterator[SealedItem]]
    open_item: Opener | None = None
    read_rows: ReadRows | None = None


_documents: dict[str, Collect] = {}
_collections: dict[str, Collection] = {}


def register_document(name: str, collect: Collect) -> None:
    """``collect(user_id)`` gives the content of the file ``name``: plain values, dates and UUIDs. Never a
    secret of the server's: no hash of a password, code or token, and nothing that lets anybody in.
    """
    _documents[name] = collect


def register_collection(collection: Collection) -> None:
    _collections[collection.folder] = collection


def documents() -> Mapping[str, Collect]:
    return _documents


def collections() -> list[Collection]:
    return list(_collections.values())
