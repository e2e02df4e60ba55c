"""Records and their earlier states, vectors, uploads, usage and the epoch of the change feeds. The only ways to a
user's rows start with ``for_user``.
"""

from storage.models.epochs import FeedEpoch
from storage.models.records import CHECKSUM, TABLE_NAME, RecordQuerySet, StorageRecord, UploadKey, record_etag
from storage.models.uploads import Upload, UploadQuerySet
from storage.models.usage import StorageUsage, with_stored_kinds
from storage.models.vectors import StoredVector, VectorQuerySet
from storage.models.versions import RecordVersion

__all__ = [
    "CHECKSUM",
    "TABLE_NAME",
    "FeedEpoch",
    "RecordQuerySet",
    "RecordVersion",
    "StorageRecord",
    "StorageUsage",
    "StoredVector",
    "Upload",
    "UploadKey",
    "UploadQuerySet",
    "VectorQuerySet",
    "record_etag",
    "with_stored_kinds",
]
