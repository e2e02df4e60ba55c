"""Two devices with the TypeScript client's engine, 500 operations, and every misfortune at once: nothing is lost, and
nothing doubled.
"""

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.places import script
from tests.support.server import RunningServer, ShortMinuteServer, drop_database, new_database
from tests.support.template_database import Templates

pytestmark = pytest.mark.node


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def server(request: pytest.FixtureRequest, tmp_path: Path, database_templates: Templates) -> Iterator[RunningServer]:
    data = tmp_path / "data"
    data.mkdir()
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{data}/adiuva.sqlite3" if is_sqlite else new_database(f"adiuva_random_{os.getpid()}", data)
    env = {"DATA_DIR": str(data), "DATABASE_URL": url, "JWT_SECRET": secrets.token_hex(32), "LLM_PRELOAD": "false"}
    server = ShortMinuteServer(folder=tmp_path, env=env)
    database_templates.migrate(server)
    server.manage("seed_demo")
    server.start()
    yield server
    server.stop()
    drop_database(url)


def test_two_devices_converge_whatever_happens(tmp_path: Path, folder: Path, server: RunningServer) -> None:
    backup, end = "", dict[str, Any]()
    command = ["node", "build/test/programs/random_devices.js"]
    env = os.environ | {"ADIUVA_URL": server.url}
    with subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdin is not None
        assert it.stdout is not None
        for line in it.stdout:
            match line.strip():
                case "KILL":
                    server.stop(signal.SIGKILL)
                    server.start()
                case "BACKUP":
                    backup = script("backup.sh", str(tmp_path), env=server.env).strip()
                case "RESTORE":
                    server.stop()
                    script("restore.sh", "--force", backup, env=server.env)
                    server.start()
                case said:
                    end = json.loads(said)
                    break
            print(file=it.stdin, flush=True)
    assert (end["doubled"], end["astray"], end["missing"]) == (0, 0, 0), end
    assert end["resyncs"] >= 2, end  # each device's
    assert min(end["conflicts"], end["interrupted"], end["lost"]) >= 5, end  # or there was no misfortune
