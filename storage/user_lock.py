"""The lock of a user's commits, for upkeep: also of accounts that may not commit any more, or never did."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import User
from storage.models import StorageUsage


@contextmanager
def held_usage(user_id: UUID) -> Iterator[StorageUsage | None]:
    """One transaction in which nobody else commits for this user; what the block changes of the row it saves itself.

    None where there is no such account: then nobody can commit for it.
    """
    # Committed before it is locked. A first commit that is still under way holds a row that nobody sees yet: inserting
    # waits for it, where selecting would find nothing and pass.
    _create(user_id)
    with transaction.atomic():
        yield StorageUsage.objects.select_for_update().filter(user_id=user_id).first()


def _create(user_id: UUID) -> None:
    if not User.objects.filter(id=user_id).exists():
        return
    try:
        with transaction.atomic():
            StorageUsage.objects.bulk_create([StorageUsage(user_id=user_id)], ignore_conflicts=True)
    except IntegrityError:
        return  # erased in this very moment
