"""Uploads of sealed bytes: how they are read from a request, what they may take, and the protocol that commits them.

The blob is written under a key of its own, *then* one transaction makes it count: it locks the user's counters, checks
the quota again and writes the row. Whatever fails in between takes the blob along; a process that dies in between
leaves an unreferenced blob, which ``manage.py reap_storage`` removes. The blob that a commit replaces goes after it.
"""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections, connection
from rest_framework.request import Request

from accounts.models import User
from adiuva.api.errors import PayloadTooLarge, QuotaExceeded, UpstreamUnavailable, ValidationFailed
from adiuva.api.multipart import READ_BYTES
from adiuva.observability.metrics import UPLOAD_BYTES, UPLOADS
from adiuva.server.streaming_body import StreamingBody
from storage.blobs.discarding import discard_blob
from storage.blobs.factory import get_blob_store
from storage.checksums import reject_if_tampered
from storage.quota import Kind, LockedUsage, limit_bytes, lock_usage, require_room, taken_bytes, usage_of

# A store may date a blob by when its upload began (S3 does for multipart ones). One that took longer than this could
# look old enough for the reaper, whose least age is an hour: the commit looks whether it is still there.
LOOK_AGAIN_AFTER_SECONDS = 600

FORM_EXTRA_BYTES = 1024 * 1024  # what a form may hold beside its blob

