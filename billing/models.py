"""Who has which tier. A user without a row here is on the free tier."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.tiers import Tier


class SubscriptionTier(models.TextChoices):
    """``billing.tiers.Tier`` as the database and the admin know it; a test holds the two together."""

    FREE = Tier.FREE.value
    PRO = Tier.PRO.value
    POWER = Tier.POWER.value
    TEAM = Tier.TEAM.value


class SubscriptionStatus(models.TextChoices):
    """Stripe's words (docs.stripe.com/api/subscriptions/object, ``status``).

    A row that an operator granted is ``active``.
    """

    ACTIVE = "active"
    TRIALING = "trialing"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    CANCELED = "canceled"


class Subscription(models.Model):
    """``tier`` is the live tier: it alone decides what the user may do, whatever a token or ``users.tier`` says.

    ``stripe_subscription_id`` is null for what an operator granted. Times are UTC; ``current_period_end`` is null
    where nothing renews.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="subscription")
    stripe_subscription_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    tier = models.CharField(max_length=16, choices=SubscriptionTier.choices)
    status = models.CharField(max_length=32, choices=SubscriptionStatus.choices, default=SubscriptionStatus.ACTIVE)
    current_period_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    past_due_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "subscriptions"
        constraints = [
            models.CheckConstraint(name="subscriptions_tier_known", condition=Q(tier__in=SubscriptionTier.values)),
            models.CheckConstraint(
                name="subscriptions_status_known", condition=Q(status__in=SubscriptionStatus.values)
            ),
            # "" would be taken for an id, and by one user only.
            models.CheckConstraint(name="subscriptions_stripe_id_not_empty", condition=~Q(stripe_subscription_id="")),
            # The grace period is counted from past_due_since: without it a debt would never run out, and one left
            # over from an older debt would cut the next one short.
            models.CheckConstraint(
                name="subscriptions_past_due_has_a_start",
                condition=Q(status=SubscriptionStatus.PAST_DUE, past_due_since__isnull=False)
                | (~Q(status=SubscriptionStatus.PAST_DUE) & Q(past_due_since__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier} ({self.status})"
