"""What doctor says of the places that hold sealed bytes."""

from urllib.parse import urlsplit

from django.conf import settings

from adiuva.observability import clocks, diagnosis
from adiuva.observability.diagnosis import Finding, Orders
from storage.ready import blobs as ask_blobs
from storage.vector_ready import vectors as ask_vectors


def blobs(_orders: Orders) -> Finding:
    ask_blobs()
    if not settings.S3_BUCKET:
        return Finding("ok", f"files in {settings.BLOB_DIR}")
    return Finding("ok", f"bucket {settings.S3_BUCKET} at {urlsplit(_endpoint()).hostname}")


def vectors(_orders: Orders) -> Finding:
    ask_vectors()
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


def register() -> None:
    diagnosis.register("blobs", blobs)
    diagnosis.register("vectors", vectors)
    clocks.register("S3", lambda: (lambda: clocks.http_date(_endpoint())) if settings.S3_BUCKET else None)
