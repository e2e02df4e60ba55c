"""What becomes of the plugins of somebody who deletes their account.

- What was never published goes altogether: rows, packages, and the id is free again.
- What was published is withdrawn: out of the catalog, nobody can install it, and nothing names its author. Those who
  have it installed keep it, and may fetch its package again; they may have paid for it. Its id stays taken, so that
  nobody can slip something else under it.
- What was taken down when its author left stays 410 for those who have it, with the reason.
"""

from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from marketplace.author_names import FORMER
from marketplace.locks import lock_user
from marketplace.models import Plugin, PluginStatus, PluginVersion
from storage.staging import discard_after_commit


def erase_author(user_id: UUID) -> None:
    """The hook of ``accounts.erasure``; may run again. A submission under way waits, or is refused: it locks the same
    row of the user's, and asks whether the account closes.
    """
    slugs = Plugin.objects.for_author(user_id).order_by("slug").values_list("slug", flat=True)
    for slug in list(slugs):
        _let_go(user_id, slug)


@transaction.atomic
def _let_go(user_id: UUID, slug: str) -> None:
    lock_user(user_id)
    plugin = Plugin.objects.select_for_update().filter(pk=slug, author_id=user_id).first()
    if plugin is None:
        return
    if plugin.published_at is None:
        for key in plugin.versions.values_list("s3_key", flat=True):
            discard_after_commit(key)
        plugin.delete()
        return
    versions = PluginVersion.objects.filter(plugin=plugin)
    versions.filter(status=PluginStatus.PENDING_REVIEW).update(
        status=PluginStatus.WITHDRAWN, decided_at=datetime.now(UTC)
    )
    versions.filter(submitted_by=user_id).update(submitted_by=None)
    plugin.author = None
    plugin.author_name = FORMER
    plugin.status = PluginStatus.WITHDRAWN
    plugin.save(update_fields=["author", "author_name", "status"])
