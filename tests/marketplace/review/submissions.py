"""Plugins and versions as a submission leaves them, with a package in the blob store."""

import hashlib
import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from accounts.models import User
from marketplace.models import Plugin, PluginStatus, PluginVersion
from marketplace.review.decisions import approve
from storage.blobs.factory import get_blob_store

Files = dict[str, bytes]
FILES: Files = {
    "main.js": b"export function activate(adiuva) {\n  return adiuva.tasks.list();\n}\n",
    "README.md": "# Tidy\n\nSorts your tasks – nothing else.\n".encode(),
    "assets/logo.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
}
CHECKS = [
    {"code": "manifest", "passed": True, "message": "The manifest is complete.", "evidence": []},
    {"code": "package", "passed": True, "message": "The package is a sane zip archive.", "evidence": []},
]
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def pack(files: Files | None = None) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (FILES if files is None else files).items():
            archive.writestr(name, data)
    return content.getvalue()


def manifest_of(slug: str, version: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": slug,
        "name": slug.replace("-", " ").title(),
        "version": version,
        "description": "Sorts your tasks.",
        "category": "Productivity",
        "price_cents": 0,
        "permissions": ["read:tasks"],
        "entrypoint": "main.js",
        **fields,
    }


def submit(
    slug: str = "tidy",
    version: str = "1.0.0",
    *,
    author: User | None = None,
    package: bytes | None = None,
    checks: list[dict[str, Any]] | None = None,
    at: datetime | None = None,
    **fields: Any,
) -> PluginVersion:
    """A pending version; ``fields`` are the manifest's."""
    at = at or datetime.now(UTC)
    manifest, content = manifest_of(slug, version, **fields), pack() if package is None else package
    plugin, _ = Plugin.objects.get_or_create(
        slug=slug,
        defaults={
            "author": author,
            "author_name": "dev-" + hashlib.sha256(slug.encode()).hexdigest()[:8],
            "name": str(manifest["name"])[:64],
            "category": str(manifest["category"])[:64],
            "version": version,
            "created_at": at,
        },
    )
    if plugin.published_at is None:
        plugin.version, plugin.status = version, PluginStatus.PENDING_REVIEW
        plugin.save()
    key = f"_plugins/{slug}/{version.replace('+', '_')}.{uuid4().hex}"
    get_blob_store().upload(key, [content])
    return PluginVersion.objects.create(
        plugin=plugin,
        version=version,
        manifest=manifest,
        checks=CHECKS if checks is None else checks,
        s3_key=key,
        checksum=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        submitted_by=plugin.author,
        submitted_at=at,
    )


def publish(reviewer: User, slug: str = "tidy", version: str = "1.0.0", **options: Any) -> Plugin:
    """A live plugin."""
    one = submit(slug, version, at=datetime.now(UTC) - timedelta(days=30), **options)
    approve(version=one, reviewer=reviewer, notes="")
    return Plugin.objects.get(pk=slug)


def tidy() -> Plugin:
    return Plugin.objects.get(pk="tidy")
