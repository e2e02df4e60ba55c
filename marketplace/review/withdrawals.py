"""Versions that are taken back: by their author here, by an operator in ``marketplace.review.decisions``.

What was live gives way to the approved version before it, which the catalog shows from then on as if it had never been
replaced: texts, price, permissions, package. This is the one case in which users get something older than what they
had. Rows and packages stay; a version that was taken back never returns, a higher one may be approved.
"""

from datetime import UTC, datetime

from django.db import transaction

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound
from billing import alerts
from marketplace.catalog.service import show_version
from marketplace.locks import lock_open_user, lock_plugin
from marketplace.models import Plugin, PluginStatus, PluginVersion
from marketplace.review import claims
from marketplace.review.mails import write_of_withdrawal
from marketplace.submissions.manifest import small_price_fault


@transaction.atomic
def withdraw_version(*, version: PluginVersion, author: User) -> PluginVersion:
    """Takes a version of the author's own back, whether it waits for its review or was approved.

    The only approved version that is live takes its plugin out of the catalog; who has it keeps it.

    Raises:
        Conflict: it was rejected, withdrawn or taken down before, or the account is being deleted.
        NotFound: it is not the author's, or gone.
    """
    lock_open_user(author.pk)
    plugin, locked = lock_version(version)
    if plugin.author_id != author.pk:
        raise NotFound("There is no such version.")
    now = datetime.now(UTC)
    match locked.status:
        case PluginStatus.PENDING_REVIEW:
            locked.decided_at = now
            claims.end(locked.pk)
            _mark_withdrawn(locked)
            _follow_newest(plugin)
        case PluginStatus.APPROVED:
            locked.withdrawn_at = now
            _mark_withdrawn(locked)
            if is_live(plugin, locked) and not show_version_before(plugin, locked):
                _leave_catalog(plugin)
        case _:
            raise Conflict(f"This version is {PluginStatus(locked.status).label.lower()}; it cannot be withdrawn.")
    write_of_withdrawal(locked)
    return locked


def lock_version(version: PluginVersion) -> tuple[Plugin, PluginVersion]:
    """Both rows, for this transaction; whoever asks has locked the user's before. Raises NotFound."""
    plugin = lock_plugin(version.plugin_id)
    locked = PluginVersion.objects.select_for_update(no_key=True).filter(pk=version.pk).first()
    if locked is None:
        raise NotFound("This version is gone.")
    return plugin, locked


def is_live(plugin: Plugin, version: PluginVersion) -> bool:
    """Whether it is the one that is displayed and downloaded, or would be if the plugin were not taken down."""
    return plugin.published_at is not None and plugin.s3_package_key == version.s3_key


def find_version_before(plugin: Plugin, live: PluginVersion) -> PluginVersion | None:
    """What would be live without ``live``: of the others that are approved still, the one approved last. That is the
    highest one, too, since nothing is approved that is not newer than what is live.
    """
    approved = PluginVersion.objects.filter(plugin=plugin, status=PluginStatus.APPROVED).exclude(pk=live.pk)
    return approved.order_by("-decided_at", "-submitted_at", "id").first()


def show_version_before(plugin: Plugin, live: PluginVersion) -> PluginVersion | None:
    """Makes the version before ``live`` the one that is shown, and saves the plugin, whose row the caller holds; a
    plugin that is taken down stays so. None, and nothing is changed, where there is none.
    """
    before = find_version_before(plugin, live)
    if before is None:
        return None
    show_version(plugin, before)
    # It was approved by the rules of its day: a price that cannot be charged is shown and not sold, as it was then.
    plugin.is_unsellable = small_price_fault(plugin.price_cents) is not None
    if not plugin.is_unsellable:
        alerts.resolve(alerts.PLUGIN_PRICE_TOO_SMALL, reference=plugin.pk)
    plugin.save()
    return before


def _mark_withdrawn(version: PluginVersion) -> None:
    version.status = PluginStatus.WITHDRAWN
    version.save(update_fields=["status", "decided_at", "withdrawn_at"])


def _follow_newest(plugin: Plugin) -> None:
    """One that was never live has the version and status of its newest version."""
    if plugin.published_at is None:
        newest = plugin.versions.latest("submitted_at")
        plugin.version, plugin.status = newest.version, newest.status
        plugin.save(update_fields=["version", "status"])


def _leave_catalog(plugin: Plugin) -> None:
    """A plugin that is taken down stays so: those who have it are to read why."""
    if plugin.status == PluginStatus.APPROVED:
        plugin.status = PluginStatus.WITHDRAWN
        plugin.save(update_fields=["status"])
