"""Users' reports, as reviewers work through them: each is closed once, and malware calls an operator."""

from datetime import UTC, datetime
from typing import Final

from django.db import transaction
from django.db.models import Count, Min

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from billing import alerts
from billing.models import OperatorAlert
from marketplace.locks import lock_open_user
from marketplace.models import PluginReport, ReportOutcome, ReportReason

MAX_NOTES: Final = 4000
ALREADY_CLOSED: Final = "This report has already been closed."
PLUGIN_MALWARE: Final = "plugin_malware"  # the alert's kind; its reference is the plugin


@transaction.atomic
def close_report(*, report: PluginReport, reviewer: User, outcome: str, notes: str = "") -> PluginReport:
    """``notes`` stay among reviewers.

    Raises:
        Conflict: it is closed.
        PermissionDenied: it is about the reviewer's own plugin, or their own report.
        ValidationFailed: an outcome that is none, or long notes.
    """
    notes = notes.strip()
    if outcome not in ReportOutcome.values:
        raise ValidationFailed({"outcome": ["Choose what became of it."]})
    if len(notes) > MAX_NOTES:
        raise ValidationFailed({"notes": [f"At most {MAX_NOTES} characters."]})
    if not lock_open_user(reviewer.pk).is_active:
        raise PermissionDenied("This account is closed.")
    locked: PluginReport | None = PluginReport.objects.select_for_update(no_key=True).filter(pk=report.pk).first()
    if locked is None:
        raise NotFound("This report is gone.")
    if locked.plugin.author_id == reviewer.pk:
        raise PermissionDenied("You cannot close a report about your own plugin.")
    if locked.user_id == reviewer.pk:
        raise PermissionDenied("You cannot close your own report.")
    if locked.closed_at is not None:
        raise Conflict(ALREADY_CLOSED)
    locked.closed_at, locked.closed_by = datetime.now(UTC), reviewer
    locked.outcome, locked.notes = outcome, notes
    if locked.user_id is None:  # the words of who has left stay until they are read, and no longer
        locked.text = ""
    locked.save(update_fields=["closed_at", "closed_by", "outcome", "notes", "text"])
    call_operator()
    return locked


@transaction.atomic
def call_operator() -> None:
    """An alert for each plugin with an open report of malware, which ends with the last of them; may run again."""
    reported = PluginReport.objects.filter(closed_at__isnull=True, reason=ReportReason.MALWARE).order_by()
    plugins = {
        row["plugin_id"]: row for row in reported.values("plugin_id").annotate(n=Count("pk"), since=Min("reported_at"))
    }
    for slug, row in sorted(plugins.items()):
        alerts.update_alert(
            PLUGIN_MALWARE,
            reference=slug,
            message=f"Users report malware in {slug}: {row['n']} open since {row['since']:%Y-%m-%d %H:%M} UTC. Look at "
            f"the reports in /admin/, and take the plugin or its version down if they are right.",
        )
    opened = OperatorAlert.objects.filter(kind=PLUGIN_MALWARE, resolved_at=None)
    for slug in opened.exclude(reference__in=plugins).values_list("reference", flat=True):
        alerts.resolve(PLUGIN_MALWARE, reference=slug)
