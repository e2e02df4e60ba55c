"""Memory does not grow with the body: at most 16 MiB a transfer on files, 64 MiB on S3."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.s3_server import LoopbackS3
from tests.support.server import PROJECT_DIR, clean_environment

pytestmark = pytest.mark.slow
SIZE_MIB = 256


def transfer(kind: str, place: str, folder: Path) -> Any:
    environment = clean_environment() | {"DJANGO_SETTINGS_MODULE": "adiuva.settings", "DATA_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.storage.blobs.transfer", kind, place, str(SIZE_MIB)],
        cwd=PROJECT_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_files_take_little_memory_whatever_the_size(tmp_path: Path) -> None:
    measured = transfer("files", str(tmp_path / "blobs"), tmp_path)
    assert measured["up"]["growth_mib"] <= 16, measured
    assert measured["down"]["growth_mib"] <= 16, measured


def test_s3_takes_a_few_parts_of_memory_whatever_the_size(s3: LoopbackS3, tmp_path: Path) -> None:
    measured = transfer("s3", s3.url, tmp_path)
    s3.forget()
    assert measured["up"]["growth_mib"] <= 64, measured
    assert measured["down"]["growth_mib"] <= 64, measured
