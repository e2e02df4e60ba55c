"""System checks of stores that are configured by half; `manage.py check` shows them with these ids."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004


@register
def object_store(**_: Any) -> list[CheckMessage]:
    if not settings.S3_BUCKET:
        idle = [name for name in ("S3_ENDPOINT_URL", "S3_REGION") if getattr(settings, name)]
        if not idle:
            return []
        return [
            Warning(
                f"{' and '.join(idle)} is set, but S3_BUCKET is not: blobs are files in DATA_DIR.",
                hint="Name the bucket, or unset the rest.",
                id="storage.W001",
            )
        ]
    found: list[CheckMessage] = []
    missing = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if not getattr(settings, name)]
    if missing:
        found.append(
            Error(
                f"S3_BUCKET is set, but {' and '.join(missing)} is not: every upload and download is refused.",
                hint="Credentials are taken from these two variables only, not from profiles or from the machine.",
                id="storage.E001",
            )
        )
    if not settings.S3_REGION and not settings.S3_ENDPOINT_URL:
        found.append(
            Warning(
                "S3_BUCKET is set without S3_REGION or S3_ENDPOINT_URL: us-east-1 is assumed.",
                hint="Set S3_REGION to the bucket's region, or S3_ENDPOINT_URL to a compatible server.",
                id="storage.W002",
            )
        )
    return found


@register
def vector_index(**_: Any) -> list[CheckMessage]:
    named = [name for name in ("PINECONE_INDEX", "PINECONE_HOST") if getattr(settings, name)]
    if settings.PINECONE_API_KEY and not named:
        return [
            Error(
                "PINECONE_API_KEY is set, but neither PINECONE_INDEX nor PINECONE_HOST is: there is no index to use.",
                hint="Name the index; its host is looked up unless PINECONE_HOST gives it.",
                id="storage.E002",
            )
        ]
    if named and not settings.PINECONE_API_KEY:
        return [
            Warning(
                f"{' and '.join(named)} is set, but PINECONE_API_KEY is not: vectors go to Qdrant.",
                hint="Set the key, or unset the rest.",
                id="storage.W003",
            )
        ]
    return []
