"""Readiness of the vector store: a question to a server; of the local engine the folder, without loading the engine."""

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from adiuva.observability import probes
from storage.ops import probe_vectors
from tests.fakes.http_store import HttpStore
from tests.support.server import PROJECT_DIR, clean_environment


def test_the_check_is_the_one_that_is_asked() -> None:
    assert probes._readiness_probes["vectors"] is probe_vectors


def test_a_folder_that_takes_a_file_is_ready(vector_dir: Path) -> None:
    probe_vectors()
    assert list(vector_dir.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_not(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.VECTOR_DIR = tmp_path / "file" / "vectors"
    with pytest.raises(OSError, match="Not a directory"):
        probe_vectors()


def test_a_server_is_asked_once_and_an_absent_one_is_not_ready(remote: HttpStore) -> None:
    probe_vectors()
    assert len(remote.requests) == 1
    remote.stop()
    assert probes.check_readiness()["vectors"] == "failed"


@pytest.mark.thorough
def test_the_folders_check_loads_no_engine(tmp_path: Path) -> None:
    script = "import django, sys; django.setup(); from storage.ops import probe_vectors; probe_vectors()"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; print('qdrant_client' in sys.modules)"],
        cwd=PROJECT_DIR,
        env=clean_environment() | {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "adiuva.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
