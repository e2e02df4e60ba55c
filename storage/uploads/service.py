"""Resumable uploads from their creation to their end; what is sent to them is ``storage.uploads.receiving``'s."""

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Sum

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound, ValidationFailed
from storage.blobs.discarding import discard_blob
from storage.blobs.factory import get_blob_store, get_draft_store
from storage.blobs.port import Draft
from storage.models import Upload
from storage.quota import lock_usage, lock_usage_row
from storage.staging import allowance_of
from storage.uploads import targets
from storage.uploads.metadata import read_metadata
from storage.uploads.targets import Plan, UploadTarget

logger = logging.getLogger(__name__)

KEPT = timedelta(hours=24)  # an unfinished one after its last byte, a finished one after its end
MOST_UNFINISHED = 20  # of one account


def draft_of(upload: Upload) -> Draft:
    return Draft(
        key=upload.s3_key,
        ref=upload.draft_ref,
        size_bytes=upload.offset,
        part_bytes=upload.part_bytes,
        parts=tuple(upload.parts),
    )


def target_of(upload: Upload) -> UploadTarget:
    target = targets.find_target(upload.target)
    assert target is not None, upload.target  # noqa: S101 - it was registered when the upload was created
    return target


def create_upload(*, user: User, metadata: str, length: int) -> Upload:
    """With room for all of it reserved; finished at once where the same content is there already: the answer to its
    last part was lost, and so was its address. One of 0 bytes is yet to be committed.

    Raises:
        ValidationFailed: by field of ``metadata``, ``Upload-Metadata``.
        Conflict: what it is to become is taken by other content, or the account has too many unfinished ones.
        PayloadTooLarge, QuotaExceeded
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the blob store failed.
    """
    fields = read_metadata(metadata)
    target = targets.find_target(fields.get("target", ""))
    if target is None:
        known = ", ".join(sorted(one.name for one in targets.all_targets()))
        raise ValidationFailed({"target": [f"Must be one of: {known}."]})
    allowance = allowance_of(user, target.kind, max_bytes=target.max_bytes(), declared=length, may_be_known=True)
    plan = target.plan(user=user, fields=fields, size_bytes=length)
    drop_expired(user_id=user.id)
    now = datetime.now(UTC)
    upload = Upload(
        user_id=user.id,
        target=target.name,
        kind=target.kind,
        metadata=metadata,
        item_id=plan.item_id,
        s3_key=plan.key,
        checksum=plan.checksum,
        length=length,
        created_at=now,
        expires_at=now + KEPT,
    )
    if plan.result is not None:
        upload.offset, upload.finished_at = length, now
        upload.path, upload.etag = plan.result.path, plan.result.etag
        with lock_usage(user.id):
            upload.save(force_insert=True)
        return upload
    replace(allowance, replaced=plan.replaced_bytes).check(length)
    _begin(upload, plan)
    return upload


def _begin(upload: Upload, plan: Plan) -> None:
    draft = get_draft_store().begin(upload.s3_key)
    upload.draft_ref, upload.part_bytes = draft.ref, draft.part_bytes
    try:
        with lock_usage(upload.user_id) as usage:
            _require_few(upload)
            upload.reserved_bytes = max(0, upload.length - _free_bytes(upload, plan))
            usage.reserve(target_of(upload).kind, upload.reserved_bytes)
            upload.save(force_insert=True)
    except (OperationalError, InterfaceError):
        raise  # a connection that breaks during COMMIT does not say whether the row is there: the reaper will know
    except Exception:
        _discard(draft)
        raise


def _free_bytes(upload: Upload, plan: Plan) -> int:
    """Of ``plan.replaced_bytes``, what no other unfinished upload counts on."""
    if not (plan.replaced_bytes and plan.is_room_shared):
        return plan.replaced_bytes
    others = Upload.objects.for_user(upload.user_id).unfinished().filter(kind=upload.kind)
    counted_on = others.aggregate(total=Sum(F("length") - F("reserved_bytes")))["total"] or 0
    return max(0, plan.replaced_bytes - counted_on)


