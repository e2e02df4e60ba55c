"""Parts of a resumable upload: they are appended, made durable and acknowledged, and the last one commits the whole.

The row is the truth: what a file or bucket has behind its offset belongs to a request that was cut off, and is dropped
when the next one goes on. A request without ``Upload-Checksum`` advances the row as it goes, so that a crash costs some
megabytes; with one nothing counts before the end, since nothing of it may stay when it is wrong.
"""

import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError
from django.db.models import Q

from accounts.models import User
from adiuva.api.errors import ChecksumMismatch, Conflict, PayloadTooLarge, Problem
from adiuva.observability.metrics import UPLOAD_BYTES, UPLOADS
from storage.blobs.factory import get_blob_store, get_draft_store
from storage.blobs.port import Draft, DraftBusy, DraftLost, DraftWriter
from storage.checksums import verify_checksum
from storage.models import Upload
from storage.quota import lock_usage
from storage.staging import WholeBlob, release_connection
from storage.uploads.metadata import PartChecksum, read_metadata
from storage.uploads.service import KEPT, draft_of, drop_upload, lost, target_of

logger = logging.getLogger(__name__)

HELD = timedelta(seconds=20)  # how long a process that died keeps others from going on
RENEWED_AFTER_SECONDS = 5.0
SETTLED_AFTER_BYTES = 16 * 1024 * 1024
MOST_DIGESTS = 256  # of a process; each a few hundred bytes

Watch = Callable[[Callable[[], None]], None]


class PartMismatch(ChecksumMismatch):
    status = 460  # tus 1.0
    default_detail = "The part's checksum is another; nothing of it is kept."


class _RunningDigests:
    """SHA-256 of what has arrived, by upload and offset. It cannot be stored, so it is there for a process that has
    seen every byte; another reads the blob again at the end.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._digests: OrderedDict[tuple[UUID, int], Any] = OrderedDict()

    def take(self, upload: Upload) -> Any | None:
        if upload.offset == 0:
            return hashlib.sha256()
        with self._lock:
            kept = self._digests.get((upload.id, upload.offset))
        return None if kept is None else kept.copy()

    def keep(self, upload_id: UUID, offset: int, digest: Any) -> None:
        with self._lock:
            self._digests[upload_id, offset] = digest
            while len(self._digests) > MOST_DIGESTS:
                self._digests.popitem(last=False)

    def forget(self) -> None:
        """All of them, as a process that starts anew does."""
        with self._lock:
            self._digests.clear()


digests = _RunningDigests()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one PATCH sends: bytes as they arrive, ``declared_size`` of them where the client says so. ``watch`` is told
    what to call while the client is slow.
    """

    offset: int
    arriving: Iterator[bytes]
    declared_size: int | None
    checksum: PartChecksum | None
    watch: Watch


class _Hold:
    """One upload, held by this request: nobody else advances it. Not a lock of the database's, which a slow client
    would keep, with its connection, for as long as it takes.
    """

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        self._writer = uuid4()
        self._renewed = time.monotonic()

    def take(self) -> None:
        """Raises ``Conflict`` where somebody holds it, or has advanced it."""
        now = datetime.now(UTC)
        free = Q(writer__isnull=True) | Q(held_until__lte=now)
        mine = Upload.objects.for_user(self.upload.user_id).unfinished().filter(free, id=self.upload.id)
        if not mine.filter(offset=self.upload.offset).update(writer=self._writer, held_until=now + HELD):
            raise Conflict("Another request goes on with this upload: ask with HEAD, and try again.")

    def advance(self, draft: Draft) -> None:
        """Raises as ``_update`` does."""
        self._update(offset=draft.size_bytes, parts=list(draft.parts), expires_at=datetime.now(UTC) + KEPT)
        self.upload.offset, self.upload.parts = draft.size_bytes, list(draft.parts)

    def renew(self) -> None:
        if time.monotonic() - self._renewed > RENEWED_AFTER_SECONDS:
            self._update()

    def _update(self, **columns: Any) -> None:
        """Raises ``NotFound`` when the upload is deleted, ``Conflict`` when this request was too slow to keep it."""
        if not self.rows().update(held_until=datetime.now(UTC) + HELD, **columns):
            if Upload.objects.for_user(self.upload.user_id).filter(id=self.upload.id).exists():
                raise Conflict("Another request goes on with this upload.")
            raise lost()
        self._renewed = time.monotonic()
        release_connection()

    def rows(self) -> Any:
        return Upload.objects.for_user(self.upload.user_id).unfinished().filter(id=self.upload.id, writer=self._writer)

    def release(self) -> None:
        """At the end, whatever it was. Where the database is away it ends by itself."""
        try:
            self.rows().update(writer=None, held_until=None)
        except DatabaseError:
            logger.warning("an upload stays held for a while", extra={"upload": str(self.upload.id)})


