"""Approving and rejecting versions: the only writers of ``PluginReview``, and of a version's status after it.

A version is decided about once. What an approval does:

- the plugin shows the version's manifest from then on: texts, price, permissions, package;
- a plugin that is taken down stays so; its reinstatement then brings the approved version back;
- a version that is not newer than the live one is refused (``superseded`` is a reason to reject it): what users
  have never goes back to something older.

A rejected update leaves the live version as it is.
"""

from datetime import UTC, datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from semver import Version

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from marketplace.catalog.listing import show_version
from marketplace.locks import lock_open_user, lock_plugin
from marketplace.models import Plugin, PluginReview, PluginStatus, PluginVersion, RejectionReason, ReviewDecision
from marketplace.submissions.manifest import permissions_fault, price_fault, text_fault

MAX_NOTES: Final = 4000
ALREADY_DECIDED: Final = "This version has been decided about already."


@transaction.atomic
def approve(*, version: PluginVersion, reviewer: User, notes: str = "") -> PluginReview:
    """Makes ``version`` the live one.

    Raises:
        Conflict: it is decided, withdrawn, not newer than the live one, or its manifest cannot be shown.
        PermissionDenied: the reviewer's own plugin.
    """
    plugin, locked = _lock(version=version, reviewer=reviewer)
    if plugin.published_at is not None and not is_newer(locked.version, than=plugin.version):
        raise Conflict(f"Version {locked.version} is not newer than {plugin.version}, which is live.")
    review = _decide(locked, reviewer=reviewer, decision=ReviewDecision.APPROVED, notes=notes)
    _show(plugin, locked)
    plugin.published_at = plugin.published_at or review.reviewed_at
    if plugin.status != PluginStatus.TAKEN_DOWN:
        plugin.status = PluginStatus.APPROVED
    plugin.save()
    return review


@transaction.atomic
def reject(*, version: PluginVersion, reviewer: User, reason_code: str, notes: str = "") -> PluginReview:
    """Refuses ``version``; a plugin that was never live is rejected with it.

    Raises:
        Conflict: it is decided or withdrawn.
        PermissionDenied: the reviewer's own plugin.
        ValidationFailed: a reason that is none, or ``other`` without notes.
    """
    if reason_code not in RejectionReason.values:
        raise ValidationFailed({"reason_code": ["Choose one of the reasons."]})
    if reason_code == RejectionReason.OTHER and not notes.strip():
        raise ValidationFailed({"notes": ["Tell the author what is wrong."]})
    plugin, locked = _lock(version=version, reviewer=reviewer)
    review = _decide(locked, reviewer=reviewer, decision=ReviewDecision.REJECTED, notes=notes, reason_code=reason_code)
    if plugin.published_at is None:
        newest = plugin.versions.latest("submitted_at")
        plugin.version, plugin.status = newest.version, newest.status
        plugin.save(update_fields=["version", "status"])
    return review


def is_newer(version: str, *, than: str) -> bool:
    """False also where one of them is no semantic version."""
    try:
        return Version.parse(version) > Version.parse(than)
    except ValueError:
        return False


def _lock(*, version: PluginVersion, reviewer: User) -> tuple[Plugin, PluginVersion]:
    """Both rows, for this transaction, after the reviewer's own: the review that will point at it locks it, too."""
    if not lock_open_user(reviewer.pk).is_active:
        raise PermissionDenied("This account is closed.")
    plugin = lock_plugin(version.plugin_id)
    locked = PluginVersion.objects.select_for_update(no_key=True).filter(pk=version.pk).first()
    if locked is None:
        raise NotFound("This version is gone.")
    if reviewer.pk in {plugin.author_id, locked.submitted_by_id}:
        raise PermissionDenied("Nobody reviews a plugin of their own.")
    if PluginStatus.WITHDRAWN in {locked.status, plugin.status}:
        raise Conflict("The author has withdrawn it.")
    if locked.status != PluginStatus.PENDING_REVIEW:
        raise Conflict(ALREADY_DECIDED)
    return plugin, locked


def _decide(
    version: PluginVersion, *, reviewer: User, decision: ReviewDecision, notes: str, reason_code: str = ""
) -> PluginReview:
    notes = notes.strip()
    if len(notes) > MAX_NOTES:
        raise ValidationFailed({"notes": [f"At most {MAX_NOTES} characters."]})
    now = datetime.now(UTC)
    try:
        with transaction.atomic():  # so that the outer one survives what the constraint says
            review = PluginReview.objects.create(
                plugin_id=version.plugin_id,
                plugin_version=version,
                reviewer=reviewer,
                decision=decision,
                reason_code=reason_code,
                notes=notes,
                reviewed_at=now,
            )
    except IntegrityError:
        raise Conflict(ALREADY_DECIDED) from None
    version.status, version.decided_at = decision.value, now
    version.save(update_fields=["status", "decided_at"])
    return review


def _show(plugin: Plugin, version: PluginVersion) -> None:
    """Submission has looked at the manifest, maybe by the rules of other days."""
    manifest: dict[str, Any] = version.manifest if isinstance(version.manifest, dict) else {}
    faults = [text_fault(field, manifest.get(field)) for field in ("name", "description", "category")]
    faults += [price_fault(manifest.get("price_cents")), permissions_fault(manifest.get("permissions"))]
    if any(faults):
        raise Conflict("The manifest does not fit the catalog; reject this version.")
    show_version(plugin, version)