UploadKind = Literal["record", "backup", "package"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBody:
    """What a client sends: ``declared_size`` in bytes is None where it does not say, ``checksum`` is 64 hex digits."""

    parts: Iterable[bytes]
    checksum: str
    declared_size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one upload may hold: ``max_bytes`` of the route, and what the quota has room for at its start."""

    max_bytes: int
    limit: int | None
    used: int
    replaced: int

    def without_quota(self) -> "Allowance":
        """For bytes that are counted already."""
        return replace(self, limit=None)

    def check(self, size_bytes: int) -> None:
        """Raises ``PayloadTooLarge`` or ``QuotaExceeded``."""
        if size_bytes > self.max_bytes:
            raise PayloadTooLarge(f"The body is larger than {self.max_bytes} bytes.", max_bytes=self.max_bytes)
        require_room(limit=self.limit, used=self.used, requested=size_bytes, replaced=self.replaced)

    def check_unknown(self, size_bytes: int) -> None:
        """``check``, before it is known whether these bytes are stored already and take no room. What is larger than
        all that is stored is not.
        """
        (self.without_quota() if size_bytes <= self.used else self).check(size_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeBlob:
    """What was staged before, by an upload that went on over several requests; the bytes at ``key`` have the
    ``checksum``.
    """

    key: str
    checksum: str
    size_bytes: int


class StagedBody:
    """The parts of a body as they pass: counted, hashed, and at their end compared with what the client said.

    Iterated once, by a store that has written nothing for good yet: the refusals come out of the iterator, and what it
    has of the body goes with them.
    """

    def __init__(self, body: SealedBody, *, allowance: Allowance) -> None:
        self.checksum = body.checksum
        self.size_bytes = 0
        self.look_again_at: str | None = None  # the key of a blob that the reaper may have taken for an old one
        self._parts = body.parts
        self._allowance = allowance

    def __iter__(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for part in self._parts:
            self.size_bytes += len(part)
            self._allowance.check(self.size_bytes)
            digest.update(part)
            yield part
        reject_if_tampered(self.checksum, digest.hexdigest())


def verify_body(body: SealedBody, *, max_bytes: int) -> None:
    """Reads what is stored already, and keeps nothing of it.

    Raises:
        ChecksumMismatch, PayloadTooLarge: it is not what the client says it is.
    """
    allowance = Allowance(max_bytes=max_bytes, limit=None, used=0, replaced=0)
    if body.declared_size is not None:
        allowance.check(body.declared_size)
    release_connection()
    deque(StagedBody(body, allowance=allowance), maxlen=0)


def require_whole(request: Request) -> None:
    """RFC 9110 § 14.5: a part that is PUT must not be taken for the whole. Raises ``ValidationFailed``."""
    if "Content-Range" in request.headers:
        raise ValidationFailed({"content_range": ["The body must be the whole."]})


def body_parts(request: Request) -> Iterator[bytes]:
    """The request's body as it arrives; nothing is read before the first part is asked for."""
    return iter(lambda: request._request.read(READ_BYTES), b"")


def watch_body(request: Request, look: Callable[[], None]) -> None:
    """``look`` is called while nothing of a streamed body arrives; one that is held is here already."""
    body: Any = request._request._stream  # noqa: SLF001 - as in declared_size
    if isinstance(body, StreamingBody):
        body.watch(look)


def declared_size(request: Request) -> int | None:
    """In bytes; None for a chunked body that is still arriving."""
    body: Any = request._request._stream  # noqa: SLF001 - Django offers no size
    if isinstance(body, StreamingBody):
        return body.declared_size
    length = request._request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdigit() else None


def allowance_of(
    user: User,
    kind: Kind,
    *,
    max_bytes: int,
    declared: int | None,
    replaced: int = 0,
    may_be_known: bool = False,
) -> Allowance:
    """Asked before a byte is read: a user without any quota is refused here, whatever they declare.

    ``declared`` is the body's size in bytes as far as the client says it, for that refusal. With ``may_be_known`` the
    caller still looks whether it is stored already, which takes no room, and refuses what is not by the allowance.

    Raises:
        QuotaExceeded: the quota is 0.
    """
    usage = usage_of(user.id)
    limit = limit_bytes(user, kind, usage)
    used = taken_bytes(usage, kind)
    if limit == 0 and not (may_be_known and used):
        raise QuotaExceeded(limit_bytes=0, used_bytes=used, requested_bytes=declared or 0)
    return Allowance(max_bytes=max_bytes, limit=limit, used=used, replaced=replaced)


def release_connection() -> None:
    """Before a body that may be slow: it must not keep a pooled connection. Inside a transaction one is needed."""
    if not connection.in_atomic_block:
        close_old_connections()


@contextmanager
def stage_blob(
    *, key: str, body: SealedBody, allowance: Allowance, kind: UploadKind = "record"
) -> Iterator[StagedBody]:
    """Writes ``body`` under ``key``; the block must commit the row that refers to it, or raise.

    ``kind`` is for the metrics.

    Raises:
        ChecksumMismatch, PayloadTooLarge, QuotaExceeded: nothing is left of the body.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the blob store failed; nothing is left either.
    """
    if body.declared_size is not None:
        allowance.check(body.declared_size)
    release_connection()
    store = get_blob_store()
    staged = StagedBody(body, allowance=allowance)
    started = time.monotonic()
    store.upload(key, staged)
    if time.monotonic() - started > LOOK_AGAIN_AFTER_SECONDS:
        staged.look_again_at = key
    try:
        yield staged
    except (OperationalError, InterfaceError):
        # A connection that breaks during COMMIT does not say whether the row is there. The reaper will know.
        raise
    except Exception:
        discard_blob(key)
        raise
    UPLOADS.labels(kind).inc()
    UPLOAD_BYTES.labels(kind).inc(staged.size_bytes)


def read_through(body: SealedBody, *, allowance: Allowance) -> None:
    """For what is stored already: the body counts for nothing but must be the one that its checksum names, and a client
    that is still sending it must not find a closed connection in the place of the answer.

    Raises:
        ChecksumMismatch, PayloadTooLarge: nothing was stored.
    """
    without_quota = allowance.without_quota()
    if body.declared_size is not None:
        without_quota.check(body.declared_size)
    release_connection()
    for _part in StagedBody(body, allowance=without_quota):
        pass


@contextmanager
def commit_usage(user_id: UUID, staged: StagedBody) -> Iterator[LockedUsage]:
    """``lock_usage`` for the commit of what was staged: the reaper takes the same lock while it removes a blob.

    Raises:
        UpstreamUnavailable: the blob of an upload that took very long is gone.
    """
    with lock_usage(user_id) as usage:
        if staged.look_again_at is not None and not get_blob_store().exists(staged.look_again_at):
            raise UpstreamUnavailable("The upload took too long; send it again.")
        yield usage


def is_lost(key: str) -> bool:
    """Whether the bytes that a row refers to are gone: a backup of the service may have come back without them. What
    would store nothing, because the row is there, stores them again then.

    Raises:
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the blob store cannot say.
    """
    return not get_blob_store().exists(key)
