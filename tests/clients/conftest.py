import shutil
from pathlib import Path

import pytest

from tests.clients.commands import npm
from tests.support.server import PROJECT_DIR

CLIENT = PROJECT_DIR / "clients/typescript"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the client, compiled, with its dependencies as the lock has them; the repository is left as it is."""
    root = tmp_path_factory.mktemp("node")
    copy = root / "clients/typescript"
    shutil.copytree(CLIENT, copy, ignore=shutil.ignore_patterns("node_modules", "build", "dist"))
    shutil.copy(PROJECT_DIR / "openapi.json", root)
    npm(copy, "ci")
    npm(copy, "run", "--silent", "compile")
    return copy
