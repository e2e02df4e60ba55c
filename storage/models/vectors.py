"""Vectors, beside the sealed blobs they are searched for."""

from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from storage.models.records import CHECKSUM


class VectorQuerySet(models.QuerySet["StoredVector"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)


class StoredVector(models.Model):
    """A sealed blob beside its vector. The vector itself lives in the vector store, which is an index and may lag:
    a hit that has no row here does not exist.
    """

    pk = models.CompositePrimaryKey("user_id", "id")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="stored_vectors")
    id = models.UUIDField()
    blob = models.BinaryField()
    checksum = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = VectorQuerySet.as_manager()

    class Meta:
        db_table = "storage_vectors"
        constraints = [
            models.CheckConstraint(name="storage_vectors_checksum", condition=Q(checksum__regex=CHECKSUM)),
            models.CheckConstraint(name="storage_vectors_size", condition=Q(size_bytes__gte=0)),
        ]

    def __str__(self) -> str:
        return str(self.id)
