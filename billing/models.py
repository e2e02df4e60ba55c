"""Who has which tier, what Stripe has told us, and what an operator has to look at.

A user without a ``Subscription`` is on the free tier.
"""

import uuid
from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

import billing.revenue.models  # noqa: F401 - Django looks for an app's models here
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


class PriceInterval(models.TextChoices):
    """How often a price is paid. Nothing but a month's and a year's is sold."""

    MONTH = "month"
    YEAR = "year"
    OTHER = "other"


class KnownPrice(models.Model):
    """A price of Stripe's as it has told us of it, and the tier it stands for, or last stood for (``billing.prices``):
    it leaves the operator's list, and people go on paying it.
    """

    price_id = models.CharField(primary_key=True, max_length=255)
    lookup_key = models.CharField(max_length=255, blank=True)
    product_id = models.CharField(max_length=255, blank=True)
    interval = models.CharField(max_length=8, choices=PriceInterval.choices)
    tier = models.CharField(max_length=16, choices=SubscriptionTier.choices, default="", blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "billing_known_prices"
        constraints = [
            models.UniqueConstraint(
                fields=["lookup_key"], condition=~Q(lookup_key=""), name="billing_known_prices_one_a_lookup_key"
            ),
            models.CheckConstraint(
                name="billing_known_prices_interval_known", condition=Q(interval__in=PriceInterval.values)
            ),
            models.CheckConstraint(
                name="billing_known_prices_tier_known", condition=Q(tier__in=["", *SubscriptionTier.values])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.price_id}: {self.tier or 'no tier'}, by the {self.interval}"


class Subscription(models.Model):
    """``tier`` is the live tier: it alone decides what the user may do, whatever a token or ``users.tier`` says.

    One exception, which ``entitlements.tier_of`` knows: once the grace of a ``past_due`` row has run out,
    ``tier_after_grace`` takes its place.

    ``stripe_subscription_id`` is null for what an operator granted. ``stripe_tier`` is what Stripe's events say the
    tier should be (empty: nothing yet) and ``stripe_state_at`` how new the newest of them is (Stripe's clock, whole
    seconds); ``tier`` differs from it while ``set_by_operator`` holds. Times are UTC; ``current_period_end`` is null
    where nothing renews, ``cancel_at`` unless an end is scheduled (``cancel_at_period_end``, whichever way Stripe has
    it). ``pay_url`` is the hosted page of the open invoice where one is due; ``seats`` is the quantity that is paid
    for, or that an operator granted. ``organization``: what it pays for besides its user, as long as it is team.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="subscription")
    organization = models.OneToOneField(
        "organizations.Organization", on_delete=models.SET_NULL, null=True, blank=True, related_name="subscription"
    )
    stripe_subscription_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    tier = models.CharField(max_length=16, choices=SubscriptionTier.choices)
    status = models.CharField(max_length=32, choices=SubscriptionStatus.choices, default=SubscriptionStatus.ACTIVE)
    current_period_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    cancel_at = models.DateTimeField(null=True, blank=True)
    pay_url = models.TextField(blank=True)
    seats = models.PositiveIntegerField(null=True, blank=True)
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

    ``billing.stripe.projection`` is a pure function of a customer's set of facts, which is why neither the order nor
    the number of deliveries matters. What Stripe's API answered us is kept in the same way, one row a subscription,
    with ``event_id`` ``fetched:<subscription>``.

    ``subject_id`` is the customer; where an event has none, the object it is about. ``occurred_at`` is the event's
    ``created``: Stripe's clock, whole seconds. ``rank`` orders the snapshots of one second.

    ``price_tiers`` says of each price what it stood for when the fact became known ("" for nothing): no later change of
    the configuration changes what a payment bought. ``named_tier`` is the tier that our checkout wrote on the purchase,
    or that the subscription had before its prices became unknown; it counts where no price says anything.

    ``invoice_id``, ``invoice_created_at`` and ``pay_url`` are of the invoice that a payment is about; ``pay_url`` also
    of the latest one, where Stripe's API showed it with the subscription. ``amount_cents`` is what was to be paid when
    a payment failed: null in facts from before mails told of it.
    """

    event_id = models.CharField(primary_key=True, max_length=300)
    subject_id = models.CharField(max_length=255)
    subscription_id = models.CharField(max_length=255, blank=True)
    kind = models.CharField(max_length=24, choices=FactKind.choices)
    occurred_at = models.DateTimeField()
    rank = models.PositiveSmallIntegerField(default=0)
    status = models.CharField(max_length=32, blank=True, choices=SubscriptionStatus.choices)
    price_tiers = models.JSONField(default=dict)
    named_tier = models.CharField(max_length=16, choices=SubscriptionTier.choices, default="", blank=True)
    current_period_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    cancel_at = models.DateTimeField(null=True, blank=True)
    seats = models.PositiveIntegerField(null=True, blank=True)
    invoice_id = models.CharField(max_length=255, blank=True)
    invoice_created_at = models.DateTimeField(null=True, blank=True)
    pay_url = models.TextField(blank=True)
    amount_cents = models.PositiveBigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
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
                name="billing_facts_named_tier_known", condition=Q(named_tier__in=["", *SubscriptionTier.values])
            ),
            models.CheckConstraint(
                name="billing_facts_of_a_subscription_name_it",
                condition=Q(kind=FactKind.OTHER) | ~Q(subscription_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subscription_id or self.subject_id}"


class NoticeKind(models.TextChoices):
    PAYMENT_FAILED = "payment_failed"
    SUBSCRIPTION_ENDING = "subscription_ending"
    RECEIPT = "receipt"


class Notice(models.Model):
    """That a user was written to, so that it happens once however often Stripe says it (``billing.notices``).

    ``reference`` is the invoice; of an end that is scheduled, the subscription. ``url`` is the page that the mail links
    to, where nothing else keeps it; ``ends_at`` the end that was told.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="billing_notices")
    kind = models.CharField(max_length=24, choices=NoticeKind.choices)
    reference = models.CharField(max_length=255)
    url = models.TextField(blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "billing_notices"
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "reference"], name="billing_notices_once"),
            models.CheckConstraint(name="billing_notices_kind_known", condition=Q(kind__in=NoticeKind.values)),
            models.CheckConstraint(
                name="billing_notices_ends_say_when",
                condition=Q(kind=NoticeKind.SUBSCRIPTION_ENDING, ends_at__isnull=False)
                | (~Q(kind=NoticeKind.SUBSCRIPTION_ENDING) & Q(ends_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.reference}"


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
    interval = models.CharField(max_length=8, choices=PriceInterval.choices, default=PriceInterval.MONTH)
    seats = models.PositiveIntegerField(default=1)
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
            models.CheckConstraint(name="billing_checkouts_seats_positive", condition=Q(seats__gte=1)),
            models.CheckConstraint(
                name="billing_checkouts_interval_sold",
                condition=Q(interval__in=[PriceInterval.MONTH, PriceInterval.YEAR]),
            ),
            models.CheckConstraint(
                name="billing_checkouts_answered_whole",
                condition=Q(session_id__isnull=True, expires_at__isnull=True)
                | Q(session_id__isnull=False, expires_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier} ({self.session_id or 'no session yet'})"
