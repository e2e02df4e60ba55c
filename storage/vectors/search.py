"""A user's vectors: rows that keep the sealed blobs and count, and the vector store, which finds their ids.

The rows are the truth (``docs/adr/0007``). What the store finds without a row does not exist: a commit that failed
after the store had answered leaves such a point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import close_old_connections
from django.db.models import Sum

from adiuva.api.errors import ChecksumMismatch, ValidationFailed
from adiuva.observability.metrics import UPLOAD_BYTES, UPLOADS
from storage.checksums import checksum_of, verify_checksum
from storage.models import StoredVector
from storage.quota import Kind, lock_usage, lock_usage_row, usage_of
from storage.vectors.factory import erase_vectors_of, get_vector_store, may_hold_vectors_of, uses_local_engine
from storage.vectors.port import Point, derive_vector

SPARE_HITS = 10  # hits that may turn out to have no row before the store is asked again
MOST_HITS = 10_000  # what Pinecone gives at most


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVector:
    """As the client sent it; without ``vector`` one is derived from the blob. ``field`` names it in errors."""

    id: UUID
    blob: bytes
    checksum: str
    vector: list[float] | None
    field: str

    @property
    def floats(self) -> list[float]:
        return derive_vector(self.blob) if self.vector is None else self.vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """``score`` is the cosine, from -1 to 1."""

    id: UUID
    score: float
    blob: bytes
    checksum: str


def upsert_vectors(*, user_id: UUID, vectors: Sequence[NewVector]) -> int:
    """Writes all of them or none, and returns how many. Ids are different from each other.

    Raises:
        ChecksumMismatch: with the ``ids`` of the blobs that are not what the client hashed.
        ValidationFailed: their dimensions differ from each other, or from that of the user's other vectors.
        QuotaExceeded: the tier's storage has no room.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the vector store failed.
    """
    _reject_tampered(vectors)
    if not vectors:
        return 0
    points = [Point(vector.id, vector.floats) for vector in vectors]
    dimension = _require_one_dimension(vectors, points)
    close_old_connections()  # the store may be slow to open, and a pooled connection is not kept for that
    store = get_vector_store()
    if dimension > store.largest_dimension():
        raise _vector_error(vectors[0], f"The vector store takes at most {store.largest_dimension()} dimensions.")
    with lock_usage(user_id) as usage:
        if usage.row.vector_dimension not in {None, dimension}:
            raise _vector_error(vectors[0], _dimension_message(usage.row.vector_dimension, dimension))
        replaced = StoredVector.objects.for_user(user_id).filter(id__in=[vector.id for vector in vectors])
        removed = replaced.aggregate(total=Sum("size_bytes", default=0))["total"]
        usage.charge(Kind.STORAGE, added=sum(len(vector.blob) for vector in vectors), removed=removed)
        usage.row.vector_dimension = dimension
        replaced.delete()
        StoredVector.objects.bulk_create(_make_row(user_id, vector) for vector in vectors)
        store.upsert(user_id, points)
    UPLOADS.labels("vectors").inc()
    UPLOAD_BYTES.labels("vectors").inc(sum(len(vector.blob) for vector in vectors))
    return len(vectors)


def search_vectors(*, user_id: UUID, vector: list[float], top_k: int, field: str) -> list[Hit]:
    """At most ``top_k`` of the user's vectors, best first, equal ones by id.

    Raises:
        ValidationFailed: on ``field``, when the user's vectors have another dimension.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the vector store failed.
    """
    usage = usage_of(user_id)
    if usage is None or usage.vector_dimension is None:
        return []
    if len(vector) != usage.vector_dimension:
        raise ValidationFailed({field: [_dimension_message(usage.vector_dimension, len(vector))]})
    best = _find_best_with_rows(user_id, vector, top_k)
    rows = {
        row.id: row
        for row in StoredVector.objects.for_user(user_id).filter(id__in=[vector_id for vector_id, _ in best])
    }
    return [
        Hit(id=vector_id, score=score, blob=bytes(rows[vector_id].blob), checksum=rows[vector_id].checksum)
        for vector_id, score in best
        if vector_id in rows
    ]


def delete_vectors(*, user_id: UUID, ids: Sequence[UUID]) -> int:
    """Returns how many there were.

    Raises:
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the vector store failed, and the rows are still there.
            It may have forgotten some; the same call again finishes it.
    """
    mine = StoredVector.objects.for_user(user_id)
    if not mine.filter(id__in=ids).exists():
        return 0
    close_old_connections()
    store = get_vector_store()
    with lock_usage(user_id) as usage:
        sizes = dict(mine.filter(id__in=ids).values_list("id", "size_bytes"))
        if not sizes:
            return 0
        dimension = usage.row.vector_dimension
        usage.charge(Kind.STORAGE, added=0, removed=sum(sizes.values()))
        mine.filter(id__in=sizes).delete()
        if not mine.exists():
            usage.row.vector_dimension = None
        if dimension is not None:
            store.delete(user_id, list(sizes), dimension=dimension)
    return len(sizes)


def erase_vectors(user_id: UUID) -> None:
    """All of them, for ``accounts.erasure``; may run again, also for an account that is gone.

    The store comes first, and both under the user's lock: an upsert that was let in before the account was closed is
    waited for, or its points would come after the erasure.

    Raises:
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: something is left; the erasure is tried again.
    """
    if not uses_local_engine():
        get_vector_store()  # its SDK takes seconds, and nobody waits for a lock meanwhile
    with lock_usage_row(user_id) as usage:
        if may_hold_vectors_of(user_id):
            erase_vectors_of(user_id)
        mine = StoredVector.objects.for_user(user_id)
        removed = mine.aggregate(total=Sum("size_bytes", default=0))["total"]
        mine.delete()
        if usage is not None:
            # A counter that is wrong must not block the erasure.
            usage.storage_bytes = max(0, usage.storage_bytes - removed)
            usage.vector_dimension = None
            usage.save(update_fields=["storage_bytes", "vector_dimension", "updated_at"])


def _reject_tampered(vectors: Sequence[NewVector]) -> None:
    """Looks at every one of them, so that the client learns all at once."""
    wrong = [vector.id for vector in vectors if not verify_checksum(vector.checksum, checksum_of(vector.blob))]
    if wrong:
        raise ChecksumMismatch("The SHA-256 of these blobs is not the checksum given.", ids=[str(one) for one in wrong])


def _require_one_dimension(vectors: Sequence[NewVector], points: Sequence[Point]) -> int:
    first = len(points[0].vector)
    for vector, point in zip(vectors, points, strict=True):
        if len(point.vector) != first:
            raise _vector_error(
                vector, f"All vectors have one dimension: this has {len(point.vector)}, the first {first}."
            )
    return first


def _dimension_message(stored: int | None, given: int) -> str:
    return f"All of a user's vectors have one dimension: this has {given}, those stored have {stored}."


def _vector_error(vector: NewVector, message: str) -> ValidationFailed:
    return ValidationFailed({f"{vector.field}.vector": [message]})


def _make_row(user_id: UUID, vector: NewVector) -> StoredVector:
    return StoredVector(
        user_id=user_id, id=vector.id, blob=vector.blob, checksum=vector.checksum, size_bytes=len(vector.blob)
    )


def _find_best_with_rows(user_id: UUID, vector: list[float], top_k: int) -> list[tuple[UUID, float]]:
    """Asks the store for more as long as hits without a row keep others from being seen."""
    limit = top_k + SPARE_HITS
    while True:
        close_old_connections()
        hits = get_vector_store().search(user_id, vector, limit)
        mine = StoredVector.objects.for_user(user_id)
        with_rows = set(mine.filter(id__in=[vector_id for vector_id, _ in hits]).values_list("id", flat=True))
        best = [hit for hit in hits if hit[0] in with_rows][:top_k]
        if len(best) == top_k or len(hits) < limit or limit == MOST_HITS:
            return best
        limit = min(limit * 4, MOST_HITS)
