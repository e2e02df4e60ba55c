"""Ways to plugins and to what users have of them."""

from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models

from marketplace.submissions.manifest import id_fault

if TYPE_CHECKING:
    from marketplace.models import Plugin  # noqa: F401 - named by the string below


class PluginQuerySet(models.QuerySet["Plugin"]):
    def live(self) -> Self:
        """In the catalog."""
        return self.filter(status="approved")

    def called(self, slug: str) -> Self:
        """The one with that id, which may be any text of a client's: PostgreSQL takes no NUL."""
        return self.none() if id_fault(slug) else self.filter(pk=slug)

    def for_author(self, user_id: UUID) -> Self:
        return self.filter(author_id=user_id)


class ForUserQuerySet(models.QuerySet[Any]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)
