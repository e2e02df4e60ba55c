"""The form of a submission: a manifest and a package, in any order, each as a file or as a field."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from django.conf import settings
from django.db import close_old_connections
from rest_framework.request import Request

from adiuva.api import json
from adiuva.api.errors import PayloadTooLarge, UnsupportedMediaType, ValidationFailed
from adiuva.api.multipart import Form, SpooledFile, spooled_form
from marketplace.submissions.manifest import MAX_MANIFEST_BYTES
from storage.staging import FORM_EXTRA_BYTES, declared_size

MANIFEST, PACKAGE = "manifest", "package"


@contextmanager
def read_submission_form(request: Request) -> Iterator[tuple[dict[str, Any], SpooledFile]]:
    """The manifest, a JSON object that nothing else is known of, and the package, which is there within the block.

    Raises:
        UnsupportedMediaType: not ``multipart/form-data``.
        PayloadTooLarge: the package, or the manifest.
        ValidationFailed: by field, or ``non_field_errors`` for what is no form.
    """
    if (request.content_type or "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise UnsupportedMediaType
    limits = {MANIFEST: _at_most(MAX_MANIFEST_BYTES), PACKAGE: _at_most(settings.MAX_PACKAGE_BYTES)}
    declared = declared_size(request)
    if declared is not None:
        limits[PACKAGE](max(0, declared - FORM_EXTRA_BYTES))
    close_old_connections()  # a slow body must not keep a pooled connection
    with spooled_form(request, limits) as form:
        parts = {name: _part(form, name) for name in limits}
        missing = {name: ["This part is required."] for name, part in parts.items() if part is None}
        if missing:
            raise ValidationFailed(missing)
        manifest, package = (part for part in parts.values() if part is not None)
        for name, part in ((MANIFEST, manifest), (PACKAGE, package)):
            limits[name](part.size_bytes)
        yield _json_object(b"".join(manifest.parts())), package


def _at_most(max_bytes: int) -> Callable[[int], None]:
    def require(size_bytes: int) -> None:
        if size_bytes > max_bytes:
            raise PayloadTooLarge(f"This part of the form may have at most {max_bytes} bytes.", max_bytes=max_bytes)

    return require


def _part(form: Form, name: str) -> SpooledFile | None:
    if name in form.files:
        return form.files[name]
    text = form.fields.get(name)
    if text is None:
        return None
    data = text.encode("latin-1")
    file: IO[bytes] = io.BytesIO(data)
    return SpooledFile(file=file, size_bytes=len(data))


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValidationFailed as error:
        raise ValidationFailed({MANIFEST: error.extra["errors"]["non_field_errors"]}) from None
    if not isinstance(value, dict):
        raise ValidationFailed({MANIFEST: ["Must be a JSON object."]})
    return value
