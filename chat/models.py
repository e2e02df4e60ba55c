"""Usage per user and day; nothing of a conversation's text is stored."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models


class DailyUsage(models.Model):
    """The number of turns and tokens of one user on one UTC day."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="daily_usage")
    day = models.DateField()
    turns = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "chat_usage"
        verbose_name_plural = "daily usage"
        ordering = ("-day",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "day"], name="chat_usage_one_row_a_day"),
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="chat_usage_by_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.turns} turns"
