"""Owner-scoped ways to sessions; nothing else reaches one."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

if TYPE_CHECKING:
    from accounts.models import Session  # noqa: F401 - named by the string below


class SessionQuerySet(models.QuerySet["Session"]):
    def for_user(self, user_id: UUID) -> "SessionQuerySet":
        return self.filter(user_id=user_id)

    def live(self, now: datetime) -> "SessionQuerySet":
        """Neither revoked nor past the expiry of its last refresh token."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=now)

    def usable(self) -> "SessionQuerySet":
        """What an access token may belong to; its own expiry is in the token."""
        return self.filter(revoked_at__isnull=True, user__is_active=True)
