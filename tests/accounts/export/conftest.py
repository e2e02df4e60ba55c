from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.blobs.factory import get_blob_store


@pytest.fixture(autouse=True)
def blob_folder(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.BLOB_DIR = tmp_path / "blobs"
    get_blob_store.cache_clear()
    yield tmp_path / "blobs"
    get_blob_store.cache_clear()
