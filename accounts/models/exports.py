"""The export of an account that runs, or ran last: what lets a broken download go on (``accounts.export``)."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models.users import User


class AccountExport(models.Model):
    """One row a user, for a day. ``documents`` are the small documents as they were when it began (JSON, compressed):
    sessions and figures change meanwhile, and the bytes of one archive must not. ``etag`` is empty until all of it was
    listed. ``lease`` belongs to the request that sends it now, until ``lease_until``.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="export")
    started_at = models.DateTimeField()
    etag = models.CharField(max_length=80, blank=True)
    documents = models.BinaryField(editable=False)
    lease = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "account_exports"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(lease__isnull=True, lease_until__isnull=True)
                | Q(lease__isnull=False, lease_until__isnull=False),
                name="account_exports_leases_end",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["started_at"], name="account_exports_age")]

    def __str__(self) -> str:
        return str(self.pk)
