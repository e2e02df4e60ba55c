"""Owner-scoped ways to purchases."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

if TYPE_CHECKING:
    from billing.models import Checkout  # noqa: F401 - named by the string below


class CheckoutQuerySet(models.QuerySet["Checkout"]):
    def for_user(self, user_id: UUID) -> "CheckoutQuerySet":
        return self.filter(user_id=user_id)

    def open(self) -> "CheckoutQuerySet":
        """Those with a page that can be paid on, as far as we know."""
        return self.filter(session_id__isnull=False, closed_at=None, expires_at__gt=datetime.now(UTC))
