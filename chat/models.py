"""Usage per user and day, and budgets per month; nothing of a conversation's text is stored."""

import uuid
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class DailyUsage(models.Model):
    """The number of turns and tokens of one user on one UTC day.

    ``own_key_tokens`` are those among them that the user's own keys paid for: no budget is spent by them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="daily_usage")
    day = models.DateField()
    turns = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    # A default of the database's: servers of earlier versions write rows too, while this one is installed.
    own_key_tokens = models.PositiveBigIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "chat_usage"
        verbose_name_plural = "daily usage"
        ordering = ("-day",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "day"], name="chat_usage_one_row_a_day"),
            models.CheckConstraint(
                name="chat_usage_own_keys_are_among_it",
                condition=Q(own_key_tokens__lte=F("input_tokens") + F("output_tokens")),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="chat_usage_by_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.turns} turns"


class MonthlyBudgetQuerySet(models.QuerySet["MonthlyBudget"]):
    def for_user(self, user_id: UUID) -> "MonthlyBudgetQuerySet":
        return self.filter(user_id=user_id)


class MonthlyBudget(models.Model):
    """What one user has spent of the operator's tokens in one UTC month, and what running turns hold of them.

    The limit is not here: it is the live tier's. There is a row where a limit has been asked for, and ``spent`` begins
    with what the days before have counted; ``compared_at`` is when it was last compared with them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="monthly_budgets")
    month = models.DateField(help_text="Its first day.")
    spent = models.PositiveBigIntegerField(default=0)
    reserved = models.PositiveBigIntegerField(default=0)
    compared_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = MonthlyBudgetQuerySet.as_manager()

    class Meta:
        db_table = "chat_budgets"
        ordering = ("-month",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "month"], name="chat_budgets_one_row_a_month"),
            models.CheckConstraint(name="chat_budgets_not_negative", condition=Q(spent__gte=0, reserved__gte=0)),
        ]
        indexes: ClassVar = [models.Index(fields=["month"], name="chat_budgets_by_month")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.spent} tokens"


class TokenReservation(models.Model):
    """What one running turn holds of its month's budget. After ``expires_at`` its process is taken for dead."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No key of the user's: making one would lock their row while the month's is locked.
    budget = models.ForeignKey(MonthlyBudget, on_delete=models.CASCADE, related_name="reservations")
    tokens = models.PositiveBigIntegerField()
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "chat_reservations"
        constraints: ClassVar = [
            models.CheckConstraint(name="chat_reservations_not_negative", condition=Q(tokens__gte=0)),
        ]
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="chat_reservations_by_expiry")]

    def __str__(self) -> str:
        return f"{self.tokens} tokens until {self.expires_at:%H:%M:%S}"
