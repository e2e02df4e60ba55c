"""What every test may ask for."""

import functools
import gc
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.core.cache import cache
from django.db import connection

from adiuva.jobs import get_queue
from tests.support import fast_flush, loopback
from tests.support.accounts import Account, make_account
from tests.support.browser import Browser, is_installed
from tests.support.client import ApiClient
from tests.support.postgres_template import make_template
from tests.support.redis_server import RedisServer
from tests.support.schema_fingerprint import fingerprint
from tests.support.server import RunningServer, drop_database, new_database
from tests.support.template_database import Templates, use_for_tests

SERVER_SECRET = "4f1d2c3b4a5968778695a4b3c2d1e0f04f1d2c3b4a5968778695a4b3c2d1e0f0"

ON_POSTGRES = os.environ.get("DATABASE_URL", "").startswith("postgres")
SERVICE_FIXTURES = {"db", "transactional_db", "database", "server_environment", "_redis_server"}
MARKERS_OF_A_FEW = {"slow", "browser", "node", "thorough"}
LEFT_OUT_AS_A_WHOLE = re.compile(rb"^pytestmark = .*\bpytest\.mark\.(slow|browser|node|thorough)\b", re.MULTILINE)
USES_HYPOTHESIS = re.compile(rb"hypothesis|schemathesis")
A_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def do_not_wait(fd: object) -> None:
    """Nothing that a test keeps has to outlive a power cut, and each time is a wait of milliseconds."""


loopback.guard()
os.fsync = do_not_wait


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What is imported stays: the garbage collector need not look through it, neither meanwhile nor ever after."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        if session.items:  # pytest-xdist's first process collects nothing
            gc.freeze()
            if "hypothesis" not in sys.modules:
                # Its plugin would import it at the end after all, to find that there is nothing to say.
                session.config.pluginmanager.unregister(name="hypothesispytest")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Modules none of whose tests will run need not be imported, which takes each process 20 s for all of them: where
    some markers are asked for, those that name none of them; where some are refused (a plain run refuses them all),
    those that are left out as a whole.
    """
    marker = config.option.markexpr
    if not collection_path.match("test_*.py"):
        return None
    text = collection_path.read_bytes()
    asked = marker.split(" or ")
    if MARKERS_OF_A_FEW.issuperset(asked):
        return not any(one.encode() in text for one in asked) or None
    refused = [one.removeprefix("not ") for one in marker.split(" and ") if one.startswith("not ")]
    whole = LEFT_OUT_AS_A_WHOLE.search(text)
    return (whole is not None and whole[1].decode() in refused) or None


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Before a module that names hypothesis is imported. Without one, importing that would be a second for nothing."""
    if (
        isinstance(collector, pytest.Module)
        and USES_HYPOTHESIS.search(collector.path.read_bytes())
        and not collector.config.getoption("--hypothesis-profile")
    ):
        _be_patient()


@functools.cache
def _be_patient() -> None:
    """How long an example takes says more about the machine than about the code. In CI hypothesis does so by itself."""
    from hypothesis import settings

    settings.register_profile("patient", settings.default, deadline=None)
    settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sparing", action="store_true", help="of a test that uses no database and no server, one set of parameters"
    )


def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    if config.getoption("--sparing"):
        _spare(items, config)
    for item in items:
        if item.get_closest_marker("redis") and not os.environ.get("REDIS_URL"):
            item.add_marker(pytest.mark.skip(reason="needs REDIS_URL"))
        if item.get_closest_marker("postgres") and not ON_POSTGRES:
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL in DATABASE_URL"))
        if item.get_closest_marker("browser") and not is_installed():
            item.add_marker(pytest.mark.skip(reason="needs chromium and chromedriver"))


