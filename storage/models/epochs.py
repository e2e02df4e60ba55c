"""The epoch of the change feeds."""

from django.db import models
from django.db.models import Q


class FeedEpoch(models.Model):
    """One row for the whole service: since when its change feeds have gone forward without a break.

    ``epoch`` is in every cursor; None is what a restore leaves: whoever needs one next begins it (``storage.epochs``).
    ``cursor_key`` signs cursors and outlives epochs, or a cursor from before a restore could not be told from a forged
    one. Every change of a record since the epoch began has a revision above ``revision_floor``.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    epoch = models.UUIDField(null=True, blank=True)
    cursor_key = models.BinaryField(max_length=32)
    revision_floor = models.PositiveIntegerField(default=0)
    begun_at = models.DateTimeField()

    class Meta:
        db_table = "storage_feed_epoch"
        constraints = [models.CheckConstraint(name="storage_feed_epoch_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"{self.epoch} since {self.begun_at}"
