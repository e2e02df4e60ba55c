"""What reviewers and operators decide: to approve or reject a version, to take it down alone, to take a plugin down or
reinstate it.

Nothing else writes ``PluginReview``, ``PluginTakedown``, or the status that follows from them. Each version is decided
about once. What an approval does:

- the plugin shows the version's manifest from then on: texts, price, permissions, package;
- a plugin that is taken down stays so; its reinstatement then brings the approved version back;
- a version that is not newer than the live one is refused (``superseded`` is a reason to reject it): what users
  have never goes back to something older, unless the live version is taken down alone, or withdrawn by its author
  (``marketplace.review.withdrawals``).

A rejected update leaves the live version as it is.

While a plugin is taken down, the catalog does not list it, and its detail, package and installs answer 410 with the
reason to those who have it. Installations and purchases stay as they are.
"""

from datetime import UTC, datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from accounts.models import User
from adiuva.api.errors import Conflict, PermissionDenied, ValidationFailed
from adiuva.jobs import enqueue
from billing import alerts
from marketplace.catalog.service import find_live_version, show_version
from marketplace.locks import lock_open_user, lock_plugin
from marketplace.models import (
    Plugin,
    PluginReview,
    PluginStatus,
    PluginTakedown,
    PluginVersion,
    RejectionReason,
    ReviewDecision,
)
from marketplace.models.catalog import FORMER_AUTHOR
from marketplace.review import claims
from marketplace.review.jobs import tell_of_takedowns
from marketplace.review.mails import write_of_decision, write_of_takedown, write_of_version_takedown
from marketplace.review.withdrawals import is_live, lock_version, show_version_before
from marketplace.submissions.manifest import is_newer, permissions_fault, price_fault, small_price_fault, text_fault

MAX_NOTES: Final = 4000
ALREADY_DECIDED: Final = "This version has already been decided on."


@transaction.atomic
def approve(*, version: PluginVersion, reviewer: User, notes: str = "") -> PluginReview:
    """Makes ``version`` the live one.

    Raises:
        Conflict: it is decided, withdrawn, not newer than the live one, or its manifest cannot be shown.
        PermissionDenied: the reviewer's own plugin.
    """
    plugin, locked = _lock_version(version=version, reviewer=reviewer)
    if plugin.published_at is not None and not is_newer(locked.version, than=plugin.version):
        raise Conflict(f"Version {locked.version} is not newer than {plugin.version}, which {became_of(plugin)}.")
    review = _decide(locked, reviewer=reviewer, decision=ReviewDecision.APPROVED, notes=notes)
    _show(plugin, locked)
    plugin.published_at = plugin.published_at or review.reviewed_at
    if plugin.status != PluginStatus.TAKEN_DOWN:
        plugin.status = PluginStatus.APPROVED
    plugin.save()
    return review


def became_of(plugin: Plugin) -> str:
    """Of the version that it shows, once that was approved: its author may have withdrawn it since."""
    return "is live" if plugin.status == PluginStatus.APPROVED else "was published"


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
    plugin, locked = _lock_version(version=version, reviewer=reviewer)
    review = _decide(locked, reviewer=reviewer, decision=ReviewDecision.REJECTED, notes=notes, reason_code=reason_code)
    if plugin.published_at is None:
        newest = plugin.versions.latest("submitted_at")
        plugin.version, plugin.status = newest.version, newest.status
        plugin.save(update_fields=["version", "status"])
    return review


def _lock_version(*, version: PluginVersion, reviewer: User) -> tuple[Plugin, PluginVersion]:
    """Both rows, for this transaction, after the reviewer's own: the review that will point at it locks it, too."""
    if not lock_open_user(reviewer.pk).is_active:
        raise PermissionDenied("This account is closed.")
    plugin, locked = lock_version(version)
    if reviewer.pk in {plugin.author_id, locked.submitted_by_id}:
        raise PermissionDenied("You cannot review your own plugin.")
    has_left = plugin.status == PluginStatus.WITHDRAWN and plugin.author_id is None
    if locked.status == PluginStatus.WITHDRAWN or has_left:
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
    claims.end(version.pk)
    write_of_decision(review)
    return review


def _show(plugin: Plugin, version: PluginVersion) -> None:
    """Submission has looked at the manifest, maybe by the rules of other days."""
    manifest: dict[str, Any] = version.manifest if isinstance(version.manifest, dict) else {}
    faults = [text_fault(field, manifest.get(field)) for field in ("name", "description", "category")]
    price = manifest.get("price_cents")
    faults += [price_fault(price), permissions_fault(manifest.get("permissions"))]
    if any(faults):
        raise Conflict("The manifest does not fit the catalog; reject this version.")
    if too_small := small_price_fault(price):
        raise Conflict(f"{too_small} Reject this version.")
    show_version(plugin, version)
    alerts.resolve(alerts.PLUGIN_PRICE_TOO_SMALL, reference=plugin.pk)


MAX_REASON: Final = 1000
NOT_LIVE: Final = "Only a plugin that is live can be taken down."
NOT_DOWN: Final = "This plugin is not taken down."


