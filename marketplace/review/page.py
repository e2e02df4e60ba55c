"""What a reviewer sees of one version, put together for the template; nothing here is safe HTML.

The texts are strangers': what a browser would hide, or show in another place, gets a visible sign.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from adiuva.dashboard.figures import euros
from marketplace.models import Plugin, PluginStatus, PluginVersion, RejectionReason, ReviewDecision
from marketplace.models.catalog import reviewer_name_of
from marketplace.review.hidden_characters import visible as visible  # noqa: PLC0414 - the pages have it from here
from marketplace.review.package_contents import PackageListing, PackageUnreadableError, list_package
from marketplace.submissions.manifest import entrypoint_path

MAX_MANIFEST: Final = 64 * 1024
_COMPARED: Final = ("name", "category", "price_cents", "entrypoint", "description")
_LABELS: Final = {"price_cents": "price"}


@dataclass(frozen=True, slots=True)
class Permission:
    """``change`` is "added", "removed" or empty, compared with the live version."""

    name: str
    words: str
    change: str = ""

    @property
    def known(self) -> bool:
        return self.words != UNKNOWN_PERMISSION


@dataclass(frozen=True, slots=True)
class Field:
    """``before`` is None where nothing is live, or nothing has changed."""

    label: str
    value: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class ValidatorResult:
    code: str
    passed: bool
    message: str
    evidence: list[str]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was decided about a plugin. ``tone`` is that of unfold's labels."""

    at: datetime
    what: str
    tone: str
    who: str
    about: str = ""
    text: str = ""


def format_price(cents: Any) -> str:
    """``499`` is ``"€4.99"``; what is no amount is shown as it is."""
    if type(cents) is not int:
        return _printable(cents)
    return euros(cents) if cents else "free"


def manifest_of(version: PluginVersion) -> dict[str, Any]:
    """Empty where it is none: rows of other days are shown, too."""
    return version.manifest if isinstance(version.manifest, dict) else {}


def permission_names(version: PluginVersion) -> set[str]:
    permissions = manifest_of(version).get("permissions")
    return {str(one) for one in permissions} if isinstance(permissions, list) else set()


def validator_results_of(version: PluginVersion) -> list[ValidatorResult]:
    """As they were stored; what is no result is passed over."""
    return [
        ValidatorResult(
            code=str(one.get("code", "")),
            passed=one.get("passed") is True,
            message=_printable(one.get("message", "")),
            evidence=_evidence_of(one.get("evidence")),
        )
        for one in version.checks
        if isinstance(one, dict)
    ]


def permissions_of(version: PluginVersion, live: PluginVersion | None) -> list[Permission]:
    """What it asks for, additions first, then what it gives up. Of a first version nothing counts as added."""
    wanted, had = permission_names(version), permission_names(live) if live else set()
    added = wanted - had if live else set()
    groups = [("added", added), ("", wanted - added), ("removed", had - wanted)]
    return [
        Permission(visible(name), describe_permission(name), change)
        for change, names in groups
        for name in sorted(names, key=_write_first)
    ]


def _write_first(permission: str) -> tuple[bool, str]:
    """Writing comes before reading."""
    return not permission.startswith("write:"), permission


def fields_of(version: PluginVersion, live: PluginVersion | None) -> list[Field]:
    manifest, before = manifest_of(version), manifest_of(live) if live else {}
    fields = []
    for name in _COMPARED:
        show = format_price if name == "price_cents" else _printable
        changed = live is not None and manifest.get(name) != before.get(name)
        fields.append(
            Field(_LABELS.get(name, name), show(manifest.get(name)), show(before.get(name)) if changed else None)
        )
    return fields


def manifest_text(version: PluginVersion) -> str:
    return visible(json.dumps(version.manifest, indent=2, ensure_ascii=False)[:MAX_MANIFEST])


def package_of(version: PluginVersion) -> tuple[PackageListing | None, str]:
    """The listing, or why there is none."""
    try:
        return list_package(version), ""
    except PackageUnreadableError as error:
        return None, str(error)


