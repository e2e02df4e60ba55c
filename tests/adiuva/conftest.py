from collections.abc import Iterator

import pytest

from tests.adiuva.members import Member, join
from tests.conftest import SERVER_SECRET
from tests.support.server import RunningServer


@pytest.fixture(scope="session")
def member(server: RunningServer) -> Member:
    """A user of the team tier (200 requests a minute) on ``server``."""
    member = join(server)
    server.manage("set_tier", member.email, "team")
    return member


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with ENV=prod and nothing else but what it must have; its database is away (nothing is on port 1)."""
    folder = tmp_path_factory.mktemp("production")
    environment = {
        "ENV": "prod",
        "JWT_SECRET": SERVER_SECRET,
        "DATABASE_URL": "postgresql+asyncpg://adiuva:canary-db-pass@127.0.0.1:1/adiuva",
        "DATA_DIR": str(folder / "data"),
    }
    running = RunningServer(folder=folder, env=environment).start()
    yield running
    running.stop()
