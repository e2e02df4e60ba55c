import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.places import SECRET
from tests.support.server import RunningServer, drop_database, new_database
from tests.support.template_database import Templates


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Callable[[str], dict[str, str]]]:
    """``place("old")``: the environment of a service in an empty folder with an empty database."""
    made: list[str] = []

    def empty(name: str) -> dict[str, str]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        made.append(new_database(f"adiuva_{name}_{os.getpid()}", folder))
        environment = {
            "DATA_DIR": str(folder),
            "DATABASE_URL": made[-1],
            "JWT_SECRET": SECRET,
            "LLM_PRELOAD": "false",
        }
        return environment | ({"REDIS_URL": redis} if (redis := os.environ.get("REDIS_URL")) else {})

    yield empty
    for url in made:
        drop_database(url)


@pytest.fixture
def migrate(tmp_path: Path, database_templates: Templates) -> Callable[[dict[str, str]], None]:
    """Makes a place's database."""
    return lambda env: database_templates.migrate(RunningServer(folder=tmp_path, env=env))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[dict[str, str]], RunningServer]]:
    running: list[RunningServer] = []

    def start_server(env: dict[str, str]) -> RunningServer:
        running.append(RunningServer(folder=tmp_path / "logs", env=env).start())
        return running[-1]

    yield start_server
    for one in running:
        one.stop()
