"""Who has which plugin. The only writer of ``PluginInstallation`` and of ``Plugin.install_count``.

Everything here wants user and plugin locked (``marketplace.locks``), unless it says otherwise.
"""

from datetime import UTC, datetime
from uuid import UUID

from django.db.models import F

from marketplace.locks import lock_plugin
from marketplace.models import Plugin, PluginInstallation, PluginPurchase, PurchaseStatus


def find_installation(*, user_id: UUID, slug: str) -> PluginInstallation | None:
    installation: PluginInstallation | None = (
        PluginInstallation.objects.for_user(user_id).filter(plugin_id=slug, uninstalled_at=None).first()
    )
    return installation


def activate(*, user_id: UUID, plugin: Plugin) -> tuple[PluginInstallation, bool]:
    """The user has the live version of ``plugin`` now, with its permissions; whether they did not have it before."""
    offered = {"version": plugin.version, "permissions": plugin.permissions}
    installation, is_first = PluginInstallation.objects.get_or_create(
        plugin=plugin, user_id=user_id, defaults=offered | {"installed_at": datetime.now(UTC)}
    )
    is_new = is_first or installation.uninstalled_at is not None
    if is_new:
        installation.installed_at, installation.uninstalled_at = datetime.now(UTC), None
        _count(plugin, 1)
    installation.version, installation.permissions = plugin.version, plugin.permissions
    installation.save()
    return installation, is_new


def deactivate(*, user_id: UUID, slug: str) -> bool:
    """The row stays: they had it once. False when they do not have it now."""
    installed = PluginInstallation.objects.for_user(user_id).filter(plugin_id=slug, uninstalled_at=None)
    ended = bool(installed.update(uninstalled_at=datetime.now(UTC)))
    if ended:
        Plugin.objects.filter(pk=slug).update(install_count=F("install_count") - 1)
    return ended


def revoke(*, purchase: PluginPurchase) -> None:
    """The money of ``purchase`` went back: its buyer does not have the plugin any more, unless it costs nothing now.

    In the transaction that marks it; locks the plugin.
    """
    if purchase.user_id is None:
        return
    plugin = lock_plugin(purchase.plugin_id)
    if not is_entitled(user_id=purchase.user_id, plugin=plugin):
        deactivate(user_id=purchase.user_id, slug=plugin.pk)


def _count(plugin: Plugin, more: int) -> None:
    Plugin.objects.filter(pk=plugin.pk).update(install_count=F("install_count") + more)
    plugin.refresh_from_db(fields=["install_count"])


def is_entitled(*, user_id: UUID, plugin: Plugin) -> bool:
    """It is free, or theirs, or bought and not refunded."""
    return plugin.price_cents == 0 or plugin.author_id == user_id or paid_cents(user_id, plugin.pk) is not None


def paid_cents(user_id: UUID, slug: str) -> int | None:
    """What they have paid for it; None when they have not bought it, or have their money back."""
    paid = PluginPurchase.objects.for_user(user_id).filter(plugin_id=slug, status=PurchaseStatus.PAID)
    amount: int | None = paid.values_list("amount_cents", flat=True).first()
    return amount
