"""Plugins, their immutable versions, and what reviewers have decided about them; and the names they go by in public."""

import hashlib
import re
import uuid
from typing import Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from marketplace.prices import MIN_PRICE_CENTS

SLUG = r"^[a-z0-9-]+$"
CHECKSUM = r"^[0-9a-f]{64}$"
_ID = re.compile(r"[a-z0-9-]{1,64}")


class PluginStatus(models.TextChoices):
    """Of a version; a plugin has the status of its live version, or of its newest one before the first approval."""

    PENDING_REVIEW = "pending_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    TAKEN_DOWN = "taken_down"


class ReviewDecision(models.TextChoices):
    APPROVED = "approved"
    REJECTED = "rejected"


class RejectionReason(models.TextChoices):
    """``PluginReview.reason_code`` of a rejection. The labels are for reviewers; authors read another sentence."""

    MALICIOUS = "malicious", "Harms users or their data"
    PERMISSIONS = "permissions", "Asks for more permissions than it needs"
    PRIVACY = "privacy", "Sends or keeps data without saying so"
    MISLEADING = "misleading", "Name, texts or price are misleading"
    IMPERSONATION = "impersonation", "Looks like somebody else's plugin or brand"
    BROKEN = "broken", "Does not work"
    SECRETS = "secrets", "The package holds secrets or private data"
    UNREADABLE = "unreadable", "Cannot be reviewed: obfuscated or generated code"
    LEGAL = "legal", "Licence, copyright or law"
    SUPERSEDED = "superseded", "A newer version is live or in review"
    OTHER = "other", "Something else (say what)"


class PluginQuerySet(models.QuerySet["Plugin"]):
    def live(self) -> Self:
        """In the catalog."""
        return self.filter(status=PluginStatus.APPROVED)

    def with_id(self, slug: str) -> Self:
        """The plugin with that id, which may be any text a client sends: PostgreSQL refuses NUL in a parameter."""
        return self.filter(pk=slug) if _ID.fullmatch(slug) else self.none()

    def for_author(self, user_id: UUID) -> Self:
        return self.filter(author_id=user_id)


class ForUserQuerySet(models.QuerySet[Any]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)


