"""Submissions that a newer version has overtaken, and their rejection all at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction

from accounts.models import User
from adiuva.api.errors import Problem
from marketplace.locks import lock_open_user, lock_plugin
from marketplace.models import PluginStatus, PluginVersion, RejectionReason, ReviewClaim
from marketplace.review import claims, decisions
from marketplace.submissions.manifest import is_newer


@dataclass(slots=True)
class Outcome:
    """``left`` is what was not rejected, each with why."""

    rejected: list[PluginVersion] = field(default_factory=list)
    left: list[tuple[PluginVersion, str]] = field(default_factory=list)


def overtaken(versions: Iterable[PluginVersion]) -> dict[PluginVersion, str]:
    """Those of ``versions`` that wait in vain, each with a sentence that says why.

    A version waits in vain when its plugin has one live that it is not newer than, or when a newer one waits, too. One
    query, however many; ``plugin`` is read from each.
    """
    waiting = [version for version in versions if version.status == PluginStatus.PENDING_REVIEW]
    rivals: dict[str, list[str]] = {}
    found = PluginVersion.objects.filter(
        status=PluginStatus.PENDING_REVIEW, plugin__in={version.plugin_id for version in waiting}
    )
    for slug, number in found.values_list("plugin_id", "version") if waiting else ():
        rivals.setdefault(slug, []).append(number)
    reasons = {version: _reason(version, rivals.get(version.plugin_id, [])) for version in waiting}
    return {version: reason for version, reason in reasons.items() if reason}


def _reason(version: PluginVersion, rivals: list[str]) -> str:
    plugin = version.plugin
    if plugin.published_at is not None and not is_newer(version.version, than=plugin.version):
        return f"Version {plugin.version} {decisions.became_of(plugin)}."
    newest = ""
    for rival in rivals:
        if is_newer(rival, than=newest or version.version):
            newest = rival
    return f"Version {newest} is in review." if newest else ""


def reject_overtaken(versions: Iterable[PluginVersion], *, reviewer: User) -> Outcome:
    """Each by a decision of its own, with its mail; what a colleague has claimed is left to them."""
    outcome = Outcome()
    for version in versions:
        try:
            fault = _reject(version, reviewer)
        except Problem as refusal:
            fault = refusal.detail
        if fault:
            outcome.left.append((version, fault))
        else:
            outcome.rejected.append(version)
    return outcome


@transaction.atomic
def _reject(version: PluginVersion, reviewer: User) -> str:
    """Why it is left, or nothing. Looked at again under the plugin's lock: the newer one may be withdrawn by now."""
    lock_open_user(reviewer.pk)
    lock_plugin(version.plugin_id)
    current = PluginVersion.objects.select_related("plugin", "claim").filter(pk=version.pk).first()
    if current is None:
        return "It is gone."
    if current.status != PluginStatus.PENDING_REVIEW:
        return "It is decided already."
    held: ReviewClaim | None = claims.standing_claim(current)
    if held is not None and held.reviewer_id != reviewer.pk:
        return "A colleague has claimed it."
    reason = overtaken([current]).get(current)
    if reason is None:
        return "No newer version is live or in review."
    decisions.reject(version=current, reviewer=reviewer, reason_code=RejectionReason.SUPERSEDED, notes=reason)
    return ""