def can_be_taken_down(plugin: Plugin) -> bool:
    """It is live, or withdrawn and still with those who have it."""
    is_kept = plugin.status == PluginStatus.WITHDRAWN and plugin.published_at is not None
    return plugin.status == PluginStatus.APPROVED or (is_kept and not plugin.takedown_reason)


@transaction.atomic
def take_down(*, plugin: Plugin, operator: User, reason: str) -> PluginTakedown:
    """``reason`` is public. A plugin that its author has withdrawn can be taken down, too: who has it keeps it else.

    Raises:
        Conflict: nobody has it or could get it, or it is down already.
        ValidationFailed: no reason, or a long one.
    """
    reason = _require_text(reason, field="reason")
    locked = _lock_plugin(plugin=plugin, operator=operator)
    if not can_be_taken_down(locked):
        raise Conflict(NOT_LIVE)
    takedown = PluginTakedown.objects.create(
        plugin=locked, reason=reason, taken_down_by=operator, taken_down_at=datetime.now(UTC)
    )
    locked.status, locked.takedown_reason = PluginStatus.TAKEN_DOWN, reason
    locked.save(update_fields=["status", "takedown_reason"])
    write_of_takedown(takedown)
    enqueue(tell_of_takedowns)
    return takedown


NO_VERSION_BEFORE: Final = "No approved version comes before it: take the plugin down instead."


@transaction.atomic
def take_down_version(*, version: PluginVersion, operator: User, reason: str) -> PluginVersion:
    """The live version is taken down alone: the approved one before it is live again, with its texts, price,
    permissions and package. Or one that its author has withdrawn, which those who have it installed still get.
    ``reason`` is public. Nobody gets the version any more, and it never comes back.

    Returns the version that is live now.

    Raises:
        Conflict: it is neither, or no approved version comes before it.
        PermissionDenied: the operator's own plugin.
        ValidationFailed: no reason, or a long one.
    """
    reason = _require_text(reason, field="reason")
    if not lock_open_user(operator.pk).is_active:
        raise PermissionDenied("This account is closed.")
    plugin, locked = lock_version(version)
    if operator.pk in {plugin.author_id, locked.submitted_by_id}:
        raise PermissionDenied("You cannot take down a version of your own; withdraw it.")
    if plugin.status != PluginStatus.APPROVED:
        raise Conflict("The plugin is not live: take it down, if who has it may not keep it.")
    if is_live(plugin, locked):
        before = show_version_before(plugin, locked)
        if before is None:
            raise Conflict(NO_VERSION_BEFORE)
    else:
        # Who has it installed would go on getting what its author took back in time.
        live = find_live_version(plugin)
        if locked.withdrawn_at is None or locked.status != PluginStatus.WITHDRAWN or live is None:
            raise Conflict("Only the version that is live, or that its author has withdrawn, can be taken down alone.")
        before = live
    locked.status, locked.withdrawn_at = PluginStatus.TAKEN_DOWN, datetime.now(UTC)
    locked.takedown_reason, locked.taken_down_by = reason, operator
    locked.save(update_fields=["status", "withdrawn_at", "takedown_reason", "taken_down_by"])
    write_of_version_takedown(locked, live=before)
    enqueue(tell_of_takedowns)
    return before


@transaction.atomic
def reinstate(*, plugin: Plugin, operator: User, notes: str) -> PluginTakedown:
    """Live again, with the version that was approved last; withdrawn again where that was withdrawn, or its author has
    left. ``notes`` stay among reviewers.

    Raises:
        Conflict: it is not down; also when its author has left meanwhile.
        PermissionDenied: the operator's own plugin.
        ValidationFailed: no notes, or long ones.
    """
    notes = _require_text(notes, field="notes")
    locked = _lock_plugin(plugin=plugin, operator=operator)
    takedown = locked.takedowns.filter(reinstated_at__isnull=True).first()
    if locked.status != PluginStatus.TAKEN_DOWN or takedown is None:
        raise Conflict(NOT_DOWN)
    if locked.author_id == operator.pk:
        raise PermissionDenied("You cannot reinstate your own plugin.")
    takedown.reinstated_by, takedown.reinstated_at = operator, datetime.now(UTC)
    takedown.reinstated_notes = notes
    takedown.save(update_fields=["reinstated_by", "reinstated_at", "reinstated_notes"])
    live = find_live_version(locked)
    is_back = live is not None and live.status == PluginStatus.APPROVED and locked.author_name != FORMER_AUTHOR
    locked.status, locked.takedown_reason = PluginStatus.APPROVED if is_back else PluginStatus.WITHDRAWN, ""
    locked.save(update_fields=["status", "takedown_reason"])
    return takedown


def _require_text(given: str, *, field: str) -> str:
    text = given.strip()
    if not text:
        raise ValidationFailed({field: ["Say why."]})
    if len(text) > MAX_REASON:
        raise ValidationFailed({field: [f"At most {MAX_REASON} characters."]})
    return text


def _lock_plugin(*, plugin: Plugin, operator: User) -> Plugin:
    if not lock_open_user(operator.pk).is_active:
        raise PermissionDenied("This account is closed.")
    return lock_plugin(plugin.pk)
