"""The rows of revenue: what Stripe said of invoices and of money that went back, and what it comes to."""

from django.db import models
from django.db.models import Q


class MoneyKind(models.TextChoices):
    """``charge``: a charge with all that was refunded of it."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    CHARGE = "charge"


class PaidInvoice(models.Model):
    """An invoice of which our prices earned a part (``billing.revenue.shares``): ``our_cents`` of ``paid_cents``.

    ``is_exact``: by its lines. Otherwise they were not known, and all of it counts, as its subscription is one of ours.
    It outlives the account that paid, and never names it.
    """

    invoice_id = models.CharField(primary_key=True, max_length=255)
    our_cents = models.PositiveBigIntegerField()
    paid_cents = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    paid_at = models.DateTimeField(help_text="By Stripe's clock.")
    is_exact = models.BooleanField()

    class Meta:
        db_table = "billing_paid_invoices"
        constraints = [
            models.CheckConstraint(
                name="billing_paid_invoices_ours_is_a_part",
                condition=Q(our_cents__gt=0, our_cents__lte=models.F("paid_cents")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.our_cents} of {self.paid_cents} {self.currency}"


class InvoicePayment(models.Model):
    """Which invoice a payment paid: ``payment_id`` is a PaymentIntent, or a charge that has none. ``invoice_id`` is
    empty where Stripe was asked and there is none.
    """

    payment_id = models.CharField(primary_key=True, max_length=255)
    invoice_id = models.CharField(max_length=255, blank=True)

    class Meta:
        db_table = "billing_invoice_payments"
        indexes = [models.Index(fields=["invoice_id"], name="billing_invoice_payments_of")]

    def __str__(self) -> str:
        return f"{self.payment_id} paid {self.invoice_id or 'no invoice'}"


class ReturnedMoney(models.Model):
    """A refund, a dispute, or a charge with what was refunded of it, as Stripe tells it: ``MoneyBack`` of
    ``billing.stripe.money_port``. Whether it is of a subscription its payment tells, which may become known later.

    ``told`` is what an operator was last told of a dispute.
    """

    stripe_id = models.CharField(primary_key=True, max_length=300)
    kind = models.CharField(max_length=16, choices=MoneyKind.choices)
    payment_id = models.CharField(max_length=255)
    amount_cents = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3, blank=True)
    status = models.CharField(max_length=64, blank=True)
    phase = models.PositiveSmallIntegerField(default=0)
    is_with_payer = models.BooleanField()
    taken_at = models.DateTimeField()
    back_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=64, blank=True)
    due_by = models.DateTimeField(null=True, blank=True)
    said_at = models.DateTimeField(help_text="By Stripe's clock.")
    told = models.TextField(blank=True)

    class Meta:
        db_table = "billing_returned_money"
        indexes = [models.Index(fields=["payment_id"], name="billing_returned_money_of")]
        constraints = [
            models.CheckConstraint(
                name="billing_returned_money_kind_known",
                condition=Q(kind__in=[MoneyKind.REFUND, MoneyKind.DISPUTE, MoneyKind.CHARGE]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stripe_id}: {self.amount_cents} {self.currency}"


class SubscriptionPayment(models.Model):
    """What a subscription's payment earned us, or what of it went back: revenue is the sum of these rows, by currency.

    ``amount_cents`` is negative for a refund or a dispute. ``source`` is Stripe's id of what moved the money, ending in
    ``:back`` where it came again. Rows follow from ``PaidInvoice`` and ``ReturnedMoney`` (``billing.revenue.entries``).
    They outlive the account that paid, and never name it.
    """

    source = models.CharField(primary_key=True, max_length=310)
    invoice_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=16, choices=MoneyKind.choices)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    paid_at = models.DateTimeField(help_text="When it moved, by Stripe's clock.")

    class Meta:
        db_table = "subscription_payments"
        constraints = [
            models.CheckConstraint(name="subscription_payments_of_something", condition=~Q(amount_cents=0)),
            models.CheckConstraint(
                name="subscription_payments_kind_known",
                condition=Q(kind__in=[MoneyKind.PAYMENT, MoneyKind.REFUND, MoneyKind.DISPUTE]),
            ),
        ]
        indexes = [
            models.Index(fields=["paid_at"], name="subscription_payments_by_time"),
            models.Index(fields=["invoice_id"], name="subscription_payments_of"),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.amount_cents} {self.currency}"
