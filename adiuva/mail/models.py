"""Mails that are to go out, and for a while those that went: the truth behind the job that sends them."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from adiuva.locales import DEFAULT_LOCALE, Locale

TOLD = timedelta(hours=24)  # whom a mail went to is known for so long: limits count a day
KEPT = timedelta(days=30)  # that there was one, to operators


class Dropped(models.TextChoices):
    """Why a mail was not sent."""

    UNWANTED = "unwanted", "of no use any more"
    REFUSED = "refused", "the mail server refuses it for good"
    LIMITED = "limited", "too many to one address"
    GIVEN_UP = "given_up", "it could not be sent for days"


class OutgoingMailQuerySet(models.QuerySet["OutgoingMail"]):
    def waiting(self) -> Self:
        return self.filter(sent_at__isnull=True, dropped_at__isnull=True)

    def due(self, *, now: datetime) -> Self:
        return self.waiting().filter(next_try_at__lte=now)


class OutgoingMail(models.Model):
    """``facts`` is what its text says of the case: no secret and nothing that a user stored. A link with a token comes
    to be when it is sent (``adiuva.mail.composers``), and is not kept.

    ``next_try_at`` is also the claim of who sends it: whoever moves it on has the mail to itself until then.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=24)
    # Whose mail it is; no foreign key, since this room knows no app.
    account_id = models.UUIDField(null=True, blank=True, db_index=True)
    # Both are empty a day after its end, and so are the facts.
    recipient = models.EmailField(max_length=254, blank=True)
    address_key = models.CharField(max_length=512, blank=True, editable=False, help_text="The address as compared.")
    locale = models.CharField(max_length=2, choices=Locale.choices, default=DEFAULT_LOCALE)
    facts = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True)
    dropped_as = models.CharField(max_length=16, choices=Dropped.choices, blank=True)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        db_table = "outgoing_mails"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True) | Q(dropped_at__isnull=True), name="outgoing_mails_end_in_one_way"
            ),
            models.CheckConstraint(
                condition=Q(dropped_at__isnull=True, dropped_as="")
                | Q(dropped_at__isnull=False) & Q(dropped_as__in=Dropped.values),
                name="outgoing_mails_are_dropped_for_a_reason",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], name="outgoing_mails_age"),
            models.Index(fields=["address_key", "created_at"], name="outgoing_mails_of_an_address"),
            models.Index(
                fields=["next_try_at"],
                condition=Q(sent_at__isnull=True, dropped_at__isnull=True),
                name="outgoing_mails_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
