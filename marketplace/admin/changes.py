"""What a submission changes in the package, on a page of its own, and the bytes themselves to download."""

import re
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from marketplace.admin.base import REVIEW, TONES, DecidedElsewhereAdmin, View, require_permission
from marketplace.admin.queue import Walk
from marketplace.catalog.service import find_live_version
from marketplace.models import PluginStatus, PluginVersion
from marketplace.review import claims
from marketplace.review.diff.changes import MAX_NEEDLE, Summary, base_of, find_changes, summarize
from marketplace.review.diff.findings import findings_of, reported_name, was_looked_at
from marketplace.review.diff.package_diff import open_package, read_package, stored_package
from marketplace.review.package_contents import PackageUnreadableError
from marketplace.review.page import visible
from marketplace.submissions.validators.contents import MAX_FILE_BYTES

MAX_BASES: Final = 50
MAX_NAMED: Final = 5  # files that the summary names
# What is downloaded is a stranger's: no browser makes a page of it.
_BYTES_POLICY: Final = "default-src 'none'; sandbox"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


class ChangesPages:
    """Beside the other pages of the submissions' admin, which lends them its frame."""

    def __init__(self, admin: DecidedElsewhereAdmin) -> None:
        self._admin = admin

    def routes(self) -> list[tuple[str, View, str]]:
        return [
            ("<uuid:pk>/changes/", require_safe(self.changes_view), "changes"),
            ("<uuid:pk>/package/", require_safe(self.package_view), "package"),
            ("<uuid:pk>/files/<int:index>/raw/", require_safe(self.raw_view), "raw"),
        ]

    def changes_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """``?against=VERSION`` instead of the live one; ``?q=`` searches; ``?file=N`` shows one file alone."""
        reviewer = require_permission(request, REVIEW)
        version, walk = _find_version(pk), Walk.of(request)
        claims.renew(version=version, reviewer=reviewer)
        others = version.plugin.versions.exclude(pk=version.pk).order_by("-submitted_at")
        against, query = request.GET.get("against", ""), request.GET.get("q", "").strip()[:MAX_NEEDLE]
        base = _named(others, against) if against else base_of(version, find_live_version(version.plugin))
        context: dict[str, Any] = {
            "title": f"Changes of {visible(version.plugin.slug)} {visible(version.version)}",
            "version": version,
            "walk": walk,
            "back_url": walk.page_url(pk),
            "base": base,
            "against": against,
            "others": [one.version for one in others[:MAX_BASES]],
            "query": query,
            "only": _number(request.GET.get("file", "")),
            "tone": TONES[PluginStatus(version.status)],
            "max_needle": MAX_NEEDLE,
            "looked_at": was_looked_at(version),
        }
        try:
            context["changes"] = find_changes(
                version, base, query=query, only=context["only"], against=against, carried=walk.parts
            )
        except PackageUnreadableError as error:
            context["trouble"] = visible(str(error))
        return self._admin.page(request, "marketplace/admin/changes.html", context)

    def package_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The archive as it was submitted."""
        require_permission(request, REVIEW)
        version = _find_version(pk)
        try:
            content = read_package(stored_package(version))
        except PackageUnreadableError as error:
            return _refusal(error)
        response = _attachment(content, "application/zip", f"{version.plugin_id}-{version.version}.zip")
        response.headers["X-Checksum"] = version.checksum
        return response

    def raw_view(self, request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
        """One file's bytes, as they are."""
        require_permission(request, REVIEW)
        version = _find_version(pk)
        try:
            with open_package(stored_package(version)) as archive:
                if index >= len(archive.entries):
                    raise Http404
                entry = archive.entries[index]
                is_readable = not entry.is_encrypted and entry.size_bytes <= MAX_FILE_BYTES
                content = archive.read(entry) if is_readable else None
        except PackageUnreadableError as error:
            return _refusal(error)
        if content is None:
            return _refusal(PackageUnreadableError("This file is encrypted, or larger than one may be."))
        return _attachment(content, "text/plain; charset=utf-8", f"{entry.name.rpartition('/')[2]}.txt")


def changes_summary(version: PluginVersion, live: PluginVersion | None) -> dict[str, Any]:
    """For ``changes_summary.html``: the comparison in words, and the first files."""
    base = base_of(version, live)
    try:
        summary: Summary = summarize(version, base)
    except PackageUnreadableError as error:
        return {"trouble": visible(str(error))}
    found = {finding.file for finding in findings_of(version)}
    first = sorted(summary.different, key=lambda one: reported_name(one.name) not in found)[:MAX_NAMED]
    named = [(one.number, visible(one.name), str(one.status)) for one in first]
    return {"words": summary.words, "base": base, "files": named, "more": len(summary.different) - len(named)}


def _find_version(pk: UUID) -> PluginVersion:
    return get_object_or_404(PluginVersion.objects.select_related("plugin"), pk=pk)


def _named(others: QuerySet[PluginVersion], version: str) -> PluginVersion:
    """Of the same plugin: no other one's package is shown beside it."""
    return get_object_or_404(others, version=version.replace("\0", ""))


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else None


def _refusal(error: PackageUnreadableError) -> HttpResponse:
    response = HttpResponse(f"{error}\n", content_type="text/plain; charset=utf-8", status=409)
    response.headers["Content-Security-Policy"] = _BYTES_POLICY
    return response


def _attachment(content: bytes, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    safe = _UNSAFE.sub("_", name).lstrip(".")[-100:] or "file"
    response.headers["Content-Disposition"] = f'attachment; filename="{safe}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = _BYTES_POLICY
    return response
