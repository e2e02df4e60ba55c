"""What users do with plugins: install, buy, rate."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from marketplace.models.catalog import ForUserQuerySet, Plugin


class PluginInstallation(models.Model):
    """``uninstalled_at``: they had it once, and may still rate it. ``permissions`` are those agreed to at install."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plugin = models.ForeignKey(Plugin, on_delete=models.CASCADE, related_name="installations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="installations")
    version = models.CharField(max_length=64)
    permissions = models.JSONField(default=list)
    installed_at = models.DateTimeField()
    uninstalled_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = ForUserQuerySet.as_manager()

    class Meta:
        db_table = "plugin_installations"
        constraints = [
            models.UniqueConstraint(fields=["plugin", "user"], name="plugin_installations_one_each"),
        ]

    def __str__(self) -> str:
        return f"{self.plugin_id} {self.version}"


class PurchaseStatus(models.TextChoices):
    """``pending``: Stripe has been or will be asked, and has not said yes. A refunded purchase no longer entitles."""

    PENDING = "pending"
    PAID = "paid"
    REFUNDED = "refunded"
    FAILED = "failed"


class PluginPurchase(models.Model):
    """Written before Stripe is asked, under an idempotency key derived from ``id``: however often it is tried, it is
    charged once. It survives uninstalling. The row outlives its buyer's account, without naming them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plugin = models.ForeignKey(Plugin, on_delete=models.PROTECT, related_name="purchases")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="purchases")
    amount_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3, default="eur")
    status = models.CharField(max_length=16, choices=PurchaseStatus.choices, default=PurchaseStatus.PENDING)
    # Decided once, so that all attempts ask Stripe for the very same thing under the same key.
    payment_method_id = models.CharField(  # noqa: DJ001 - null and empty differ
        max_length=255,
        null=True,
        blank=True,
        help_text="The saved card that pays; empty: on a page; null: not decided yet.",
    )
    payment_intent_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    checkout_session_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    checkout_url = models.TextField(blank=True)
    checkout_expires_at = models.DateTimeField(null=True, blank=True)
    receipt_url = models.TextField(blank=True, default="", db_default="", help_text="Stripe's page; empty: not known.")
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = ForUserQuerySet.as_manager()

    class Meta:
        db_table = "plugin_purchases"
        constraints = [
            # Nobody pays twice for one plugin, and two attempts at once are one attempt.
            models.UniqueConstraint(
                fields=["plugin", "user"],
                condition=Q(status__in=[PurchaseStatus.PENDING, PurchaseStatus.PAID]),
                name="plugin_purchases_one_open_or_paid",
            ),
            models.CheckConstraint(name="plugin_purchases_cost_something", condition=Q(amount_cents__gt=0)),
            models.CheckConstraint(name="plugin_purchases_status_known", condition=Q(status__in=PurchaseStatus.values)),
            models.CheckConstraint(
                name="plugin_purchases_paid_when",
                condition=~Q(status__in=[PurchaseStatus.PAID, PurchaseStatus.REFUNDED]) | Q(paid_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plugin_id}: {self.status}"


class PluginRating(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plugin = models.ForeignKey(Plugin, on_delete=models.CASCADE, related_name="ratings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="plugin_ratings")
    stars = models.PositiveSmallIntegerField()
    updated_at = models.DateTimeField()

    objects: ClassVar = ForUserQuerySet.as_manager()

    class Meta:
        db_table = "plugin_ratings"
        constraints = [
            models.UniqueConstraint(fields=["plugin", "user"], name="plugin_ratings_one_each"),
            models.CheckConstraint(name="plugin_ratings_stars", condition=Q(stars__gte=1, stars__lte=5)),
        ]

    def __str__(self) -> str:
        return f"{self.plugin_id}: {self.stars}"
