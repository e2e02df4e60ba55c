"""The Dockerfile's steps, run in a scratch prefix, and what comes out of them: the server in production."""

import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from adiuva.environment import Environment
from tests.repository.paths import ROOT
from tests.support.image import Build, Stage, in_context, steps
from tests.support.ports import held_port
from tests.support.server import clean_environment, drop_database, new_database

SECRET = "0c1d2e3f4a5b69788796a5b4c3d2e1f00c1d2e3f4a5b69788796a5b4c3d2e1f0"
APPS = {"adiuva", "accounts", "billing", "storage", "backups", "marketplace", "agents", "chat"}


def list_tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_context_is_the_service_and_nothing_else() -> None:
    local = [".env", ".git/config", "var/adiuva.sqlite3", "accounts/__pycache__/x.pyc", "x/y/z.pyc", "CHANGELOG.md"]
    sent = in_context([*list_tracked(), *local], (ROOT / ".dockerignore").read_text())

    assert {name.split("/")[0] for name in sent} == APPS | {
        ".dockerignore",
        "manage.py",
        "pyproject.toml",
        "requirements.txt",
        "scripts",
    }
    assert not [name for name in sent if name in local]


def test_an_ignored_folder_is_ignored_with_all_that_is_in_it() -> None:
    files = ["a.md", "docs/x/y.md", "app/z.md", "app/__pycache__/m.pyc", ".env", ".keep"]

    assert in_context(files, "*.md\ndocs\n**/__pycache__\n.*\n!.keep\n") == ["app/z.md", ".keep"]


def test_every_variable_the_image_sets_is_read() -> None:
    of_python = {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    [[*pairs]] = [
        re.findall(r"(\w+)=\S+", rest) for name, rest in steps((ROOT / "Dockerfile").read_text()) if name == "ENV"
    ]

    assert set(pairs) - of_python <= set(Environment.model_fields)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Build(context=ROOT, files=list_tracked(), prefix=tmp_path_factory.mktemp("image")).image


@pytest.mark.slow
def test_the_image_holds_what_production_needs_and_no_more(image: Stage) -> None:
    python = image.path("/opt/venv/bin/python")
    listed = subprocess.run(
        [
            python,
            "-c",
            "import importlib.metadata as m; print(*sorted(d.metadata['Name'].lower() for d in m.distributions()))",
        ],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    installed = {re.sub(r"[-_.]+", "-", name) for name in listed.stdout.split()}
    wanted = {
        re.sub(r"[-_.]+", "-", match[1].lower())
        for match in re.finditer(
            r"^([A-Za-z0-9._-]+)==\S+(?! ; sys_platform == 'win32')",
            (ROOT / "requirements.txt").read_text(),
            re.MULTILINE,
        )
    }

    assert not installed & {"pytest", "mypy", "ruff", "moto", "hypothesis", "pip", "selenium", "import-linter"}
    assert "daphne" not in installed  # `make dev` only
    assert installed <= wanted
    assert {"django", "uvicorn", "psycopg", "litellm", "qdrant-client"} <= installed
    assert (image.user, image.volumes, image.ports) == ("adiuva", ["/data"], ["8000"])
    assert not list(image.path("/app").glob("tests*"))


@pytest.fixture
def environment(image: Stage, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What compose gives the container, with this machine's PostgreSQL and Redis."""
    database = new_database(f"adiuva_image_{os.getpid()}", tmp_path)
    given = {name: image.here(value) for name, value in image.env.items()}
    given["PATH"] = f"{image.path('/opt/venv/bin')}:/usr/bin:/bin"
    yield given | {
        "HOST": "127.0.0.1",
        "PORT": str(held_port(image)),
        "PUBLIC_URL": "https://api.example.com",
        "DATABASE_URL": database,
        "REDIS_URL": os.environ["REDIS_URL"],
        "JWT_SECRET": SECRET,
    }
    drop_database(database)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.redis
def test_the_image_serves(image: Stage, environment: dict[str, str]) -> None:
    app = image.path("/app")
    env = {name: value for name, value in clean_environment().items() if not name.startswith("PYTHON")} | environment
    python = str(image.path("/opt/venv/bin/python"))
    subprocess.run([python, "manage.py", "migrate", "--no-input", "-v", "0"], cwd=app, env=env, check=True, timeout=300)
    before = set(app.rglob("*"))
    process = subprocess.Popen(
        [python if word == "python" else word for word in image.command], cwd=app, env=env, stderr=subprocess.PIPE
    )
    try:
        assert _ready(int(environment["PORT"]), process)
        healthy = [python, *image.healthcheck[1:]]
        assert subprocess.run(healthy, cwd=app, env=env, timeout=30, check=False).returncode == 0
    finally:
        process.terminate()
        _, log = process.communicate(timeout=180)
    assert process.returncode == -signal.SIGTERM, log.decode()  # uvicorn ends well, then by the signal it got
    assert set(app.rglob("*")) == before  # compose mounts it read-only
    assert subprocess.run(healthy, cwd=app, env=env, timeout=30, check=False, capture_output=True).returncode != 0


def _ready(port: int, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health/ready", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.2)
    return False
