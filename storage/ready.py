"""Readiness of what holds sealed bytes."""

from adiuva.observability import readiness
from storage.blob_store import get_blob_store


def blobs() -> None:
    get_blob_store().check()


readiness.register("blobs", blobs)
