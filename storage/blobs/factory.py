"""Which blob store the settings choose: the only module that imports one.

Vendor SDKs cost about a second, so an adapter is imported when it is first asked for.
"""

from functools import cache

from django.conf import settings

from adiuva.api.errors import Problem
from storage.blobs.port import BlobStore, DraftStore


@cache
def get_blob_store() -> BlobStore:
    """Files in ``DATA_DIR`` unless ``S3_BUCKET`` is set. One a process; vendor SDKs load at the first call."""
    if settings.S3_BUCKET:
        from storage.blobs.s3.store import S3BlobStore

        return S3BlobStore.from_settings()
    from storage.blobs.files import FileBlobStore

    return FileBlobStore(settings.BLOB_DIR)


def get_draft_store() -> DraftStore:
    """For uploads to the same store that go on over several requests."""
    if settings.S3_BUCKET:
        from storage.blobs.s3.drafts import S3Drafts
        from storage.blobs.s3.store import S3BlobStore

        return S3Drafts(S3BlobStore.from_settings())
    from storage.blobs.file_drafts import FileDrafts

    return FileDrafts(settings.BLOB_DIR)


def explain_trouble(problem: Problem) -> str:
    """What a store has raised, in an operator's words and with what to change."""
    if settings.S3_BUCKET:
        from storage.blobs.s3.diagnosis import explain

        return explain(problem) or problem.detail
    if isinstance(problem.__cause__, OSError):
        return f"{settings.BLOB_DIR} cannot be used: {problem.__cause__.strerror}"
    return problem.detail
