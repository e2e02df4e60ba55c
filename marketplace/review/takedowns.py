"""Taking a live plugin down and bringing it back: the only writers of ``PluginTakedown``.

While it is down its detail, package and installs are 410 for those who have it, with the reason; the catalog does not
list it. Installations and purchases stay as they are.
"""

from datetime import UTC, datetime
from typing import Final

from django.db import transaction

from accounts.models import User
from adiuva.api.errors import Conflict, PermissionDenied, ValidationFailed
from marketplace.locks import lock_open_user, lock_plugin
from marketplace.models import Plugin, PluginStatus, PluginTakedown

MAX_REASON: Final = 1000
NOT_LIVE: Final = "Only a plugin that is live can be taken down."
NOT_DOWN: Final = "This plugin is not taken down."


@transaction.atomic
def take_down(*, plugin: Plugin, operator: User, reason: str) -> PluginTakedown:
    """``reason`` is public.

    Raises:
        Conflict: it is not live, or down already.
        ValidationFailed: no reason, or a long one.
    """
    reason = _text(reason, field="reason")
    locked = _lock(plugin=plugin, operator=operator)
    if locked.status != PluginStatus.APPROVED:
        raise Conflict(NOT_LIVE)
    takedown = PluginTakedown.objects.create(
        plugin=locked, reason=reason, taken_down_by=operator, taken_down_at=datetime.now(UTC)
    )
    locked.status, locked.takedown_reason = PluginStatus.TAKEN_DOWN, reason
    locked.save(update_fields=["status", "takedown_reason"])
    return takedown


@transaction.atomic
def reinstate(*, plugin: Plugin, operator: User, notes: str) -> PluginTakedown:
    """Live again, with the version that was approved last. ``notes`` stay among reviewers.

    Raises:
        Conflict: it is not down; also when its author has left meanwhile.
        PermissionDenied: the operator's own plugin.
        ValidationFailed: no notes, or long ones.
    """
    notes = _text(notes, field="notes")
    locked = _lock(plugin=plugin, operator=operator)
    takedown = locked.takedowns.filter(reinstated_at__isnull=True).first()
    if locked.status != PluginStatus.TAKEN_DOWN or takedown is None:
        raise Conflict(NOT_DOWN)
    if locked.author_id == operator.pk:
        raise PermissionDenied("Nobody reinstates a plugin of their own.")
    takedown.reinstated_by, takedown.reinstated_at = operator, datetime.now(UTC)
    takedown.reinstated_notes = notes
    takedown.save(update_fields=["reinstated_by", "reinstated_at", "reinstated_notes"])
    locked.status, locked.takedown_reason = PluginStatus.APPROVED, ""
    locked.save(update_fields=["status", "takedown_reason"])
    return takedown


def _text(given: str, *, field: str) -> str:
    text = given.strip()
    if not text:
        raise ValidationFailed({field: ["Say why."]})
    if len(text) > MAX_REASON:
        raise ValidationFailed({field: [f"At most {MAX_REASON} characters."]})
    return text


def _lock(*, plugin: Plugin, operator: User) -> Plugin:
    if not lock_open_user(operator.pk).is_active:
        raise PermissionDenied("This account is closed.")
    return lock_plugin(plugin.pk)
