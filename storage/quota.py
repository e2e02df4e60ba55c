"""Quotas and usage: what a user has stored and may store, and the one lock under which all counters change."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.sockets.messages import tell_changes
from adiuva.api.errors import InvalidToken, QuotaExceeded
from adiuva.db.compiled_queries import CompiledQuery
from adiuva.db.compiled_writes import CompiledWrites
from billing.entitlements import COLUMNS, RELATIONS, limit
from storage.epochs import revision_floor, settled_epoch
from storage.models import StorageUsage
from storage.versions.giving_way import give_way

_USAGE = CompiledQuery(lambda user_id: StorageUsage.objects.filter(user_id=user_id))
_USAGE_TO_LOCK = CompiledQuery(lambda user_id: StorageUsage.objects.select_for_update().filter(user_id=user_id))
_WRITES = CompiledWrites(StorageUsage)
# What a quota asks of an account is its tier. The epoch's floor comes along: a query less for each commit.
_ACCOUNT = CompiledQuery(
    lambda user_id: (
        User.objects.select_related(*RELATIONS)
        .filter(id=user_id, is_active=True)
        .only("id", *COLUMNS)
        .annotate(revision_floor=revision_floor())
        .order_by()
    )
)


class Kind(StrEnum):
    """The two quotas of docs/api.md § 11, named as ``GET /storage/quota`` does."""

    STORAGE = "storage"
    BACKUP = "backup"


_TIER_LIMITS = {Kind.STORAGE: "cloud_storage_bytes", Kind.BACKUP: "backup_storage_bytes"}


def limit_bytes(user: User, kind: Kind, usage: StorageUsage | None) -> int | None:
    """The operator's override, else the live tier's amount; None is unlimited."""
    override: int | None = getattr(usage, f"{kind}_limit_bytes", None)
    return override if override is not None else limit(user, _TIER_LIMITS[kind])


def used_bytes(usage: StorageUsage | None, kind: Kind) -> int:
    return getattr(usage, f"{kind}_bytes") if usage is not None else 0


def taken_bytes(usage: StorageUsage | None, kind: Kind) -> int:
    """What a new upload has to leave alone: what is stored, and what unfinished uploads have reserved.

    Earlier states of records are not among it: they give way.
    """
    return used_bytes(usage, kind) + reserved_bytes(usage, kind)


def reserved_bytes(usage: StorageUsage | None, kind: Kind) -> int:
    return getattr(usage, f"{kind}_reserved_bytes") if usage is not None else 0


def usage_of(user_id: UUID) -> StorageUsage | None:
    """None where nothing was ever stored."""
    return _USAGE.first(user_id)


def require_room(*, limit: int | None, used: int, requested: int, replaced: int = 0) -> None:
    """Passes when ``requested`` bytes may take the place of ``replaced`` ones.

    What is over its limit, after a downgrade say, may shrink but not grow; a quota of 0 takes nothing, not
    even 0 bytes.

    Raises:
        QuotaExceeded: otherwise.
    """
    if limit is None:
        return
    if limit == 0 or (requested > replaced and used - replaced + requested > limit):
        raise QuotaExceeded(limit_bytes=limit, used_bytes=used, requested_bytes=requested)


class LockedUsage:
    """The row, held by this transaction: nobody else commits for this user until it ends."""

    def __init__(self, row: StorageUsage, *, revision_floor: int | None) -> None:
        self.row = row
        self._revision_floor = revision_floor
        self._has_grown = False

    def charge(self, kind: Kind, *, added: int, removed: int = 0) -> None:
        """Counts ``added`` bytes in and ``removed`` ones out. Raises ``QuotaExceeded`` when the quota has no room."""
        if added:
            self._require_room(kind, requested=added, replaced=removed)
        setattr(self.row, f"{kind}_bytes", used_bytes(self.row, kind) + added - removed)

    def reserve(self, kind: Kind, size_bytes: int) -> None:
        """For an upload that goes on over several requests. Raises ``QuotaExceeded`` when the quota has no room."""
        self._require_room(kind, requested=size_bytes)
        setattr(self.row, f"{kind}_reserved_bytes", reserved_bytes(self.row, kind) + size_bytes)

    def release(self, kind: Kind, size_bytes: int) -> None:
        """What was reserved: the upload is over, or becomes what is charged."""
        setattr(self.row, f"{kind}_reserved_bytes", reserved_bytes(self.row, kind) - size_bytes)

    def _require_room(self, kind: Kind, *, requested: int, replaced: int = 0) -> None:
        room = limit_bytes(self.row.user, kind, self.row)
        require_room(limit=room, used=taken_bytes(self.row, kind), requested=requested, replaced=replaced)
        self._has_grown = True

    def settle(self) -> None:
        """After the last change. The limit holds for earlier states of records too, and it is they that go."""
        if self._has_grown and self.row.versions_bytes:
            limit = limit_bytes(self.row.user, Kind.STORAGE, self.row)
            if limit is not None:
                give_way(self.row, to_bytes=limit - taken_bytes(self.row, Kind.STORAGE))

    def next_seq(self) -> int:
        """The number of the change that this transaction makes: no gap, and none visible before a smaller one."""
        self.row.last_seq += 1
        return self.row.last_seq

    def next_revision(self, current: int = 0) -> int:
        """After ``current``, 0 for a record that is new: above whatever was given before the service last went back to
        a backup. A device may know such a revision, and what comes later must not look older to it.
        """
        if self._revision_floor is None:  # a restore has left no epoch
            self._revision_floor = settled_epoch().revision_floor
        return max(current, self._revision_floor) + 1


@contextmanager
def lock_usage(user_id: UUID) -> Iterator[LockedUsage]:
    """One transaction with the user's counters locked; they are saved when the block ends well.

    Raises:
        InvalidToken: the account was closed in the meantime. What its erasure has passed must not come back.
    """
    with transaction.atomic():
        row = _USAGE_TO_LOCK.first(user_id) or _create_and_lock(user_id)
        # A statement of its own: one that waited for the lock still sees account and tier as they were before.
        user = _ACCOUNT.first(user_id)
        if user is None:
            raise InvalidToken
        row.user = user
        last_seq = row.last_seq
        usage = LockedUsage(row, revision_floor=user.revision_floor)  # type: ignore[attr-defined]  # annotated
        yield usage
        usage.settle()
        _WRITES.update(row)
        if row.last_seq != last_seq:
            transaction.on_commit(partial(tell_changes, user_id=user_id, seq=row.last_seq))


def _create_and_lock(user_id: UUID) -> StorageUsage:
    StorageUsage.objects.bulk_create([StorageUsage(user_id=user_id)], ignore_conflicts=True)
    row = _USAGE_TO_LOCK.first(user_id)
    if row is None:  # erased in this very moment
        raise InvalidToken
    return row


MOST_BYTES = 2**63 - 1  # what the column holds


def set_limits(*, user: User, limits: Mapping[Kind, int | None]) -> dict[Kind, tuple[int | None, int | None]]:
    """``{kind: (bytes before, bytes after)}`` as they hold from the next request on, for both kinds.

    A limit of None goes back to the tier's; as a result None is unlimited.

    Raises:
        ValueError: negative, or more than can be stored.
        User.DoesNotExist: the account went in the meantime.
    """
    if any(limit is not None and not 0 <= limit <= MOST_BYTES for limit in limits.values()):
        raise ValueError(f"a quota is between 0 and {MOST_BYTES} bytes")
    with lock_usage_row(user.id) as usage:
        if usage is None:
            raise User.DoesNotExist
        before = {kind: limit_bytes(user, kind, usage) for kind in Kind}
        for kind, limit in limits.items():
            setattr(usage, f"{kind}_limit_bytes", limit)
        usage.save(update_fields=["storage_limit_bytes", "backup_limit_bytes", "updated_at"])
        return {kind: (before[kind], limit_bytes(user, kind, usage)) for kind in Kind}


@contextmanager
def lock_usage_row(user_id: UUID) -> Iterator[StorageUsage | None]:
    """One transaction in which nobody else commits for this user; what the block changes of the row it saves itself.

    None where there is no such account: then nobody can commit for it.
    """
    # Committed before it is locked. A first commit that is still under way holds a row that nobody sees yet: inserting
    # waits for it, where selecting would find nothing and pass.
    _create(user_id)
    with transaction.atomic():
        yield StorageUsage.objects.select_for_update().filter(user_id=user_id).first()


def _create(user_id: UUID) -> None:
    if not User.objects.filter(id=user_id).exists():
        return
    try:
        with transaction.atomic():
            StorageUsage.objects.bulk_create([StorageUsage(user_id=user_id)], ignore_conflicts=True)
    except IntegrityError:
        return  # erased in this very moment
