"""Where a sale's money goes. Amounts are integer cents; what is owed is derived from the ledger and nothing else."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from marketplace.models.catalog import Plugin
from marketplace.models.purchases import PluginPurchase


class OnboardingState(models.TextChoices):
    """``restricted``: Stripe was told what it asked for, and has disabled something all the same."""

    NONE = "none"
    PENDING = "pending"
    RESTRICTED = "restricted"
    READY = "ready"


class DeveloperAccount(models.Model):
    """A developer's account at Stripe Connect, as Stripe spoke of it last, and ``said_at`` when.

    ``payouts_enabled``: money may be sent to it, and gets out. ``requirements`` are Stripe's names of what is due.
    ``deauthorized_at``: since then we may not use it any more, for ever; its owner onboards anew, with another one.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="developer_account"
    )
    stripe_account_id = models.CharField(max_length=255, unique=True)
    payouts_enabled = models.BooleanField(default=False)
    is_restricted = models.BooleanField(default=False)
    disabled_reason = models.CharField(max_length=255, blank=True, help_text="Stripe's word.")
    requirements = models.JSONField(default=list, blank=True)
    deauthorized_at = models.DateTimeField(null=True, blank=True)
    said_at = models.DateTimeField(null=True, blank=True, help_text="By Stripe's clock.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "developer_accounts"
        constraints = [
            models.CheckConstraint(
                name="developer_accounts_one_state",
                condition=Q(payouts_enabled=False)
                | Q(payouts_enabled=True, is_restricted=False, deauthorized_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_account_id

    @property
    def state(self) -> OnboardingState:
        if self.deauthorized_at is not None:
            return OnboardingState.NONE
        if self.payouts_enabled:
            return OnboardingState.READY
        return OnboardingState.RESTRICTED if self.is_restricted else OnboardingState.PENDING


class RevenueEvent(models.Model):
    """One paid sale and how it was split: the developer has ``floor(70 %)``, the platform the rest. A sale of Adiuva's
    own plugin has no developer, and is the platform's whole. What went back since is in the ledger.

    ``user`` is the buyer and ``developer`` the author at the time of the sale; both are forgotten with their accounts,
    the amounts stay. ``stripe_transfer_id`` is that of the payout to the developer.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plugin = models.ForeignKey(Plugin, on_delete=models.PROTECT, related_name="revenue_events")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    developer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    purchase = models.OneToOneField(PluginPurchase, on_delete=models.PROTECT, related_name="revenue_event")
    amount_cents = models.PositiveIntegerField()
    developer_share_cents = models.PositiveIntegerField()
    platform_share_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3, default="eur")
    stripe_transfer_id = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "revenue_events"
        constraints = [
            models.CheckConstraint(name="revenue_events_of_paid_sales", condition=Q(amount_cents__gt=0)),
            models.CheckConstraint(
                name="revenue_events_add_up",
                condition=Q(amount_cents=F("developer_share_cents") + F("platform_share_cents")),
            ),
        ]
        indexes = [models.Index(fields=["developer", "created_at"], name="revenue_events_of_developer")]

    def __str__(self) -> str:
        return f"{self.plugin_id}: {self.amount_cents} {self.currency}"


class LedgerAccount(models.TextChoices):
    """Whose money an entry is. ``buyer`` is what came in (negative) or went back (positive)."""

    BUYER = "buyer"
    DEVELOPER = "developer"
    PLATFORM = "platform"


class LedgerEntry(models.Model):
    """Half of a booking. The entries of one ``source`` (a sale, a refund, a dispute …) always sum to zero; rows are
    only ever added. ``source`` is Stripe's id of what happened, or ``sale:<purchase>``: booked again, nothing changes.
    """

    id = models.BigAutoField(primary_key=True)
    revenue_event = models.ForeignKey(RevenueEvent, on_delete=models.PROTECT, related_name="entries")
    source = models.CharField(max_length=255)
    account = models.CharField(max_length=16, choices=LedgerAccount.choices)
    amount_cents = models.BigIntegerField()
    booked_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_entries"
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["revenue_event", "source", "account"], name="ledger_entries_booked_once"),
            models.CheckConstraint(name="ledger_entries_account_known", condition=Q(account__in=LedgerAccount.values)),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.account} {self.amount_cents}"


class TransferStatus(models.TextChoices):
    PENDING = "pending"
    DONE = "done"


class Transfer(models.Model):
    """An intent to move a developer's money, written before Stripe is asked: it is made once, however often it is
    tried. Negative is a reversal of (part of) ``reverses``.

    One that was never tried may still shrink; from the first attempt on its amount is fixed. ``claimed_at``: somebody
    is trying it since then. ``destination`` is the account that a payout was last sent to, or may have been.
    ``refusals``: how often Stripe has answered that it will not, each of which uses up an idempotency key.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    revenue_event = models.ForeignKey(RevenueEvent, on_delete=models.PROTECT, related_name="transfers")
    reverses = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversals")
    source = models.CharField(max_length=255, help_text="The ledger's source that it follows from.")
    amount_cents = models.IntegerField()
    status = models.CharField(max_length=16, choices=TransferStatus.choices, default=TransferStatus.PENDING)
    stripe_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    attempts = models.PositiveIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    refusals = models.PositiveIntegerField(default=0)
    destination = models.CharField(max_length=255, blank=True)
    last_failure = models.CharField(max_length=64, blank=True, help_text="Our problem code, never Stripe's text.")
    last_reason = models.CharField(
        max_length=500, blank=True, help_text="Stripe's code, and why it restricts the account, where it said so."
    )
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = models.Manager()

    class Meta:
        db_table = "plugin_transfers"
        constraints = [
            models.UniqueConstraint(fields=["revenue_event", "source"], name="plugin_transfers_one_a_booking"),
            models.CheckConstraint(name="plugin_transfers_move_something", condition=~Q(amount_cents=0)),
            models.CheckConstraint(
                name="plugin_transfers_reversal_names_what",
                condition=Q(amount_cents__gt=0, reverses__isnull=True) | Q(amount_cents__lt=0, reverses__isnull=False),
            ),
            models.CheckConstraint(
                name="plugin_transfers_done_when",
                condition=Q(status=TransferStatus.PENDING, done_at__isnull=True)
                | Q(status=TransferStatus.DONE, done_at__isnull=False, stripe_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(status="pending"), name="plugin_transfers_to_do"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_cents}: {self.status}"


class ReturnKind(models.TextChoices):
    """``charge``: a charge with what has been refunded of it in all."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"


class PaymentReturn(models.Model):
    """Money of a payment that went back, as Stripe's events tell it: a row for each refund, dispute and charge.

    It names a payment and no sale: it may be heard of before the sale is. Events come in any order, so of two that
    speak of one thing the one further on counts: the higher ``phase``, then the later ``said_at``.
    """

    stripe_id = models.CharField(primary_key=True, max_length=255)
    payment_intent_id = models.CharField(max_length=255, db_index=True)
    kind = models.CharField(max_length=16, choices=ReturnKind.choices)
    amount_cents = models.PositiveIntegerField()
    phase = models.PositiveSmallIntegerField(default=0)
    is_open = models.BooleanField(default=False, help_text="A dispute that is not decided.")
    evidence_due = models.DateTimeField(null=True, blank=True, help_text="Until when a dispute can be answered.")
    is_with_buyer = models.BooleanField(help_text="Where the money is now: not after a failed refund or a won dispute.")
    said_at = models.DateTimeField(help_text="By Stripe's clock.")

    class Meta:
        db_table = "payment_returns"
        constraints = [
            models.CheckConstraint(name="payment_returns_kind_known", condition=Q(kind__in=ReturnKind.values)),
        ]

    def __str__(self) -> str:
        return f"{self.stripe_id}: {self.amount_cents}"
