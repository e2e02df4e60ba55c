"""A submission: a manifest and a package, validated by machine, kept as a version that waits for a reviewer."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Prefetch, QuerySet

from accounts.models import User
from adiuva.api.errors import ChecksFailed, Conflict, UpstreamUnavailable
from adiuva.api.multipart import SpooledFile
from marketplace.catalog.ratings import rank_of
from marketplace.catalog.service import show_version
from marketplace.locks import lock_open_user
from marketplace.models import MessageSide, Plugin, PluginStatus, PluginVersion, ReviewMessage
from marketplace.models.catalog import author_name_of
from marketplace.submissions.manifest import id_fault, is_newer, known_fields, version_fault
from marketplace.submissions.packages import new_key
from marketplace.submissions.validators.base import Submission
from marketplace.submissions.validators.runner import blocks, run_validators
from storage.staging import Allowance, SealedBody, StagedBody, stage_blob

# Called in the transaction of each submission. Reviews register theirs: what sells plugins must not import reviews.
_hooks: list[Callable[[PluginVersion], None]] = []


def register_hook(hook: Callable[[PluginVersion], None]) -> None:
    if hook not in _hooks:
        _hooks.append(hook)


# Of one author, waiting: reviewers are few, and each may hold MAX_PACKAGE_BYTES.
MAX_PENDING = 50
# Of one author, whatever became of them: what is withdrawn frees its place, and its package stays.
MAX_IN_A_DAY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """What has passed the validators and is about to be kept."""

    author: User
    manifest: dict[str, Any]
    checks: list[dict[str, Any]]
    key: str


def submit(*, author: User, manifest: dict[str, Any], package: SpooledFile) -> PluginVersion:
    """A new version, of a new plugin or of one of the author's.

    The blob is written first, then one transaction makes it count; a process that dies in between leaves a blob that
    ``manage.py reap_storage`` removes. What is live stays live and displayed.

    Raises:
        Conflict: the id is somebody else's, the version exists or is not the highest, too many wait already, or the
            account closes.
        ChecksFailed: with the whole list; nothing is kept.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the blob store failed, or too many packages are inspected;
            nothing is kept.
    """
    is_update = _require_free(author, manifest)
    given = Submission(author_id=author.id, manifest=manifest, package=package, is_update=is_update)
    with inspection_slot():
        checks = run_validators(given)
    if any(blocks(result) for result in checks):
        raise ChecksFailed(checks=checks)
    kept = known_fields(manifest)
    draft = _Draft(author=author, manifest=kept, checks=checks, key=new_key(slug=kept["id"], version=kept["version"]))
    body = SealedBody(parts=package.parts(), checksum=_checksum_of(package.parts()), declared_size=package.size_bytes)
    # Packages are in nobody's quota.
    allowance = Allowance(max_bytes=settings.MAX_PACKAGE_BYTES, limit=None, used=0, replaced=0)
    with stage_blob(key=draft.key, body=body, allowance=allowance, kind="package") as sealed:
        return _commit(draft, sealed)


def _require_free(author: User, manifest: dict[str, Any]) -> bool:
    """Whether the author has a plugin of that id. Answered before anything is unpacked, and asked again when it is
    kept.
    """
    slug, version = manifest.get("id"), manifest.get("version")
    plugin = Plugin.objects.filter(slug=slug).first() if id_fault(slug, is_own=True) is None else None
    if plugin is not None:
        _require_own(plugin, author)
        if version_fault(version) is None:
            _require_new(plugin, str(version))
    _require_few_pending(author)
    return plugin is not None


def _require_own(plugin: Plugin, author: User) -> None:
    if plugin.author_id != author.id:
        raise Conflict("This id belongs to somebody else's plugin.")


def _require_new(plugin: Plugin, version: str) -> None:
    """What was rejected or withdrawn was submitted, too: the next version is higher."""
    submitted = list(plugin.versions.values_list("version", flat=True))
    if version in submitted:
        raise Conflict("This version was submitted before; versions do not change.")
    for other in submitted:
        if not is_newer(version, than=other):
            raise Conflict(f"Version {version} is not higher than {other}, which was submitted before.")


def _require_few_pending(author: User) -> None:
    own = PluginVersion.objects.filter(submitted_by=author)
    if own.filter(status=PluginStatus.PENDING_REVIEW).count() >= MAX_PENDING:
        raise Conflict(f"{MAX_PENDING} of your submissions are waiting for review; wait until some are decided.")
    if own.filter(submitted_at__gt=datetime.now(UTC) - timedelta(days=1)).count() >= MAX_IN_A_DAY:
        raise Conflict(f"You have submitted {MAX_IN_A_DAY} versions within a day; go on tomorrow.")


def _checksum_of(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


@transaction.atomic
def _commit(draft: _Draft, sealed: StagedBody) -> PluginVersion:
    # An author has one submission at a time, and an account that closes gets none: its erasure may have passed already.
    lock_open_user(draft.author.id)
    _require_few_pending(draft.author)
    now = datetime.now(UTC)
    plugin = _locked_plugin(draft, now)
    _require_own(plugin, draft.author)
    _require_new(plugin, draft.manifest["version"])
    version = PluginVersion.objects.create(
        plugin=plugin,
        version=draft.manifest["version"],
        manifest=draft.manifest,
        checks=draft.checks,
        s3_key=draft.key,
        checksum=sealed.checksum,
        size_bytes=sealed.size_bytes,
        submitted_by=draft.author,
        submitted_at=now,
    )
    if plugin.published_at is None:
        show_version(plugin, version)
        plugin.status = PluginStatus.PENDING_REVIEW
        plugin.save()
    for hook in _hooks:
        hook(version)
    return version


def _locked_plugin(draft: _Draft, now: datetime) -> Plugin:
    """Raises ``Conflict``: somebody else has taken the id in this very moment."""
    slug = draft.manifest["id"]
    plugin: Plugin | None = Plugin.objects.select_for_update(no_key=True).filter(slug=slug).first()
    if plugin is not None:
        return plugin
    plugin = Plugin(
        slug=slug,
        author=draft.author,
        author_name=author_name_of(draft.author.id),
        rank=rank_of(0, 0),
        created_at=now,
    )
    try:
        with transaction.atomic():
            plugin.save(force_insert=True)
    except IntegrityError:
        raise Conflict("This id belongs to somebody else's plugin.") from None
    return plugin


def list_submissions(author: User) -> QuerySet[PluginVersion, PluginVersion]:
    """Of the author's plugins, the newest first, with ``plugin``, ``review`` and ``conversation``: what reviewers and
    author have written to each other, without the notes. Two queries.
    """
    said = ReviewMessage.objects.filter(side__in=[MessageSide.REVIEW, MessageSide.AUTHOR])
    versions = PluginVersion.objects.filter(plugin__author=author).select_related("plugin", "review")
    conversation = Prefetch("messages", queryset=said, to_attr="conversation")
    return versions.prefetch_related(conversation).order_by("-submitted_at", "id")


MAX_AT_ONCE = 4
WAIT_SECONDS = 5.0  # an inspection takes fractions of a second: a burst is queued, a flood is not
RETRY_AFTER_SECONDS = 5

_places = BoundedSemaphore(MAX_AT_ONCE)


@contextmanager
def inspection_slot() -> Iterator[None]:
    """Raises ``UpstreamUnavailable`` when none gets free in time."""
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise UpstreamUnavailable("Too many packages are being inspected right now.", retry_after=RETRY_AFTER_SECONDS)
    try:
        yield
    finally:
        _places.release()
