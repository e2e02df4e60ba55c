"""What somebody has: the plugins installed now, and what they have paid for. On any tier (docs/api.md § 9)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import OuterRef, Subquery

from accounts.models import User
from marketplace.catalog.service import installations_of
from marketplace.models import (
    PaymentReturn,
    Plugin,
    PluginPurchase,
    PluginStatus,
    PluginVersion,
    PurchaseStatus,
)
from marketplace.payouts.settlement import returned_cents

BY_AUTHOR: Final = "author"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An installation beside what is live. ``latest_version`` is None where nothing is, and nothing is added then."""

    plugin_id: str
    version: str
    latest_version: str | None
    permissions: Sequence[str]
    permissions_added: Sequence[str]
    installed_at: datetime
    withdrawn_reason: str | None

    @classmethod
    def of(cls, installation: Any) -> "Kept":
        """``installation`` is one of ``list_installed``."""
        plugin: Plugin = installation.plugin
        live = plugin if plugin.status == PluginStatus.APPROVED else None
        agreed = set(installation.permissions)
        return cls(
            plugin_id=installation.plugin_id,
            version=installation.version,
            latest_version=live.version if live else None,
            permissions=installation.permissions,
            permissions_added=[one for one in live.permissions if one not in agreed] if live else [],
            installed_at=installation.installed_at,
            withdrawn_reason=_withdrawn_reason(installation),
        )


def list_installed(user: User) -> Any:
    """The newest first, each with its plugin and the standing of the version that is installed: one query."""
    versions = PluginVersion.objects.filter(plugin=OuterRef("plugin"), version=OuterRef("version"))
    return (
        installations_of(user.pk)
        .select_related("plugin")
        .annotate(
            version_status=Subquery(versions.values("status")[:1]),
            version_takedown_reason=Subquery(versions.values("takedown_reason")[:1]),
        )
        .order_by("-installed_at", "plugin_id")
    )


def _withdrawn_reason(installation: Any) -> str | None:
    plugin: Plugin = installation.plugin
    if plugin.status != PluginStatus.APPROVED and plugin.takedown_reason:
        return plugin.takedown_reason
    if installation.version_status == PluginStatus.TAKEN_DOWN:
        return str(installation.version_takedown_reason)
    return BY_AUTHOR if PluginStatus.WITHDRAWN in {plugin.status, installation.version_status} else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """``refunded_cents``: what is back with the buyer, by refunds or a dispute."""

    purchase: PluginPurchase
    refunded_cents: int


def list_purchases(user: User) -> Any:
    """Paid, the newest first; also what was paid back."""
    paid = PluginPurchase.objects.for_user(user.pk).filter(status__in=[PurchaseStatus.PAID, PurchaseStatus.REFUNDED])
    return paid.order_by("-paid_at", "id")


def with_refunds(purchases: Iterable[PluginPurchase]) -> list[Bought]:
    """One query for all."""
    known = list(purchases)
    facts: dict[str, list[PaymentReturn]] = defaultdict(list)
    for fact in PaymentReturn.objects.filter(payment_intent_id__in=[one.payment_intent_id or "" for one in known]):
        facts[fact.payment_intent_id].append(fact)
    return [
        Bought(
            purchase=one,
            refunded_cents=returned_cents(facts[one.payment_intent_id or ""], amount_cents=one.amount_cents),
        )
        for one in known
    ]
