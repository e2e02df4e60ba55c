"""The only way to a user's snapshots."""

from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db import models

if TYPE_CHECKING:
    from backups.models import Backup  # noqa: F401 - named by the strings below


class BackupQuerySet(models.QuerySet["Backup"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")
