"""What an export of an account holds of plugins: installed, bought, rated, submitted, and sold."""

from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.export.registry import register_document
from marketplace.models import DeveloperAccount, PluginInstallation, PluginPurchase, PluginRating, PluginVersion


def collect_installs(user_id: UUID) -> dict[str, Any]:
    installed = PluginInstallation.objects.for_user(user_id).order_by("installed_at")
    purchases = PluginPurchase.objects.for_user(user_id).order_by("created_at")
    own = Q(submitted_by=user_id) | Q(plugin__author=user_id)
    submissions = PluginVersion.objects.filter(own).order_by("submitted_at")
    return {
        "installed": list(installed.values("plugin_id", "version", "permissions", "installed_at", "uninstalled_at")),
        "purchases": list(purchases.values("plugin_id", "amount_cents", "currency", "status", "created_at", "paid_at")),
        "ratings": list(PluginRating.objects.for_user(user_id).values("plugin_id", "stars", "updated_at")),
        "submissions": list(
            submissions.values(
                "plugin_id",
                "version",
                "manifest",
                "checks",
                "checksum",
                "size_bytes",
                "status",
                "submitted_at",
                "decided_at",
                "review__decision",
                "review__reason_code",
                "review__notes",
            )
        ),
        "developer_account": DeveloperAccount.objects.filter(user_id=user_id)
        .values("stripe_account_id", "payouts_enabled", "is_restricted", "requirements", "created_at")
        .first(),
    }


def register() -> None:
    register_document("installs.json", collect_installs)