def _require_few(upload: Upload) -> None:
    others = Upload.objects.for_user(upload.user_id).unfinished().unexpired(upload.created_at)
    if others.count() >= MOST_UNFINISHED:
        raise Conflict(f"There are {MOST_UNFINISHED} unfinished uploads: finish one, or delete it.")


def find_upload(*, user_id: UUID, upload_id: UUID) -> Upload:
    """Raises ``NotFound`` for what is missing, expired, deleted or somebody else's."""
    upload: Upload | None = Upload.objects.for_user(user_id).unexpired(datetime.now(UTC)).filter(id=upload_id).first()
    if upload is None:
        raise lost()
    return upload


def lost() -> NotFound:
    return NotFound("There is no such upload, or no longer one: begin anew.")


def require_draft(upload: Upload) -> None:
    """Ends an upload whose bytes are gone: the service went back to a backup, say.

    Raises:
        NotFound: they are.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the blob store cannot say.
    """
    if upload.finished_at is not None or get_draft_store().exists(draft_of(upload)):
        return
    if upload.offset == upload.length and get_blob_store().exists(upload.s3_key):
        return  # published, and not committed yet
    fresh = Upload.objects.for_user(upload.user_id).filter(id=upload.id).first()
    if fresh is not None and fresh.finished_at is None and (fresh.offset, fresh.writer) == (upload.offset, None):
        drop_upload(fresh)
        raise lost()


def drop_upload(upload: Upload) -> None:
    """Nothing is left of it but what came of it. Again is fine."""
    with lock_usage_row(upload.user_id) as usage:
        row: Upload | None = Upload.objects.for_user(upload.user_id).select_for_update().filter(id=upload.id).first()
        if row is None:
            return
        if row.reserved_bytes and usage is not None:
            column = f"{row.kind}_reserved_bytes"
            setattr(usage, column, max(0, getattr(usage, column) - row.reserved_bytes))
            usage.save(update_fields=[column, "updated_at"])
        row.delete()
        if row.finished_at is None:
            _discard_after_commit(upload)


def _discard_after_commit(upload: Upload) -> None:
    transaction.on_commit(partial(_discard, draft_of(upload)), robust=True)
    if upload.offset == upload.length:  # perhaps published, and nothing refers to it
        transaction.on_commit(partial(discard_blob, upload.s3_key), robust=True)


def _discard(draft: Draft) -> None:
    """A failure is logged and left to the reaper."""
    try:
        get_draft_store().abort(draft)
    except Exception:
        logger.exception("an unfinished upload is left for reap_storage", extra={"key": draft.key})


def drop_expired(*, user_id: UUID | None = None) -> int:
    """All of them, or one account's. How many. One that is being written to waits for the next time."""
    rows = Upload.objects.all() if user_id is None else Upload.objects.for_user(user_id)
    now = datetime.now(UTC)
    dropped = 0
    for upload in rows.filter(expires_at__lte=now).exclude(held_until__gt=now).order_by("expires_at").iterator():
        drop_upload(upload)
        dropped += 1
    return dropped


def forget_uploads(user_id: UUID) -> None:
    """In the erasure's transaction, which holds the user's lock."""
    rows = Upload.objects.for_user(user_id)
    for upload in rows.unfinished():
        _discard_after_commit(upload)
    rows.delete()


def live_drafts() -> set[str]:
    """What the blob store must spare, whatever its age."""
    return set(Upload.objects.unfinished().values_list("draft_ref", flat=True))


def live_keys(keys: Collection[str]) -> set[str]:
    """Those of ``keys`` that unfinished uploads will have."""
    return set(Upload.objects.unfinished().filter(s3_key__in=keys).values_list("s3_key", flat=True))
