"""What every test may ask for."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import hypothesis
import pytest
from django.core.cache import cache

from tests.support import loopback
from tests.support.accounts import Account, make_account
from tests.support.browser import Browser, is_installed
from tests.support.client import ApiClient
from tests.support.redis_server import RedisServer
from tests.support.server import RunningServer, drop_database, new_database

SERVER_SECRET = "4f1d2c3b4a5968778695a4b3c2d1e0f04f1d2c3b4a5968778695a4b3c2d1e0f0"

A_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

loopback.guard()

# How long an example takes says more about the machine than about the code. In CI hypothesis has this by itself.
hypothesis.settings.register_profile("patient", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("redis") and not os.environ.get("REDIS_URL"):
            item.add_marker(pytest.mark.skip(reason="needs REDIS_URL"))
        if item.get_closest_marker("postgres") and not os.environ.get("DATABASE_URL", "").startswith("postgres"):
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL in DATABASE_URL"))
        if item.get_closest_marker("browser") and not is_installed():
            item.add_marker(pytest.mark.skip(reason="needs chromium and chromedriver"))


def pytest_make_parametrize_id(val: object) -> str | None:
    """A random id would give the same test another name in each worker, and pytest-xdist refuses that."""
    text = str(val) if isinstance(val, str | UUID) else ""
    named = A_UUID.sub("uuid", text)
    return named if named != text else None


@pytest.fixture(autouse=True)
def _fresh_windows() -> None:
    """Login guards, tickets and (on Redis) rate-limit windows of the test before."""
    cache.clear()


@pytest.fixture
def api() -> ApiClient:
    return ApiClient()


@pytest.fixture
def make_user(request: pytest.FixtureRequest) -> Callable[..., Account]:
    """``make_user(tier="pro")``: an account with a session."""
    if "transactional_db" not in request.fixturenames:
        request.getfixturevalue("db")
    return make_account


@pytest.fixture(scope="session")
def server_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A migrated database and a data folder that this run's servers share."""
    folder = tmp_path_factory.mktemp("servers")
    environment = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": new_database(f"adiuva_servers_{os.getpid()}", folder),
        "JWT_SECRET": SERVER_SECRET,
        "LLM_PRELOAD": "false",  # 5 s of CPU for each of them; those that chat set it
    }
    if redis := os.environ.get("REDIS_URL"):
        environment["REDIS_URL"] = redis
    RunningServer(folder=folder, env=environment).manage("migrate", "--verbosity=0")
    yield environment
    drop_database(environment["DATABASE_URL"])


@pytest.fixture(scope="session")
def server(server_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = RunningServer(folder=tmp_path_factory.mktemp("server"), env=server_environment).start()
    yield running
    running.stop()


@pytest.fixture
def server_factory(server_environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """``server_factory(LLM_TIMEOUT_SECONDS="2")``: another server on the same database, stopped after the test."""
    running: list[RunningServer] = []

    def start(**env: str) -> RunningServer:
        running.append(RunningServer(folder=tmp_path, env=server_environment | env).start())
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture(scope="session")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def browser(_browser: Browser) -> Browser:
    """Chromium without a window, as one finds it after a new start; for tests marked ``browser``."""
    _browser.forget()
    return _browser


@pytest.fixture(scope="session")
def _redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server to start")
    own = RedisServer(tmp_path_factory.mktemp("redis"))
    yield own
    own.stop()


@pytest.fixture
def redis_server(_redis_server: RedisServer) -> RedisServer:
    """A Redis of this run's own, to stop and to start: running and empty."""
    _redis_server.stop()
    _redis_server.start()
    return _redis_server