@contextmanager
def _held(upload: Upload) -> Iterator[_Hold]:
    hold = _Hold(upload)
    hold.take()
    try:
        yield hold
    finally:
        hold.release()


def receive_part(*, user: User, upload: Upload, part: Part) -> Upload:
    """The upload as it is then, finished where this was the last of it.

    What has arrived of a part that is cut off stays. A part of a finished upload that ends where that does is the last
    one again, whose answer was lost.

    Raises:
        Conflict: it does not begin where the upload ends, or another request goes on with that; or what it was to
            become is taken by now, and the upload is gone.
        PartMismatch: nothing of the part stays.
        ChecksumMismatch: of the whole; the upload is gone.
        NotFound: its bytes are, or it was deleted meanwhile.
        PayloadTooLarge: there is more than was announced.
        QuotaExceeded: the account has gone to a lower tier since; the upload waits for room.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: what was acknowledged stays.
    """
    if upload.finished_at is not None:
        _read_again(upload, part)
        return upload
    behind_told = part.offset == upload.offset == upload.length  # a client that knows better, with nothing to send
    if part.offset != upload.told_offset and not behind_told:
        raise Conflict(f"The upload goes on at {upload.told_offset}.", upload_offset=upload.told_offset)
    _require_fit(upload, part.offset + (part.declared_size or 0))
    with _held(upload) as hold:
        try:
            is_there = 0 < upload.length == upload.offset
            digest = _drop_known(upload, part) if is_there else _receive(hold, part)
            if upload.offset < upload.length:
                return upload
            return _complete(hold, user=user, digest=digest)
        except DraftLost:
            drop_upload(upload)
            raise lost() from None
        except DraftBusy:
            raise Conflict("Another request goes on with this upload.") from None


def finish_empty(*, user: User, upload: Upload) -> Upload:
    """An upload of 0 bytes is whole when it is created. Raises what ``receive_part`` does."""
    with _held(upload) as hold:
        return _complete(hold, user=user, digest=hashlib.sha256())


def _read_again(upload: Upload, part: Part) -> None:
    if _drop_arriving(upload, part) != upload.length:
        raise Conflict("The upload is finished.", upload_offset=upload.length)


def _drop_known(upload: Upload, part: Part) -> Any | None:
    """All is there, and was not committed: the last byte comes again to have that done. Returns the whole's digest."""
    _drop_arriving(upload, part)
    return digests.take(upload)


def _drop_arriving(upload: Upload, part: Part) -> int:
    """Where the part ends. The route has no cap of its own: a body without an end must not be read for ever."""
    end = part.offset
    _require_fit(upload, end + (part.declared_size or 0))
    for piece in part.arriving:
        end += len(piece)
        _require_fit(upload, end)
    return end


def _require_fit(upload: Upload, end: int) -> None:
    if end > upload.length:
        raise PayloadTooLarge("The part goes beyond Upload-Length.", max_bytes=upload.length)


