"""The client that browsers and apps use for tus 1.0, under Node, against the real server."""

import hashlib
import json
import random
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.client import API
from tests.support.server import PROJECT_DIR, RunningServer
from tests.support.template_database import Templates

MIB = 1024 * 1024
CONTENT = random.Random(11).randbytes(40 * MIB)  # noqa: S311 - no secret
SECONDS = 120.0

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with its dependencies as the lock has them, and what it uploads; the repository is left as it is."""
    copy = tmp_path_factory.mktemp("tus") / "tus"
    shutil.copytree(PROJECT_DIR / "tests/clients/tus", copy, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=copy, check=True, capture_output=True)
    (copy / "sealed").write_bytes(CONTENT)
    return copy


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory, database_templates: Templates) -> Iterator[RunningServer]:
    """A server that is killed and started again, on what it has left."""
    data = tmp_path_factory.mktemp("mortal") / "data"
    data.mkdir()
    url = f"sqlite:///{data}/adiuva.sqlite3"
    env = {"DATA_DIR": str(data), "DATABASE_URL": url, "JWT_SECRET": "s" * 40, "LLM_PRELOAD": "false"}
    server = RunningServer(folder=data.parent, env=env)
    database_templates.migrate(server)
    server.manage("seed_demo")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def http(mortal: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{mortal.url}{API}/", trust_env=False, timeout=SECONDS) as client:
        login = {"email": "demo-team@example.com", "password": "adiuva-demo-1"}
        client.headers["Authorization"] = f"Bearer {client.post('auth/login', json=login).json()['access_token']}"
        yield client


class Run:
    """One run of the program, and what it has said so far."""

    def __init__(self, folder: Path, http: httpx.Client, *, content: bytes = CONTENT, **options: Any) -> None:
        self.metadata = {
            "target": "record",
            "table_name": "notes",
            "id": str(uuid.uuid4()),
            "checksum": hashlib.sha256(content).hexdigest(),
        }
        told = {
            "endpoint": f"{http.base_url}storage/uploads",
            "token": http.headers["Authorization"].removeprefix("Bearer "),
            "file": str(folder / "sealed"),
            "metadata": self.metadata,
        }
        self._process = subprocess.Popen(
            ["node", "upload.mjs", json.dumps(told | options)], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        self.said: list[dict[str, Any]] = []

    def await_(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(json.loads(line))
            if holds(self.said[-1]):
                return self.said[-1]
        raise AssertionError(f"it ended: {self.said[-5:]}")

    def end(self) -> dict[str, Any]:
        """The last thing it says."""
        assert self._process.stdout is not None
        with self._process.stdout as rest:
            self.said += map(json.loads, rest)
        assert self._process.wait(SECONDS) == 0
        return self.said[-1]

    def count(self, event: str) -> int:
        return sum(one["event"] == event for one in self.said)

    def offsets(self, method: str) -> list[int]:
        return [one["offset"] for one in self.said if one["event"] == "answer" and one["method"] == method]


def assert_stored(http: httpx.Client, run: Run) -> None:
    assert run.end()["event"] == "success", run.said[-5:]
    answer = http.get(f"storage/records/{run.metadata['id']}")
    assert hashlib.sha256(answer.content).hexdigest() == run.metadata["checksum"]


def test_a_file_arrives_whole_and_two_at_once(folder: Path, http: httpx.Client) -> None:
    runs = [Run(folder, http), Run(folder, http, chunkSize=7 * MIB)]
    for run in runs:
        assert_stored(http, run)
    assert runs[0].offsets("PATCH") == [len(CONTENT)]
    assert runs[1].offsets("PATCH") == [7 * MIB, 14 * MIB, 21 * MIB, 28 * MIB, 35 * MIB, 40 * MIB]


def test_a_pause_and_a_lost_connection_cost_no_more_than_what_was_under_way(folder: Path, http: httpx.Client) -> None:
    paused, cut = Run(folder, http, pauseAt=24 * MIB), Run(folder, http, cutAt=24 * MIB)
    for run in (paused, cut):
        assert_stored(http, run)
        (resumed_at,) = run.offsets("HEAD")[-1:]
        assert resumed_at >= 8 * MIB, "what had arrived was lost"
    assert (paused.count("paused"), cut.count("cut")) == (1, 1)


def test_an_upload_goes_on_after_the_server_was_killed(folder: Path, http: httpx.Client, mortal: RunningServer) -> None:
    run = Run(folder, http, chunkSize=4 * MIB)
    run.await_(lambda said: said["event"] == "answer" and said["offset"] >= 12 * MIB)
    mortal.stop(signal.SIGKILL)
    mortal.start()
    assert_stored(http, run)
    assert max(run.offsets("HEAD")) >= 12 * MIB
    assert "counters of 0 users corrected" in mortal.manage("reap_storage")


def test_a_wrong_checksum_of_the_whole_is_an_error_and_leaves_nothing(folder: Path, http: httpx.Client) -> None:
    run = Run(folder, http, content=b"another")
    assert run.end() == {"event": "error", "status": 400}
    assert http.get(f"storage/records/{run.metadata['id']}").status_code == 404
