"""Locks on rows that change together, always in one order: user, plugin, purchase. To be called in a transaction."""

from uuid import UUID

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound
from marketplace.models import Plugin, PluginPurchase


def lock_user(user_id: UUID) -> None:
    """Also where the account is being deleted."""
    User.objects.select_for_update(no_key=True).filter(pk=user_id).first()


def lock_open_user(user_id: UUID) -> User:
    """Raises Conflict for an account that is being deleted: its erasure would not see what it does from here on."""
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id, erasure_requested_at=None).first()
    if user is None:
        raise Conflict("This account is being deleted.")
    return user


def lock_plugin(slug: str) -> Plugin:
    """Raises NotFound."""
    plugin = Plugin.objects.select_for_update(no_key=True).filter(pk=slug).first()
    if plugin is None:
        raise NotFound("There is no such plugin.")
    return plugin


def lock_purchase(purchase_id: UUID) -> PluginPurchase | None:
    """The purchase, with its buyer and plugin locked before it; None when there is none.

    ``purchase.user`` is None for one whose buyer has left.
    """
    known = PluginPurchase.objects.filter(pk=purchase_id).values("user_id", "plugin_id").first()
    if known is None:
        return None
    if known["user_id"] is not None:
        lock_user(known["user_id"])
    lock_plugin(known["plugin_id"])
    purchases = PluginPurchase.objects.select_for_update(no_key=True, of=("self",)).select_related("user", "plugin")
    purchase: PluginPurchase = purchases.get(pk=purchase_id)
    return purchase
