"""Who may have a plugin without paying (again)."""

from uuid import UUID

from marketplace.models import Plugin, PluginPurchase, PurchaseStatus


def is_entitled(*, user_id: UUID, plugin: Plugin) -> bool:
    """It is free, or theirs, or bought and not refunded."""
    return plugin.price_cents == 0 or plugin.author_id == user_id or paid_cents(user_id, plugin.pk) is not None


def paid_cents(user_id: UUID, slug: str) -> int | None:
    """What they have paid for it; None when they have not bought it, or have their money back."""
    paid = PluginPurchase.objects.for_user(user_id).filter(plugin_id=slug, status=PurchaseStatus.PAID)
    amount: int | None = paid.values_list("amount_cents", flat=True).first()
    return amount
