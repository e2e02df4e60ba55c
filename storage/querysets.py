"""The only ways to a user's rows: each starts with ``for_user``."""

from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db import models

if TYPE_CHECKING:
    from storage.models import StorageRecord, StoredVector  # noqa: F401 - named by the strings below


class RecordQuerySet(models.QuerySet["StorageRecord"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)

    def live(self) -> Self:
        """Without tombstones."""
        return self.filter(deleted_at__isnull=True)


class VectorQuerySet(models.QuerySet["StoredVector"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)
