"""Readiness of the vector store."""

import tempfile

from django.conf import settings

from adiuva.observability import readiness
from storage.vector_store import get_vector_store, uses_local_engine


def vectors() -> None:
    """A cheap question to a server. Of the local engine only the folder: loading it takes seconds and much memory."""
    if not uses_local_engine():
        get_vector_store().check()
        return
    settings.VECTOR_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=settings.VECTOR_DIR, prefix=".ready-"):
        pass


readiness.register("vectors", vectors)
