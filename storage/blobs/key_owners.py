"""Who owns which blob keys. Every app that keeps blobs registers here, so that the reaper, the integrity check, the
counters and the erasure of an account reach all of them, and storage imports none that lies above it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Model, Q, QuerySet, Sum

from storage.quota import Kind

PAGE = 500  # rows a query


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """A blob as its row describes it; ``item_id`` is the record's or snapshot's. ``user_id`` is None for what is no
    user's, ``verified_at`` before the first integrity check.
    """

    key: str
    checksum: str
    size_bytes: int
    user_id: UUID | None
    item_id: UUID
    verified_at: datetime | None


class BlobOwner(Protocol):
    """``name`` is what reports call one of its items: "record", "backup"."""

    name: str

    def claims(self, key: str) -> bool:
        """Whether ``key`` has the form of this owner's keys. What nobody claims is never deleted."""

    def find_referenced(self, keys: Collection[str]) -> set[str]:
        """Those of ``keys`` that a row refers to now; one query."""

    def to_verify(self, *, before: datetime) -> Iterator[StoredBlob]:
        """Every blob that was not verified since ``before``: never verified ones first, then the longest ago.

        A page a query: rows that change meanwhile may be met in either state, none is met twice.
        """

    def mark_verified(self, key: str, *, at: datetime) -> None:
        """Nothing where no row refers to ``key`` any more."""

    def used_bytes(self, user_ids: Collection[UUID]) -> Mapping[tuple[UUID, Kind], int]:
        """What each user's rows add up to, for the quotas this owner's items count towards; 0 may be left out."""

    def forget(self, user_id: UUID) -> None:
        """Deletes every row of the user's, in the caller's transaction, which holds the user's lock.

        The blobs under ``{user_id}/`` are the caller's to delete.
        """


_owners: dict[str, BlobOwner] = {}


def register(owner: BlobOwner) -> None:
    """Registering a name again replaces it."""
    _owners[owner.name] = owner


def owners() -> list[BlobOwner]:
    return list(_owners.values())


def owner_of(key: str) -> BlobOwner | None:
    """None: a key that nobody here has made."""
    return next((owner for owner in _owners.values() if owner.claims(key)), None)


def find_referenced(keys: Collection[str]) -> set[str]:
    """Those of ``keys`` that anybody refers to."""
    return set().union(*(owner.find_referenced(keys) for owner in _owners.values()))


def sum_used_bytes(user_ids: Collection[UUID]) -> dict[tuple[UUID, Kind], int]:
    """The sum over all owners, with a 0 for each user and kind that has nothing."""
    total = {(user_id, kind): 0 for user_id in user_ids for kind in Kind}
    for owner in _owners.values():
        for of, size in owner.used_bytes(user_ids).items():
            total[of] += size
    return total


def user_of(key: str) -> UUID | None:
    """Whose lock guards the key: its first part, where that is a user's id in the one spelling we write."""
    first = key.partition("/")[0]
    try:
        user_id = UUID(first)
    except ValueError:
        return None
    return user_id if str(user_id) == first else None


class RowsWithBlobs:
    """A ``BlobOwner`` over a model with ``user_id``, ``id``, ``s3_key``, ``checksum``, ``size_bytes``, ``verified_at``.

    ``rows`` gives those that have a blob.
    """

    def __init__(
        self, *, name: str, kind: Kind, rows: Callable[[], QuerySet[Any, Any]], claims: Callable[[str], bool]
    ) -> None:
        self.name = name
        self._kind = kind
        self._rows = rows
        self._claims = claims

    def claims(self, key: str) -> bool:
        return self._claims(key)

    def find_referenced(self, keys: Collection[str]) -> set[str]:
        return set(self._rows().filter(s3_key__in=keys).values_list("s3_key", flat=True))

    def to_verify(self, *, before: datetime) -> Iterator[StoredBlob]:
        # Two walks, each along an index from where the page before ended: what is marked verified meanwhile leaves the
        # walk, and what is not (damage) is passed once.
        never = self._rows().filter(verified_at__isnull=True).order_by("s3_key")
        yield from _read_pages(never, lambda last: Q(s3_key__gt=last.s3_key))
        long_ago = self._rows().filter(verified_at__lt=before).order_by("verified_at", "s3_key")
        yield from _read_pages(
            long_ago,
            lambda last: Q(verified_at__gt=last.verified_at) | Q(verified_at=last.verified_at, s3_key__gt=last.s3_key),
        )

    def mark_verified(self, key: str, *, at: datetime) -> None:
        # One row a statement: of several, two such updates could lock theirs in opposite orders.
        self._rows().filter(s3_key=key).update(verified_at=at)

    def used_bytes(self, user_ids: Collection[UUID]) -> dict[tuple[UUID, Kind], int]:
        return {(user_id, self._kind): size for user_id, size in sum_bytes_by_user(self._rows(), user_ids)}

    def forget(self, user_id: UUID) -> None:
        self._rows().filter(user_id=user_id).delete()


def sum_bytes_by_user(rows: QuerySet[Any, Any], user_ids: Collection[UUID]) -> list[tuple[UUID, int]]:
    """``(user id, sum of size_bytes)`` for those who have rows."""
    of_users = rows.filter(user_id__in=user_ids).order_by().values_list("user_id")
    return list(of_users.annotate(total=Sum("size_bytes")))


def _read_pages(rows: QuerySet[Any, Any], beyond: Callable[[Any], Q]) -> Iterator[StoredBlob]:
    last: Model | None = None
    while True:
        page = list((rows if last is None else rows.filter(beyond(last)))[:PAGE])
        for row in page:
            yield StoredBlob(
                key=row.s3_key,
                checksum=row.checksum,
                size_bytes=row.size_bytes,
                user_id=row.user_id,
                item_id=row.id,
                verified_at=row.verified_at,
            )
        if len(page) < PAGE:
            return
        last = page[-1]