def files_of(package: PackageListing | None) -> list[dict[str, Any]]:
    """Of the listing, with names that show what they hold."""
    return [{**asdict(file), "shown": visible(file.name)} for file in (package.files if package else [])]


def entrypoint_index(version: PluginVersion, package: PackageListing | None) -> int | None:
    """Of the file to read first: where the plugin starts, else any first one."""
    files = [file for file in package.files if file.kind == "file"] if package else []
    entrypoint = entrypoint_path(manifest_of(version).get("entrypoint"))
    named = (file.index for file in files if file.name == entrypoint)
    return next(named, files[0].index if files else None)


def history_of(plugin: Plugin, *, viewer: Any) -> list[Event]:
    """Submissions, decisions, take-downs and reinstatements, the latest first, as ``viewer`` may see them."""
    return sorted(_events_of(plugin, viewer), key=lambda event: event.at, reverse=True)


def _events_of(plugin: Plugin, viewer: Any) -> Iterable[Event]:
    for version in plugin.versions.select_related("taken_down_by"):
        yield Event(version.submitted_at, "submitted", "info", "the author", about=visible(version.version))
        taken_back_at = version.withdrawn_at or version.decided_at  # of what had waited, that was the decision
        if version.status == PluginStatus.WITHDRAWN and taken_back_at is not None:
            yield Event(taken_back_at, "withdrawn", "", "the author", about=visible(version.version))
        if version.status == PluginStatus.TAKEN_DOWN and version.withdrawn_at is not None:
            yield Event(
                version.withdrawn_at,
                "taken down alone",
                "danger",
                colleague_name(version.taken_down_by, viewer),
                about=visible(version.version),
                text=visible(version.takedown_reason),
            )
    for review in plugin.reviews.select_related("reviewer", "plugin_version"):
        approved = review.decision == ReviewDecision.APPROVED
        known = review.reason_code in RejectionReason.values
        reason = RejectionReason(review.reason_code).label if known else review.reason_code
        yield Event(
            review.reviewed_at,
            review.decision,
            "success" if approved else "danger",
            colleague_name(review.reviewer, viewer),
            about=visible(review.plugin_version.version),
            text=visible("\n".join(filter(None, [reason, review.notes]))),
        )
    for takedown in plugin.takedowns.select_related("taken_down_by", "reinstated_by"):
        who = colleague_name(takedown.taken_down_by, viewer)
        yield Event(takedown.taken_down_at, "taken down", "danger", who, text=visible(takedown.reason))
        if takedown.reinstated_at is not None:
            who = colleague_name(takedown.reinstated_by, viewer)
            # They are for reviewers, and an author who is one is here the author.
            notes = "" if plugin.author_id == viewer.pk else visible(takedown.reinstated_notes)
            yield Event(takedown.reinstated_at, "reinstated", "success", who, text=notes)


def colleague_name(user: Any, viewer: Any) -> str:
    """Who has decided: superusers read the address, others a name that is always the same and leads nowhere."""
    if user is None:
        return "somebody who has left"
    if viewer.pk == user.pk:
        return "you"
    return str(user.email) if viewer.is_superuser else reviewer_name_of(user.pk)


def _printable(value: Any) -> str:
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _evidence_of(evidence: Any) -> list[str]:
    if not evidence:
        return []
    return [_printable(one) for one in (evidence if isinstance(evidence, list) else [evidence])]


_VERBS: Final = {"read": "See", "write": "Create, change and delete"}
_THINGS: Final = {
    "tasks": "tasks",
    "projects": "projects",
    "notes": "notes",
    "checkpoints": "checkpoints (states of work to come back to)",
    "calendar": "calendar entries",
}
UNKNOWN_PERMISSION: Final = "Unknown: no such permission exists"


def describe_permission(permission: str) -> str:
    """``"read:notes"`` is ``"See the user's notes"``."""
    verb, _, thing = permission.partition(":")
    if verb not in _VERBS or thing not in _THINGS:
        return UNKNOWN_PERMISSION
    return f"{_VERBS[verb]} the user’s {_THINGS[thing]}"
