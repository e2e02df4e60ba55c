from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.blobs.factory import get_blob_store
from storage.blobs.port import BlobStore


@pytest.fixture(autouse=True)
def blobs(settings: Any, tmp_path: Path) -> Iterator[BlobStore]:
    """The real store on files, in a folder of this test's own: ``tmp_path / "blobs"``."""
    settings.BLOB_DIR = tmp_path / "blobs"
    get_blob_store.cache_clear()
    yield get_blob_store()
    get_blob_store.cache_clear()
