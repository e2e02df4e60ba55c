"""Many records read at once: the change feed with bytes, and records by their ids."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from storage.models import StorageRecord
from storage.records.bulk.answers import Item
from storage.records.bulk.requests import MOST_BYTES
from storage.records.change_feed import Change, FeedPage
from storage.records.serializers import ChangeSerializer, RecordMetaSerializer
from storage.staging import release_connection

logger = logging.getLogger(__name__)

PAGE_BYTES = 8 * 1024 * 1024  # of sealed bytes on a page of the feed
BLOB_BYTES, MOST_BLOB_BYTES = 64 * 1024, 1024 * 1024  # of one of them

_META = ("id", "table_name", "checksum", "size_bytes", "revision", "created_at", "updated_at", "s3_key")


@dataclass(frozen=True, slots=True)
class PageWithBytes:
    """Which changes of the feed come with their bytes: puts of at most ``max_blob_bytes``, 8 MiB a page."""

    max_blob_bytes: int

    def fit(self, changes: list[Change]) -> int:
        """How many of them make one page. The first always fits: the bytes of one are fewer than a page's."""
        left = PAGE_BYTES
        for index, change in enumerate(changes):
            left -= change.size_bytes if self._comes_with_bytes(change) else 0
            if left < 0:
                return index
        return len(changes)

    def items(self, page: FeedPage) -> Iterator[Item]:
        for change in page.changes:
            key = change.s3_key if self._comes_with_bytes(change) else None
            yield Item(ChangeSerializer.serialize(change), key, change.size_bytes)

    def _comes_with_bytes(self, change: Change) -> bool:
        return change.s3_key is not None and change.size_bytes <= self.max_blob_bytes


def without_bytes(item: Item) -> Item:
    """A change whose blob is gone. The record was changed since the page was read, and that change is on a later one;
    or the blob is lost: then ``GET`` says so.
    """
    logger.warning("a change goes out without its bytes", extra={"key": item.key})
    return Item(item.meta)


@dataclass(slots=True)
class Fetch:
    """``items`` are the records of ``ids`` in this order, up to 16 MiB; after they were iterated ``rest`` says what
    became of the other ids.
    """

    user_id: UUID
    ids: list[UUID]
    _left: int = MOST_BYTES
    _rest: dict[str, list[str]] = field(default_factory=lambda: {"missing": [], "more": [], "too_large": []})

    def items(self) -> Iterator[Item]:
        rows = {row["id"]: row for row in self._rows(self.ids)}
        chosen = []
        for record_id in self.ids:
            row = rows.get(record_id)
            if row is None:
                self._say("missing", record_id)
            elif self._has_room(row, goes_on=not self._rest["more"]):
                chosen.append(row)
        return map(_item, chosen)

    def rest(self) -> dict[str, Any]:
        return self._rest

    def read_again(self, item: Item) -> Item | None:
        """Its blob is gone: since it was replaced or deleted, or because it is lost. Then the record comes without its
        bytes, and ``GET`` says why.
        """
        record_id = UUID(item.meta["id"])
        row = next(iter(self._rows([record_id])), None)
        release_connection()  # the answer may go out slowly
        if row is None:
            self._say("missing", record_id)
            return None
        if row["s3_key"] == item.key:
            logger.error("the blob of a record is gone", extra={"key": item.key})
            return Item(item.meta)
        self._left += item.size_bytes
        return _item(row) if self._has_room(row) else None

    def _has_room(self, row: Any, *, goes_on: bool = True) -> bool:
        """Takes it, or says where the record is to be asked for instead."""
        if row["size_bytes"] > MOST_BYTES:
            self._say("too_large", row["id"])
        elif not goes_on or row["size_bytes"] > self._left:
            self._say("more", row["id"])
        else:
            self._left -= row["size_bytes"]
            return True
        return False

    def _rows(self, ids: list[UUID]) -> Any:
        return StorageRecord.objects.for_user(self.user_id).live().filter(id__in=ids).values(*_META)

    def _say(self, what: str, record_id: UUID) -> None:
        self._rest[what].append(str(record_id))


def _item(row: dict[str, Any]) -> Item:
    key = row.pop("s3_key")
    (meta,) = RecordMetaSerializer.serialize_rows([row])
    return Item(meta, key, row["size_bytes"])
