"""What an export of an account holds of records and vectors (``accounts.export``): the sealed bytes as they are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.export.registry import Collection, ItemReader, SealedItem, register_collection
from storage.blobs.factory import get_blob_store
from storage.models import RecordVersion, StorageRecord, StoredVector

PAGE = 1000


def by_id(rows: QuerySet[Any], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """``columns``, ``id`` among them, of all rows of one user's: pages, since no cursor outlives a connection."""
    last = None
    while True:
        rest = rows if last is None else rows.filter(id__gt=last)
        page = list(rest.order_by("id").values(*columns)[:PAGE])
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1]["id"]


def open_blob(ref: str, /, *, start: int, end: int) -> ItemReader:
    return get_blob_store().download(ref, start=start, end=end)


def list_records(user_id: UUID) -> Iterator[SealedItem]:
    columns = ("id", "table_name", "s3_key", "checksum", "size_bytes", "revision", "created_at", "updated_at")
    for row in by_id(StorageRecord.objects.for_user(user_id).live(), columns):
        key = row.pop("s3_key")
        yield SealedItem(f"{row['table_name']}/{row['id']}", key, row["size_bytes"], row["checksum"], row)


def list_versions(user_id: UUID) -> Iterator[SealedItem]:
    """Earlier states of records, those of deleted ones too."""
    columns = ("record_id", "revision", "table_name", "s3_key", "checksum", "size_bytes", "created_at", "replaced_at")
    rows = RecordVersion.objects.for_user(user_id).order_by("record_id", "revision")
    page: list[dict[str, Any]] = []
    while True:
        if page:
            last_id, last_revision = page[-1]["record_id"], page[-1]["revision"]
            beyond = Q(record_id__gt=last_id) | Q(record_id=last_id, revision__gt=last_revision)
            page = list(rows.filter(beyond).values(*columns)[:PAGE])
        else:
            page = list(rows.values(*columns)[:PAGE])
        for row in page:
            key, name = row.pop("s3_key"), f"{row['table_name']}/{row['record_id']}.{row['revision']}"
            yield SealedItem(name, key, row["size_bytes"], row["checksum"], row)
        if len(page) < PAGE:
            return


def list_vectors(user_id: UUID) -> Iterator[SealedItem]:
    for row in by_id(StoredVector.objects.for_user(user_id), ("id", "checksum", "size_bytes", "updated_at")):
        yield SealedItem(str(row["id"]), str(row["id"]), row["size_bytes"], row["checksum"], row)


def read_vectors(user_id: UUID, refs: Sequence[str]) -> Mapping[str, bytes]:
    rows = StoredVector.objects.for_user(user_id).filter(id__in=refs).values_list("id", "blob")
    return {str(vector_id): bytes(blob) for vector_id, blob in rows}


def register() -> None:
    register_collection(Collection("records/", list_records, open_item=open_blob))
    register_collection(Collection("earlier/", list_versions, open_item=open_blob))
    register_collection(Collection("vectors/", list_vectors, read_rows=read_vectors))
