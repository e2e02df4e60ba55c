"""What an export of an account holds of plugins: installed, bought, rated, reported, submitted, and sold."""

from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.export.registry import register_document
from marketplace.models import (
    DeveloperAccount,
    MessageSide,
    PluginInstallation,
    PluginPurchase,
    PluginRating,
    PluginReport,
    PluginVersion,
    ReviewMessage,
)


def collect_installs(user_id: UUID) -> dict[str, Any]:
    installed = PluginInstallation.objects.for_user(user_id).order_by("installed_at")
    purchases = PluginPurchase.objects.for_user(user_id).order_by("created_at")
    own = Q(submitted_by=user_id) | Q(plugin__author=user_id)
    reports = PluginReport.objects.for_user(user_id).order_by("reported_at")
    said = ReviewMessage.objects.filter(side__in=[MessageSide.REVIEW, MessageSide.AUTHOR])
    messages = said.filter(version__in=PluginVersion.objects.filter(own)).order_by("written_at", "id")
    submissions = PluginVersion.objects.filter(own).order_by("submitted_at")
    return {
        "installed": list(installed.values("plugin_id", "version", "permissions", "installed_at", "uninstalled_at")),
        "purchases": list(
            purchases.values("plugin_id", "amount_cents", "currency", "status", "created_at", "paid_at", "receipt_url")
        ),
        "ratings": list(PluginRating.objects.for_user(user_id).values("plugin_id", "stars", "updated_at")),
        # Not how it was closed: what reviewers note is among them.
        "reports": list(reports.values("plugin_id", "version", "reason", "text", "reported_at", "closed_at")),
        "messages": list(messages.values("version__plugin_id", "version__version", "side", "text", "written_at")),
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
