"""Earlier states of records."""

from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from storage.models.records import CHECKSUM, TABLE_NAME


class VersionQuerySet(models.QuerySet["RecordVersion"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)

    def oldest_first(self) -> Self:
        """As they give way."""
        return self.order_by("replaced_at", "record_id", "revision")


class RecordVersion(models.Model):
    """A state that a record had, with the blob it had then: ``created_at`` is that state's, ``replaced_at`` its end.

    ``in_trash``: the state that was deleted, of a record that has not come back since.
    """

    pk = models.CompositePrimaryKey("user_id", "record_id", "revision")
    # Without an index of its own: the primary key begins with it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="record_versions", db_index=False
    )
    record_id = models.UUIDField(editable=False)
    revision = models.PositiveIntegerField()
    table_name = models.CharField(max_length=64)
    s3_key = models.CharField(max_length=255)
    checksum = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    created_at = models.DateTimeField()
    replaced_at = models.DateTimeField()
    in_trash = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When verify_blobs last read it whole.")

    objects: ClassVar = VersionQuerySet.as_manager()

    class Meta:
        db_table = "storage_record_versions"
        constraints = [
            models.UniqueConstraint(name="storage_record_versions_s3_key_key", fields=["s3_key"]),
            models.UniqueConstraint(
                name="storage_record_versions_one_in_trash", fields=["user", "record_id"], condition=Q(in_trash=True)
            ),
            models.CheckConstraint(
                name="storage_record_versions_positive", condition=Q(revision__gte=1, size_bytes__gte=0)
            ),
            models.CheckConstraint(
                name="storage_record_versions_table_name", condition=Q(table_name__regex=TABLE_NAME)
            ),
            models.CheckConstraint(name="storage_record_versions_checksum", condition=Q(checksum__regex=CHECKSUM)),
        ]
        indexes = [
            models.Index(
                fields=["user", "replaced_at", "record_id", "revision"], name="storage_record_versions_oldest"
            ),
            models.Index(
                fields=["user", "-replaced_at", "record_id"],
                condition=Q(in_trash=True),
                name="storage_record_versions_trash",
            ),
            models.Index(fields=["replaced_at"], name="storage_record_versions_age"),
            models.Index(fields=["verified_at"], name="storage_record_versions_verify"),
        ]

    def __str__(self) -> str:
        return f"{self.record_id} r{self.revision}"

    @property
    def id(self) -> UUID:
        """What a report calls it by (``storage.blobs.key_owners``)."""
        return self.record_id
