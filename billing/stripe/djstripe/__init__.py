"""dj-stripe as a mirror for looking at: which of its tables there are, and (``mirror``) what fills them.

Django imports this before any app is ready, for ``DATABASE_ROUTERS``.
"""

from typing import Any

# What the mirror holds, and what those refer to.
KEPT = {
    "account",
    "customer",
    "event",
    "paymentmethod",
    "price",
    "product",
    "subscription",
    "subscriptionitem",
    "taxrate",
}


class MirroredTablesRouter:
    """No tables for the fifty models of dj-stripe that nothing here fills: they would triple what there is to migrate,
    to dump and to empty between tests. One that is wanted later: add it, and a migration that creates it.
    """

    def allow_migrate(self, _db: str, app_label: str, model_name: str | None = None, **_hints: Any) -> bool | None:
        if app_label != "djstripe" or model_name is None:
            return None
        return model_name in KEPT
