"""What an operator sees of the stores: system checks of half a configuration, readiness and doctor probes."""

import tempfile
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004

from adiuva.api.errors import Problem
from adiuva.observability import probes
from adiuva.observability.probes import DoctorOptions, Finding
from storage.blobs.factory import explain_trouble, get_blob_store
from storage.vectors.factory import get_vector_store, uses_local_engine


@register
def check_object_store(**_: Any) -> list[CheckMessage]:
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
def check_vector_index(**_: Any) -> list[CheckMessage]:
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


@register
def check_local_engine_processes(**_: Any) -> list[CheckMessage]:
    if settings.SERVE_PROCESSES == 1 or not uses_local_engine():
        return []
    return [
        Warning(
            "WEB_CONCURRENCY is more than 1, but vectors are in Qdrant's local engine, which serves one process: the "
            "others answer 503 for vectors, and account erasures wait.",
            hint="Set QDRANT_URL or PINECONE_API_KEY, or WEB_CONCURRENCY=1.",
            id="storage.W004",
        )
    ]


def probe_blobs() -> None:
    get_blob_store().check()


probes.register_readiness("blobs", probe_blobs)


def probe_vectors() -> None:
    """A cheap question to a server. Of the local engine only the folder: loading it takes seconds and much memory."""
    if not uses_local_engine():
        get_vector_store().check()
        return
    settings.VECTOR_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=settings.VECTOR_DIR, prefix=".ready-"):
        pass


probes.register_readiness("vectors", probe_vectors)


def examine_blobs(_options: DoctorOptions) -> Finding:
    try:
        get_blob_store().check(thorough=True)
    except Problem as problem:
        return Finding("fail", explain_trouble(problem))
    if not settings.S3_BUCKET:
        return Finding("ok", f"files in {settings.BLOB_DIR}")
    text = f"bucket {settings.S3_BUCKET} at {urlsplit(_endpoint()).hostname}: written, read, listed and deleted"
    return Finding("ok", f"{text}, S3_SSE={settings.S3_SSE}")


def examine_vectors(_options: DoctorOptions) -> Finding:
    probe_vectors()
    if settings.PINECONE_API_KEY:
        return Finding("ok", f"Pinecone, index {settings.PINECONE_INDEX or settings.PINECONE_HOST}")
    if settings.QDRANT_URL:
        return Finding("ok", f"Qdrant at {urlsplit(settings.QDRANT_URL).hostname}")
    text = f"Qdrant's local engine in {settings.VECTOR_DIR}"
    if settings.IS_PROD:
        return Finding("warn", f"{text}: it serves one process; set QDRANT_URL or PINECONE_API_KEY")
    return Finding("ok", text)


def _endpoint() -> str:
    return settings.S3_ENDPOINT_URL or f"https://s3.{settings.S3_REGION or 'us-east-1'}.amazonaws.com"


def register_examinations() -> None:
    probes.register_examination("blobs", examine_blobs)
    probes.register_examination("vectors", examine_vectors)
    probes.register_clock("S3", lambda: (lambda: probes.read_http_date(_endpoint())) if settings.S3_BUCKET else None)
