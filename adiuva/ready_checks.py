"""Readiness of what the project itself configures: the database, the cache, and the embedded data folder."""

import os
import secrets
import tempfile

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from adiuva.http import readiness


def database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def shared_cache() -> None:
    key, value = f"ready:{secrets.token_hex(8)}", secrets.token_hex(8)
    cache.set(key, value, timeout=10)
    if cache.get(key) != value:
        raise RuntimeError("the cache does not give back what was put in")
    cache.delete(key)


def data_folder() -> None:
    """Embedded vectors live in ``DATA_DIR``: it must take a file and keep it."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=settings.DATA_DIR, prefix=".ready-") as probe:
        probe.write(b"ready")
        probe.flush()
        os.fsync(probe.fileno())


readiness.register("database", database)
readiness.register("cache", shared_cache)
readiness.register("vectors", data_folder)
