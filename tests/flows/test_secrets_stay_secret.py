"""A whole life of a server with secrets that are easy to recognise, and then the search for them.

Everything that can go wrong goes wrong once: passwords, tokens, signatures and bodies that are refused, a model, a
Stripe and an object store that fail and quote what they were sent, a database that loses a table and names the row.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.fakes.llm_server import LoopbackLLM, text
from tests.fakes.s3_server import LoopbackS3
from tests.fakes.smtp_server import PASSWORD, USER, SmtpServer
from tests.fakes.stripe_server import LoopbackStripe
from tests.flows import canary_recovery, canary_scenario
from tests.flows.canary_scenario import SETTINGS_SECRETS, Life, with_password
from tests.support import canaries
from tests.support.server import PROJECT_DIR, RunningServer, clean_environment, drop_database, new_database
from tests.support.worker import worker_beside

pytestmark = pytest.mark.slow


@pytest.fixture(params=["text", "json"])
def life(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Life]:
    env = {name: canaries.new(prefix, characters=64) for name, prefix in SETTINGS_SECRETS.items()}
    secret = dict(env)
    secret |= {"database password": canaries.new(), "mail server's password": PASSWORD}
    data = tmp_path / "data"
    plain_url = new_database(f"adiuva_canary_{os.getpid()}_{request.param}", tmp_path)
    with (
        LoopbackLLM() as model,
        LoopbackStripe(secret_key=env["STRIPE_SECRET_KEY"]) as stripe,
        LoopbackS3() as store,
        SmtpServer(asks_for_password=True) as mail,
    ):
        for tier in ("pro", "power", "team"):
            stripe.sell(f"price_{tier}_monthly", cents=900)
        model.aside["gpt-router"] = text("task_agent")
        env |= {
            "DATA_DIR": str(data),
            "DATABASE_URL": with_password(plain_url, secret["database password"]),
            "LOG_LEVEL": "DEBUG",
            "LOG_FORMAT": request.param,
            "LLM_MODEL": "gpt-test",
            "LLM_ROUTER_MODEL": "gpt-router",
            "LLM_PRELOAD": "false",
            "OPENAI_API_BASE": model.base_url,
            "STRIPE_API_BASE": stripe.base_url,
            "S3_BUCKET": "sealed",
            "S3_REGION": "us-east-1",
            "S3_ENDPOINT_URL": store.url,
            "EMAIL_URL": f"smtp://{USER}:{PASSWORD}@127.0.0.1:{mail.port}",
        }
        if redis := os.environ.get("REDIS_URL"):
            env["REDIS_URL"] = redis
        server = RunningServer(folder=tmp_path / "log", env=env)
        server.manage("migrate", "--verbosity=0")
        server.start()
        try:
            with worker_beside(server, tmp_path / "log"):
                yield Life(server, model, stripe, store, mail, tmp_path / "log", data, env, secret, {})
        finally:
            server.stop()
            drop_database(plain_url)


# --- the search ------------------------------------------------------------------------------------------------


def rows(url: str) -> Iterator[tuple[str, bytes]]:
    """Every table of PostgreSQL as text; SQLite's file lies in DATA_DIR's neighbourhood."""
    if not url.startswith("postgres"):
        path = Path(url.removeprefix("sqlite:///"))
        yield from ((file.name, file.read_bytes()) for file in path.parent.glob(f"{path.name}*"))
        return
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert ("users",) in tables
        for (table,) in tables:
            kept = connection.execute(f'SELECT t::text FROM "{table}" t').fetchall()  # noqa: S608 - PostgreSQL's own name
            yield table, "\n".join(row for (row,) in kept).encode()


def test_no_secret_is_in_logs_files_rows_or_refusals(life: Life) -> None:
    token = canary_scenario.accounts(life)
    canary_recovery.a_way_back_in(life, life.mail)
    canary_scenario.conversations(life, token)
    canary_scenario.store_sealed_bytes(life, token)
    canary_scenario.money(life, token)
    canary_scenario.plugins(life, token)
    canary_scenario.the_admin(life)
    canary_scenario.send_malformed(life, token)
    canary_scenario.the_database_fails(life, token)
    assert life.server.stop() in {0, -signal.SIGTERM}

    log = life.server.log_text()
    assert "request failed" in log  # with a traceback: the database's failures are there
    assert "Traceback" in log
    assert "Provider error" in log  # DEBUG lines are there, too
    leaks = canaries.found(life.secret | life.private, log.encode(), where="the log")
    for file in life.logs.glob("worker*"):
        leaks += canaries.found(life.secret | life.private, file.read_bytes(), where="the worker's log")
    leaks += canaries.found(life.secret, "\n".join(life.refusals).encode(), where="a refusal")
    for name, content in rows(life.env["DATABASE_URL"]):
        leaks += canaries.found(life.secret, content, where=f"table {name}")
    leaks += canaries.found_in_files(life.secret, life.data)
    assert leaks == []


def test_the_search_would_find_them(tmp_path: Path) -> None:
    canary = canaries.new("sk_test_")
    for disguise, form in canaries.disguises(canary):
        (tmp_path / "x.log").write_bytes(b'time=1 {"a": "' + form + b'"}')
        assert len(canaries.found_in_files({"key": canary}, tmp_path)) == 1, disguise
    (tmp_path / "x.log").unlink()
    (tmp_path / canary).mkdir()
    assert len(canaries.found_in_files({"key": canary}, tmp_path)) == 1


@pytest.mark.parametrize(
    ("command", "scheme"),
    [
        (("migrate",), "postgresql"),
        (("showmigrations",), "postgresql+asyncpg"),
        (("set_tier", "a@example.com", "pro"), "postgres"),
        (("reap_storage",), "postgresql"),
        (("check",), "mysql"),
    ],
)
def test_a_command_that_finds_no_database_does_not_print_the_password(
    tmp_path: Path, command: tuple[str, ...], scheme: str
) -> None:
    secret = {"password": canaries.new(), "JWT_SECRET": canaries.new(characters=64)}
    url = f"{scheme}://adiuva:{secret['password']}@127.0.0.1:1/adiuva"
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=PROJECT_DIR,
        env=clean_environment() | {"DATA_DIR": str(tmp_path), "DATABASE_URL": url, "JWT_SECRET": secret["JWT_SECRET"]},
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr
    assert canaries.found(secret, done.stdout + done.stderr, where=" ".join(command)) == []