class Plugin(models.Model):
    """What the catalog shows: the texts, price and permissions of the live version, copied when it is approved.

    ``author`` is null for plugins of Adiuva's own, and for those whose author has left. ``rating_sum`` and
    ``rating_count`` are those of ``PluginRating``; ``rank`` is the Bayesian mean that the catalog sorts by.
    ``install_count`` counts those who have it installed now.
    """

    slug = models.CharField(primary_key=True, max_length=64)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="plugins"
    )
    author_name = models.CharField(max_length=64, help_text="Shown to everybody; never an e-mail address.")
    name = models.CharField(max_length=64)
    description = models.TextField(blank=True)
    category = models.CharField(max_length=64)
    version = models.CharField(max_length=64, help_text="The live one; before the first approval the newest.")
    price_cents = models.PositiveIntegerField(default=0)
    is_unsellable = models.BooleanField(
        default=False, help_text="Its price is older than the rule that one can be charged: nobody can buy it."
    )
    currency = models.CharField(max_length=3, default="eur")
    permissions = models.JSONField(default=list)
    status = models.CharField(max_length=16, choices=PluginStatus.choices, default=PluginStatus.PENDING_REVIEW)
    s3_package_key = models.CharField(max_length=255, blank=True)
    install_count = models.PositiveIntegerField(default=0)
    rating_sum = models.PositiveIntegerField(default=0)
    rating_count = models.PositiveIntegerField(default=0)
    avg_rating = models.FloatField(default=0)
    rank = models.FloatField(default=0)
    takedown_reason = models.TextField(blank=True, help_text="Public, while it is taken down.")
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True, help_text="Of the first approval.")

    objects: ClassVar = PluginQuerySet.as_manager()

    class Meta:
        db_table = "plugins"
        permissions = [
            ("review_plugins", "Can review submitted plugins"),
            ("take_down_plugins", "Can take plugins down and reinstate them"),
        ]
        constraints = [
            models.CheckConstraint(name="plugins_slug", condition=Q(slug__regex=SLUG)),
            models.CheckConstraint(name="plugins_status_known", condition=Q(status__in=PluginStatus.values)),
            # A mean needs someone to have rated, and stars are 1 to 5.
            models.CheckConstraint(
                name="plugins_rating_adds_up",
                condition=Q(rating_sum__gte=F("rating_count"), rating_sum__lte=F("rating_count") * 5),
            ),
            models.CheckConstraint(
                name="plugins_taken_down_says_why",
                condition=~Q(status=PluginStatus.TAKEN_DOWN) | ~Q(takedown_reason=""),
            ),
            models.CheckConstraint(
                name="plugins_price_can_be_charged",
                condition=Q(price_cents=0) | Q(price_cents__gte=MIN_PRICE_CENTS) | Q(is_unsellable=True),
            ),
            models.CheckConstraint(
                name="plugins_live_has_a_package", condition=~Q(status=PluginStatus.APPROVED) | ~Q(s3_package_key="")
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-rank", "slug"], name="plugins_by_rank"),
            models.Index(fields=["status", "-install_count", "slug"], name="plugins_by_installs"),
            models.Index(fields=["status", "-published_at", "slug"], name="plugins_by_age"),
        ]

    def __str__(self) -> str:
        return self.slug


class PluginVersion(models.Model):
    """One submission: manifest, package and ``checks`` never change. ``status`` moves by a review, and from approved
    once more: withdrawn by its author, or taken down alone by an operator, who says why.

    ``checks`` are the validators' results of that day (``marketplace.submissions.validators.runner.run_validators`` has
    their shape); ``reach`` is what its code reaches for (``marketplace.review.reach``), null until that was looked at.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plugin = models.ForeignKey(Plugin, on_delete=models.CASCADE, related_name="versions")
    version = models.CharField(max_length=64, help_text="Semantic Versioning 2.0.0.")
    manifest = models.JSONField()
    checks = models.JSONField(default=list)
    reach = models.JSONField(null=True, blank=True, editable=False)
    s3_key = models.CharField(max_length=255, unique=True)
    checksum = models.CharField(max_length=64)
    size_bytes = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=PluginStatus.choices, default=PluginStatus.PENDING_REVIEW)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    submitted_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True, help_text="When what was approved was taken back.")
    takedown_reason = models.TextField(blank=True, default="", db_default="", help_text="Public.")
    taken_down_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When verify_blobs last read it whole.")

    class Meta:
        db_table = "plugin_versions"
        verbose_name = "submission"
        constraints = [
            models.UniqueConstraint(fields=["plugin", "version"], name="plugin_versions_one_of_each"),
            models.CheckConstraint(name="plugin_versions_checksum", condition=Q(checksum__regex=CHECKSUM)),
            models.CheckConstraint(
                name="plugin_versions_status_known",
                condition=Q(
                    status__in=[
                        PluginStatus.PENDING_REVIEW,
                        PluginStatus.APPROVED,
                        PluginStatus.REJECTED,
                        PluginStatus.WITHDRAWN,
                        PluginStatus.TAKEN_DOWN,
                    ]
                ),
            ),
            models.CheckConstraint(
                name="plugin_versions_taken_down_says_why",
                condition=~Q(status=PluginStatus.TAKEN_DOWN) | ~Q(takedown_reason=""),
            ),
            models.CheckConstraint(
                name="plugin_versions_decided_when_not_pending",
                condition=Q(status=PluginStatus.PENDING_REVIEW, decided_at__isnull=True)
                | (~Q(status=PluginStatus.PENDING_REVIEW) & Q(decided_at__isnull=False)),
            ),
        ]
        indexes = [models.Index(fields=["status", "submitted_at"], name="plugin_versions_queue")]

    def __str__(self) -> str:
        return f"{self.plugin_id} {self.version}"


class PluginReview(models.Model):
    """A decision about one version. Rows are only ever added; one a version, so two reviewers cannot both decide."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plugin = models.ForeignKey(Plugin, on_delete=models.CASCADE, related_name="reviews")
    plugin_version = models.OneToOneField(PluginVersion, on_delete=models.CASCADE, related_name="review")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decision = models.CharField(max_length=16, choices=ReviewDecision.choices)
    reason_code = models.CharField(max_length=32, blank=True)
    notes = models.TextField(blank=True, help_text="Shown to the author.")
    reviewed_at = models.DateTimeField()

    class Meta:
        db_table = "plugin_reviews"
        ordering = ["-reviewed_at"]
        constraints = [
            models.CheckConstraint(
                name="plugin_reviews_decision_known", condition=Q(decision__in=ReviewDecision.values)
            ),
            models.CheckConstraint(
                name="plugin_reviews_rejection_says_why",
                condition=Q(decision=ReviewDecision.APPROVED) | ~Q(reason_code=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision}: {self.plugin_version}"


class PluginTakedown(models.Model):
    """From when to when a live plugin was taken down, by whom, and why. Rows are only ever added and then ended.

    ``told_at``: those who have it installed were written to. Until then ``told_through`` is the last one of them that
    was, in the order of their ids.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plugin = models.ForeignKey(Plugin, on_delete=models.CASCADE, related_name="takedowns")
    reason = models.TextField(help_text="Public.")
    taken_down_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    taken_down_at = models.DateTimeField()
    reinstated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reinstated_at = models.DateTimeField(null=True, blank=True)
    reinstated_notes = models.TextField(blank=True)
    told_through = models.UUIDField(null=True, blank=True, editable=False)
    told_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "plugin_takedowns"
        ordering = ["-taken_down_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["plugin"], condition=Q(reinstated_at__isnull=True), name="plugin_takedowns_one_open_a_plugin"
            ),
            models.CheckConstraint(name="plugin_takedowns_say_why", condition=~Q(reason="")),
        ]
        indexes = [
            models.Index(
                fields=["taken_down_at"],
                condition=Q(told_at__isnull=True, reinstated_at__isnull=True),
                name="plugin_takedowns_to_tell",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plugin_id} since {self.taken_down_at}"


FORMER_AUTHOR = "Former developer"


def author_name_of(user_id: UUID) -> str:
    """``dev-`` and eight hexadecimal digits: always the same, and no way back. An id is 122 random bits, so nobody can
    try them all, and it needs no key that could be changed or lost.
    """
    return f"dev-{_digest('author', user_id)}"


def reviewer_name_of(user_id: UUID) -> str:
    """As an author's, and not to be matched with it: a reviewer may write plugins, too."""
    return f"reviewer-{_digest('reviewer', user_id)}"


def reporter_name_of(user_id: UUID) -> str:
    """Of who reports a plugin or has bought one, for staff who may not see users."""
    return f"user-{_digest('reporter', user_id)}"


def _digest(role: str, user_id: UUID) -> str:
    return hashlib.sha256(f"adiuva:{role}:{user_id}".encode()).hexdigest()[:8]
