"""The reviewer's desk: who has claimed a submission, what is said about it, and what users report."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from marketplace.models.catalog import ForUserQuerySet, Plugin, PluginVersion

MOST_MESSAGE_CHARACTERS = 4000
MOST_REPORT_CHARACTERS = 2000


class ReviewClaim(models.Model):
    """Who reads a submission now, so that two do not read the same one. Past ``lapses_at`` it counts for nothing; a
    decision needs none, and ends it.
    """

    version = models.OneToOneField(PluginVersion, primary_key=True, on_delete=models.CASCADE, related_name="claim")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    claimed_at = models.DateTimeField()
    lapses_at = models.DateTimeField()

    class Meta:
        db_table = "plugin_review_claims"
        constraints = [
            models.CheckConstraint(
                name="plugin_review_claims_lapse_later", condition=Q(lapses_at__gt=models.F("claimed_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} until {self.lapses_at}"


class MessageSide(models.TextChoices):
    """``note`` stays among reviewers; the others are what reviewer and author write to each other."""

    REVIEW = "review"
    AUTHOR = "author"
    NOTE = "note"


class ReviewMessage(models.Model):
    """What is said about one submission. Rows are only ever added; of who has left the text stays, without them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(PluginVersion, on_delete=models.CASCADE, related_name="messages")
    side = models.CharField(max_length=8, choices=MessageSide.choices)
    writer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    text = models.TextField(max_length=MOST_MESSAGE_CHARACTERS)
    written_at = models.DateTimeField()

    class Meta:
        db_table = "plugin_review_messages"
        ordering = ["written_at", "id"]
        constraints = [
            models.CheckConstraint(name="plugin_review_messages_side_known", condition=Q(side__in=MessageSide.values)),
            models.CheckConstraint(name="plugin_review_messages_say_something", condition=~Q(text="")),
        ]
        indexes = [models.Index(fields=["version", "written_at"], name="plugin_review_messages_by_age")]

    def __str__(self) -> str:
        return f"{self.side}: {self.version_id}"


class ReportReason(models.TextChoices):
    MALWARE = "malware", "Malware"
    PRIVACY = "privacy", "Privacy"
    BROKEN = "broken", "Does not work"
    COPYRIGHT = "copyright", "Copyright"
    OTHER = "other", "Something else"


class ReportOutcome(models.TextChoices):
    """How a reviewer has closed a report; empty while it is open."""

    ACTED_ON = "acted_on", "Something was done about it"
    DISMISSED = "dismissed", "Nothing was wrong"


class PluginReport(models.Model):
    """What a user reports about a plugin (docs/api.md § 9), open until a reviewer has closed it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plugin = models.ForeignKey(Plugin, on_delete=models.CASCADE, related_name="reports")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="plugin_reports"
    )
    version = models.CharField(max_length=64, help_text="The one that the user has installed, else the live one.")
    reason = models.CharField(max_length=16, choices=ReportReason.choices)
    text = models.TextField(blank=True, max_length=MOST_REPORT_CHARACTERS)
    reported_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    outcome = models.CharField(max_length=16, choices=ReportOutcome.choices, blank=True)
    notes = models.TextField(blank=True, help_text="Among reviewers.")

    objects: ClassVar = ForUserQuerySet.as_manager()

    class Meta:
        db_table = "plugin_reports"
        verbose_name = "report"
        constraints = [
            models.UniqueConstraint(
                fields=["plugin", "user"], condition=Q(closed_at__isnull=True), name="plugin_reports_one_open_each"
            ),
            models.CheckConstraint(name="plugin_reports_reason_known", condition=Q(reason__in=ReportReason.values)),
            models.CheckConstraint(
                name="plugin_reports_closed_with_an_outcome",
                condition=Q(closed_at__isnull=True, outcome="")
                | Q(closed_at__isnull=False, outcome__in=ReportOutcome.values),
            ),
        ]
        indexes = [
            models.Index(
                fields=["reported_at"], condition=Q(closed_at__isnull=True), name="plugin_reports_open_by_age"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plugin_id}: {self.reason}"