def _spare(items: list[pytest.Item], config: pytest.Config) -> None:
    """A test that neither a database nor Redis can reach has the same outcome beside either: where it has run with all
    its parameters, a newer Python needs to run it only once. Another one's turn each time, so that of tests which share
    their parameters each is run.
    """
    alike: dict[str, list[pytest.Item]] = {}
    for item in items:
        is_reached = SERVICE_FIXTURES & set(getattr(item, "fixturenames", ())) or any(
            item.get_closest_marker(name) for name in ("django_db", "postgres", "redis")
        )
        if not is_reached:
            alike.setdefault(item.nodeid.partition("[")[0], []).append(item)
    spared = {one for turn, same in enumerate(alike.values()) for n, one in enumerate(same) if n != turn % len(same)}
    config.hook.pytest_deselected(items=[item for item in items if item in spared])
    items[:] = [item for item in items if item not in spared]


def pytest_make_parametrize_id(val: object) -> str | None:
    """A random id would give the same test another name in each worker, and pytest-xdist refuses that."""
    text = str(val) if isinstance(val, str | UUID) else ""
    named = A_UUID.sub("uuid", text)
    return named if named != text else None


@pytest.fixture(autouse=True)
def _fresh_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Login guards, tickets and (on Redis) rate-limit windows of the test before. The guards go by minutes of the
    clock: none ends while a test counts requests, as long as the cache keeps the counts (65 s).
    """
    cache.clear()
    began = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: began))


@pytest.fixture(autouse=True)
def _no_jobs_of_the_test_before(request: pytest.FixtureRequest) -> Iterator[None]:
    """Jobs that a test commits and does not wait for would run in the next one: what was taken would send a mail there,
    and on PostgreSQL they are rows of tables that Django does not manage, which no flush removes.
    """
    yield
    if _commits(request):
        with request.getfixturevalue("django_db_blocker").unblock():
            get_queue().clear()


def _commits(request: pytest.FixtureRequest) -> bool:
    marker = request.node.get_closest_marker("django_db")
    return "transactional_db" in request.fixturenames or bool(marker and marker.kwargs.get("transaction"))


@pytest.fixture(scope="session")
def database_templates(request: pytest.FixtureRequest) -> Templates:
    """Migrated databases of earlier runs, in pytest's own cache; ``make clean`` takes them away."""
    try:
        folder = request.config.cache.mkdir("adiuva-databases")
    except (AttributeError, OSError):  # -p no:cacheprovider; a checkout that cannot be written to
        folder = None
    return Templates(folder, fingerprint())


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What databases on PostgreSQL are made from: migrated, unless nobody can tell what that depends on."""
    if not ON_POSTGRES or (name := fingerprint()) is None:
        return "template1"
    folder = tmp_path_factory.mktemp("template")

    def migrate(url: str) -> None:
        environment = {"DATABASE_URL": url, "DATA_DIR": str(folder / "data"), "JWT_SECRET": SERVER_SECRET}
        RunningServer(folder=folder, env=environment).manage("migrate", "--verbosity=0")

    return make_template(os.environ["DATABASE_URL"], name, migrate)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    django_db_use_migrations: bool,
    database_templates: Templates,
    postgres_template: str,
) -> None:
    fast_flush.use_for_tests()
    if django_db_use_migrations:
        use_for_tests(database_templates)
        if ON_POSTGRES:
            connection.settings_dict["TEST"]["TEMPLATE"] = postgres_template


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
def server_environment(
    tmp_path_factory: pytest.TempPathFactory, database_templates: Templates, postgres_template: str
) -> Iterator[dict[str, str]]:
    """A migrated database and a data folder that this run's servers share."""
    folder = tmp_path_factory.mktemp("servers")
    database_url = new_database(f"adiuva_servers_{os.getpid()}", folder, template=postgres_template)
    environment = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": database_url,
        "JWT_SECRET": SERVER_SECRET,
        "LLM_PRELOAD": "false",  # 5 s of CPU for each of them; those that chat set it
    }
    if redis := os.environ.get("REDIS_URL"):
        environment["REDIS_URL"] = redis

    database_templates.migrate(RunningServer(folder=folder, env=environment))
    yield environment
    drop_database(database_url)


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
