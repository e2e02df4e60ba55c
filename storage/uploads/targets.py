"""What a resumable upload can become. Every app that takes some registers here: storage imports none above it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from accounts.models import User
from storage.quota import Kind, LockedUsage
from storage.staging import UploadKind, WholeBlob


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of an upload: its path, and its ``ETag`` when it was committed."""

    path: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an upload is to become: the item ``item_id``, with its bytes at ``key`` and their ``checksum``.

    ``result``: it is there already, and nothing need be sent. ``replaced_bytes`` of the quota are free when it comes:
    of what gives way to it, or its own, where it is there and its bytes are gone. ``is_room_shared``: they are the same
    for the account's other uploads of this kind, and free once.
    """

    item_id: UUID
    key: str
    checksum: str
    result: Result | None = None
    replaced_bytes: int = 0
    is_room_shared: bool = False


class UploadTarget(Protocol):
    """``name`` is the metadata's ``target``; ``fields`` are the metadata, decoded."""

    name: str
    kind: Kind
    upload_kind: UploadKind

    def max_bytes(self) -> int: ...

    def plan(self, *, user: User, fields: Mapping[str, str], size_bytes: int) -> Plan:
        """At creation.

        Raises:
            ValidationFailed: by field.
            Conflict: what is to be there is taken.
        """

    def commit(
        self, *, user: User, fields: Mapping[str, str], item_id: UUID, blob: WholeBlob, usage: LockedUsage
    ) -> Result:
        """In the transaction that ends the upload: as a plain upload's, with the bytes at ``blob.key``.

        Raises:
            Conflict: taken meanwhile.
            QuotaExceeded: what had been reserved is no longer the account's to use.
        """


_targets: dict[str, UploadTarget] = {}


def register(target: UploadTarget) -> None:
    """Registering a name again replaces it."""
    _targets[target.name] = target


def all_targets() -> list[UploadTarget]:
    return list(_targets.values())


def find_target(name: str) -> UploadTarget | None:
    return _targets.get(name)