def _receive(hold: _Hold, part: Part) -> Any | None:
    """Returns the digest of all there is then, None where it is not known here."""
    upload = hold.upload
    digest = digests.take(upload)
    writer = get_draft_store().open(draft_of(upload))
    try:
        release_connection()
        part.watch(hold.renew)
        end, cut = _write_arriving(hold, part, writer=writer, digest=digest)
        hold.advance(writer.finish(is_whole=end == upload.length))
        writer.tidy()
    finally:
        writer.close()
    if digest is not None:
        digests.keep(upload.id, upload.offset, digest)
    if cut is not None:
        raise cut
    return digest


def _write_arriving(hold: _Hold, part: Part, *, writer: DraftWriter, digest: Any | None) -> tuple[int, Problem | None]:
    """Where what has arrived ends, and what has cut it off. Raises instead where nothing of it may stay."""
    end = settled = hold.upload.offset
    of_part = hashlib.new(part.checksum.algorithm, usedforsecurity=False) if part.checksum else None
    cut: Problem | None = None
    while True:
        piece, cut = _next_piece(part.arriving)
        if not piece:
            break
        end += len(piece)
        _require_fit(hold.upload, end)
        writer.write(piece)
        for one in (digest, of_part):
            if one is not None:
                one.update(piece)
        if of_part is None and end - settled >= SETTLED_AFTER_BYTES:
            hold.advance(writer.settle())
            writer.tidy()
            settled = end
        else:
            hold.renew()
    if part.checksum is not None and of_part is not None:
        if cut is not None:
            raise cut
        if not hmac.compare_digest(part.checksum.digest, of_part.digest()):
            raise PartMismatch
    return end, cut


def _next_piece(arriving: Iterator[bytes]) -> tuple[bytes, Problem | None]:
    """The next bytes, or why there are none: the client went away, is silent, or the server stops."""
    try:
        return next(arriving, b""), None
    except Problem as cut:
        return b"", cut


def _complete(hold: _Hold, *, user: User, digest: Any | None) -> Upload:
    """The blob first, at its key, then the row that makes it count: the protocol of ``storage.staging``."""
    upload = hold.upload
    get_draft_store().publish(draft_of(upload))
    if digest is None:
        digest = _digest_of(upload, hold)
    if not verify_checksum(upload.checksum, digest.hexdigest()):
        drop_upload(upload)
        raise ChecksumMismatch("The SHA-256 of the whole is not the checksum given. The upload is gone: begin anew.")
    target = target_of(upload)
    try:
        with lock_usage(upload.user_id) as usage:
            row: Upload | None = hold.rows().select_for_update().first()
            if row is None:
                raise lost()
            usage.release(target.kind, row.reserved_bytes)
            result = target.commit(
                user=user,
                fields=read_metadata(row.metadata),
                item_id=row.item_id,
                blob=WholeBlob(key=row.s3_key, checksum=row.checksum, size_bytes=row.length),
                usage=usage,
            )
            now = datetime.now(UTC)
            row.finished_at, row.expires_at, row.reserved_bytes = now, now + KEPT, 0
            row.writer = row.held_until = None
            row.etag, row.path = result.etag, result.path
            row.parts = []
            row.save(force_update=True)
    except Conflict:
        drop_upload(upload)
        raise
    UPLOADS.labels(target.upload_kind).inc()
    UPLOAD_BYTES.labels(target.upload_kind).inc(row.length)
    return row


def _digest_of(upload: Upload, hold: _Hold) -> Any:
    """Read from the store: this process has not seen all of it arrive."""
    digest = hashlib.sha256()
    try:
        blob = get_blob_store().download(upload.s3_key)
    except FileNotFoundError:
        raise DraftLost(upload.s3_key) from None
    try:
        for piece in blob.parts():
            digest.update(piece)
            hold.renew()
    finally:
        blob.close()
    return digest
