"""An author's record, as a reviewer sees it beside a submission: how long they are known, and what became of the rest.

Each figure is counted by the database, in a number of queries that does not grow with what is counted.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Min, Q
from django.utils.timesince import timesince

from accounts.models import User
from marketplace.models import (
    Plugin,
    PluginReport,
    PluginReview,
    PluginStatus,
    PluginTakedown,
    PluginVersion,
    RejectionReason,
    ReportOutcome,
    ReviewDecision,
)

MOST_SHOWN: Final = 5  # live plugins, those with the most users first


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorRecord:
    """``age`` is in words, as "2 years, 1 month". Counts of submissions are of versions, the one under review included.

    ``rejections``: how often for each reason, the most frequent first. ``withdrawn``: by the author, before or after
    the decision. ``takedowns``: of versions alone, and of whole plugins, past ones included.
    """

    age: str
    is_verified: bool
    is_first: bool
    submissions: int
    pending: int
    approved: int
    rejected: int
    rejections: list[tuple[str, int]]
    withdrawn: int
    takedowns: int
    open_reports: int
    reports_acted_on: int
    reports_dismissed: int
    live_plugins: int
    others: list[Plugin]


def record_of(author: User, *, version: PluginVersion) -> AuthorRecord:
    """``version``: the one that is under review; its plugin is none of the others."""
    by_status = _count_versions(author.pk)
    counted = PluginVersion.objects.filter(plugin__author=author).aggregate(first=Min("submitted_at"))
    rejections = _count_rejections(author.pk)
    reports = PluginReport.objects.filter(plugin__author=author).aggregate(
        open=Count("pk", filter=Q(closed_at__isnull=True)),
        acted_on=Count("pk", filter=Q(outcome=ReportOutcome.ACTED_ON)),
        dismissed=Count("pk", filter=Q(outcome=ReportOutcome.DISMISSED)),
    )
    others = Plugin.objects.live().for_author(author.pk).exclude(pk=version.plugin_id)
    return AuthorRecord(
        age=timesince(author.created_at),
        is_verified=author.email_verified,
        is_first=counted["first"] is not None and version.submitted_at <= counted["first"],
        submissions=sum(by_status.values()),
        pending=by_status.get(PluginStatus.PENDING_REVIEW, 0),
        approved=by_status.get(PluginStatus.APPROVED, 0),
        rejected=by_status.get(PluginStatus.REJECTED, 0),
        rejections=rejections,
        withdrawn=by_status.get(PluginStatus.WITHDRAWN, 0),
        takedowns=by_status.get(PluginStatus.TAKEN_DOWN, 0)
        + PluginTakedown.objects.filter(plugin__author=author).count(),
        open_reports=reports["open"],
        reports_acted_on=reports["acted_on"],
        reports_dismissed=reports["dismissed"],
        live_plugins=others.count(),
        others=list(others.order_by("-install_count", "slug")[:MOST_SHOWN]),
    )


def _count_versions(author_id: UUID) -> dict[str, int]:
    versions = PluginVersion.objects.filter(plugin__author=author_id).order_by()
    return dict(versions.values_list("status").annotate(count=Count("pk")))


def _count_rejections(author_id: UUID) -> list[tuple[str, int]]:
    rejected: Any = PluginReview.objects.filter(plugin__author=author_id, decision=ReviewDecision.REJECTED).order_by()
    rows = rejected.values_list("reason_code").annotate(count=Count("pk")).order_by("-count", "reason_code")
    return [(_label_of(code), count) for code, count in rows]


def _label_of(code: str) -> str:
    """A code of other days is shown as it is."""
    return RejectionReason(code).label if code in RejectionReason.values else code
