import shutil
from pathlib import Path

import pytest

from tests.clients.commands import compile_client, npm


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled client."""
    return compile_client(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def tarball(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `npm ci && npm pack` makes it, where nobody has built anything."""
    shutil.rmtree(folder / "dist", ignore_errors=True)
    place = tmp_path_factory.mktemp("packed")
    npm(folder, "pack", "--silent", "--pack-destination", str(place))
    (tarball,) = place.iterdir()
    return tarball
