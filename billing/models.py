"""Who has which tier, what Stripe has told us, and what an operator has to look at.

A user without a ``Subscription`` is on the free tier.
"""

import uuid
from datetime import UTC, datetime

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

    One exception, which ``entitlements.tier_of`` knows: once the grace of a ``past_due`` row has run out,
    ``tier_after_grace`` takes its place.

    ``stripe_subscription_id`` is null for what an operator granted. ``stripe_tier`` is what Stripe's events say the
    tier should be (empty: nothing yet) and ``stripe_state_at`` how new the newest of them is (Stripe's clock, whole
    seconds); ``tier`` differs from it while ``set_by_operator`` holds. Times are UTC; ``current_period_end`` is null
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
    tier_after_grace = models.CharField(max_length=16, choices=SubscriptionTier.choices, default=SubscriptionTier.FREE)
    set_by_operator = models.BooleanField(default=False)
    stripe_tier = models.CharField(max_length=16, choices=SubscriptionTier.choices, default="", blank=True)
    stripe_state_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "subscriptions"
        constraints = [
            models.CheckConstraint(name="subscriptions_tier_known", condition=Q(tier__in=SubscriptionTier.values)),
            models.CheckConstraint(
                name="subscriptions_tier_after_grace_known", condition=Q(tier_after_grace__in=SubscriptionTier.values)
            ),
            models.CheckConstraint(
                name="subscriptions_stripe_tier_known",
                condition=Q(stripe_tier__in=["", *SubscriptionTier.values]),
            ),
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


class FactKind(models.TextChoices):
    """What a ``BillingFact`` says.

    ``snapshot``: the subscription looks like this now. ``checkout``: it was bought, and how it looks is still to come.
    ``payment_failed`` and ``payment_succeeded``: of one of its invoices. ``other``: nothing about a subscription.
    """

    SNAPSHOT = "snapshot"
    CHECKOUT = "checkout"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_SUCCEEDED = "payment_succeeded"
    OTHER = "other"


class BillingFact(models.Model):
    """The part of one Stripe event that tiers are derived from, and the way from a customer to their events.

    ``billing.projection`` is a pure function of a customer's set of facts, which is why neither the order nor the
    number of deliveries matters. What Stripe's API answered us is kept in the same way, one row a subscription, with
    ``event_id`` ``fetched:<subscription>``.

    ``subject_id`` is the customer; where an event has none, the object it is about. ``occurred_at`` is the event's
    ``created``: Stripe's clock, whole seconds. ``rank`` orders the snapshots of one second.
    """

    event_id = models.CharField(primary_key=True, max_length=300)
    subject_id = models.CharField(max_length=255)
    subscription_id = models.CharField(max_length=255, blank=True)
    kind = models.CharField(max_length=24, choices=FactKind.choices)
    occurred_at = models.DateTimeField()
    rank = models.PositiveSmallIntegerField(default=0)
    status = models.CharField(max_length=32, blank=True, choices=SubscriptionStatus.choices)
    price_ids = models.JSONField(default=list)
    current_period_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "billing_facts"
        indexes = [models.Index(fields=["subject_id"], name="billing_facts_subject")]
        constraints = [
            models.CheckConstraint(name="billing_facts_kind_known", condition=Q(kind__in=FactKind.values)),
            models.CheckConstraint(
                name="billing_facts_snapshots_have_a_status",
                condition=~Q(kind__in=[FactKind.SNAPSHOT, FactKind.CHECKOUT]) | Q(status__in=SubscriptionStatus.values),
            ),
            models.CheckConstraint(
                name="billing_facts_of_a_subscription_name_it",
                condition=Q(kind=FactKind.OTHER) | ~Q(subscription_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subscription_id or self.subject_id}"


class OperatorAlert(models.Model):
    """Something a person has to look at. One open alert for each kind and reference, however often it happens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=64)
    reference = models.CharField(max_length=255, blank=True)
    message = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "operator_alerts"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "reference"],
                condition=Q(resolved_at__isnull=True),
                name="operator_alerts_one_open_of_a_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.reference}"


class CheckoutQuerySet(models.QuerySet["Checkout"]):
    """Owner-scoped ways to checkouts."""

    def for_user(self, user_id: uuid.UUID) -> "CheckoutQuerySet":
        return self.filter(user_id=user_id)

    def open(self) -> "CheckoutQuerySet":
        """Those with a page that can be paid on, as far as we know."""
        return self.filter(session_id__isnull=False, closed_at=None, expires_at__gt=datetime.now(UTC))


class Checkout(models.Model):
    """A purchase that was begun: what a repeated request is answered from, and which pages can still be paid on.

    ``idempotency_key`` is the client's, ``session_id`` and ``url`` are Stripe's: null and empty until Stripe has
    answered. ``closed_at``: nothing can be bought on it any more, as far as we know. ``completed_at`` is the stub's
    alone: a real purchase is what Stripe's events say.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="checkouts")
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null is unique often
    tier = models.CharField(max_length=16, choices=SubscriptionTier.choices)
    price_id = models.CharField(max_length=255)
    session_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    url = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    objects = CheckoutQuerySet.as_manager()

    class Meta:
        db_table = "billing_checkouts"
        constraints = [
            # The invariant of Idempotency-Key; null is no key, and as often as one likes.
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="billing_checkouts_one_a_key"),
            models.CheckConstraint(
                name="billing_checkouts_paid_tier",
                condition=Q(tier__in=[SubscriptionTier.PRO, SubscriptionTier.POWER, SubscriptionTier.TEAM]),
            ),
            models.CheckConstraint(
                name="billing_checkouts_answered_whole",
                condition=Q(session_id__isnull=True, expires_at__isnull=True)
                | Q(session_id__isnull=False, expires_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier} ({self.session_id or 'no session yet'})"


class SubscriptionPayment(models.Model):
    """A paid invoice of a subscription, as Stripe's events tell it (``billing.invoices``). It outlives the account that
    paid, and never names it.
    """

    invoice_id = models.CharField(primary_key=True, max_length=255)
    amount_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    paid_at = models.DateTimeField(help_text="By Stripe's clock.")

    class Meta:
        db_table = "subscription_payments"
        constraints = [
            models.CheckConstraint(name="subscription_payments_of_something", condition=Q(amount_cents__gt=0)),
        ]
        indexes = [models.Index(fields=["paid_at"], name="subscription_payments_by_time")]

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.amount_cents} {self.currency}"
