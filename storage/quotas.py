"""Limits of one account's own, which an operator sets over those of its tier."""

from collections.abc import Mapping

from accounts.models import User
from storage.usage import Kind, limit_bytes
from storage.user_lock import held_usage

MOST_BYTES = 2**63 - 1  # what the column holds


def set_limits(*, user: User, limits: Mapping[Kind, int | None]) -> dict[Kind, tuple[int | None, int | None]]:
    """``{kind: (bytes before, bytes after)}`` as they hold from the next request on, for both kinds.

    A limit of None goes back to the tier's; as a result None is unlimited.

    Raises:
        ValueError: negative, or more than can be stored.
        User.DoesNotExist: the account went in the meantime.
    """
    if any(limit is not None and not 0 <= limit <= MOST_BYTES for limit in limits.values()):
        raise ValueError(f"a quota is between 0 and {MOST_BYTES} bytes")
    with held_usage(user.id) as usage:
        if usage is None:
            raise User.DoesNotExist
        before = {kind: limit_bytes(user, kind, usage) for kind in Kind}
        for kind, limit in limits.items():
            setattr(usage, f"{kind}_limit_bytes", limit)
        usage.save(update_fields=["storage_limit_bytes", "backup_limit_bytes", "updated_at"])
        return {kind: (before[kind], limit_bytes(user, kind, usage)) for kind in Kind}
