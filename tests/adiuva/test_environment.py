"""docs/api.md § 12: what the environment may say, and the one line with which a process refuses to start."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adiuva.environment import Environment, host_and_origin, is_placeholder, is_weak, load_or_exit
from tests.support.server import PROJECT_DIR, clean_environment

SECRET = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d8f2e1a07c5564e3f"
POSTGRES = "postgres://adiuva:canary-db-pass@db.internal/adiuva"
PROD = {"ENV": "prod", "JWT_SECRET": SECRET, "DATABASE_URL": POSTGRES}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Environment.model_fields:
        monkeypatch.delenv(name, raising=False)


def test_a_printed_environment_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {name for name, field in Environment.model_fields.items() if "Secret" in str(field.annotation)}
    values = {name: f"Canary-{name}-0123456789" for name in names} | {
        "DATABASE_URL": "postgres://adiuva:canary-db%2Fpass@db.internal/adiuva",
        "REDIS_URL": "redis://:canary-redis-pass@redis.internal/0",
        "EMAIL_URL": "smtp://adiuva:canary-mail%2Bpass@mail.internal",
        "SENTRY_DSN": "https://Canary-dsn@sentry.internal/7",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Canary-0123456789",
    }
    set_all(monkeypatch, values)
    environment = Environment()
    for shown in (repr(environment), str(environment)):
        assert "canary" not in shown.casefold()
    assert {*environment.secrets()} == {
        *(values[name] for name in names),
        *("canary-db%2Fpass", "canary-db/pass", "canary-redis-pass"),
        *("canary-mail%2Bpass", "canary-mail+pass"),
    }


@pytest.mark.parametrize("token", ["short", "canary with spaces in it", "canary-ümlaut-0123456789", "x" * 15])
def test_a_token_of_the_metrics_that_cannot_be_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    line = read_refusal(monkeypatch, capsys, {"METRICS_TOKEN": token})
    assert line.startswith("configuration error: METRICS_TOKEN: ")
    assert token not in line


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def read_refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variables: dict[str, str]) -> str:
    """The line on stderr; fails when there is another one or none."""
    set_all(monkeypatch, variables)
    with pytest.raises(SystemExit) as caught:
        load_or_exit()
    assert caught.value.code not in {0, None}
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        (PROD | {"JWT_SECRET": ""}, "JWT_SECRET"),
        (PROD | {"JWT_SECRET": "canary" + "b7d4" * 6}, "JWT_SECRET"),
        (PROD | {"JWT_SECRET": "change-me-canary-in-production-0123456789"}, "JWT_SECRET"),
        (PROD | {"JWT_SECRET": "Your-Secret-Key-canary-0123456789-abcdef"}, "JWT_SECRET"),
        (PROD | {"JWT_SECRET": "insecure-canary-0123456789-abcdefghijklm"}, "JWT_SECRET"),
        (PROD | {"DATABASE_URL": ""}, "DATABASE_URL"),
        (PROD | {"DATABASE_URL": "sqlite:////var/canary.sqlite3"}, "DATABASE_URL"),
        (PROD | {"DATABASE_URL": "sqlite+aiosqlite:////var/canary.sqlite3"}, "DATABASE_URL"),
        (PROD | {"DEBUG": "true"}, "DEBUG"),
        (PROD | {"DEBUG": "1"}, "DEBUG"),
        (PROD | {"LLM_MODEL": "offline/adiuva"}, "LLM_MODEL"),
        (PROD | {"LLM_ROUTER_MODEL": "offline/adiuva"}, "LLM_ROUTER_MODEL"),
        (PROD | {"LLM_FALLBACK_MODEL": "offline/adiuva"}, "LLM_FALLBACK_MODEL"),
        (PROD | {"LLM_MODELS": "gpt-4o, offline/adiuva"}, "LLM_MODELS"),
    ],
)
def test_production_refuses_in_one_line_that_names_the_variable_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variables: dict[str, str], named: str
) -> None:
    line = read_refusal(monkeypatch, capsys, variables)
    assert line.startswith(f"configuration error: {named}: ")
    assert "canary" not in line
    assert SECRET not in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("ENV", "staging"), ("ENV", "PROD"), ("DEBUG", "maybe"), ("LOG_LEVEL", "loud")),
        *(("PORT", "http"), ("PORT", "99999"), ("PORT", "-1"), ("PORT", "80.5")),
        *(("JWT_ALGORITHM", "none"), ("JWT_ALGORITHM", "RS256"), ("JWT_ALGORITHM", "hs256")),
        *(("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "0"), ("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "nan")),
        *(("JWT_REFRESH_TOKEN_EXPIRE_DAYS", "-1"), ("JWT_REFRESH_TOKEN_EXPIRE_DAYS", "forever")),
        *(("LLM_TIMEOUT_SECONDS", "0"), ("LLM_TIMEOUT_SECONDS", "inf"), ("LLM_TIMEOUT_SECONDS", "60s")),
        *(("DATABASE_URL", "mysql://a:canary@b/c"), ("DATABASE_URL", "canary"), ("DATABASE_URL", "postgres://")),
        *(("DATABASE_URL", "postgres://a:canary@[b/c"), ("DATABASE_URL", "postgres://a:canary@b:99999/c")),
        *(("REDIS_URL", "http://:canary@b"), ("REDIS_URL", "localhost:6379"), ("DATABASE_POOL_SIZE", "0")),
        *(("PUBLIC_URL", "localhost:8000"), ("PUBLIC_URL", "ftp://b"), ("OPENAI_API_BASE", "canary")),
        *(("QDRANT_URL", "canary"), ("S3_ENDPOINT_URL", "canary"), ("STRIPE_API_BASE", "canary")),
        *(("CORS_ORIGINS", "*"), ("CORS_ORIGINS", "http://a/b"), ("CORS_ORIGINS", "app://., localhost")),
        *(("WEB_CONCURRENCY", "0"), ("WEB_CONCURRENCY", "many")),
        *(("EMAIL_URL", "http://a:canary@b"), ("EMAIL_URL", "smtp://"), ("EMAIL_URL", "smtp://a:canary@b:99999")),
        *(("SENTRY_DSN", "canary"), ("SENTRY_DSN", "https://b/7"), ("SENTRY_DSN", "https://canary@b")),
        *(("SENTRY_DSN", "https://canary@b/project"), ("SENTRY_DSN", "https://canary@b:port/7")),
        *(
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization: Bearer canary"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=canary%0A"),
        ),
        *(("OTEL_EXPORTER_OTLP_ENDPOINT", "canary"), ("OTEL_TRACES_SAMPLER_ARG", "2")),
        *(("EMAIL_FROM", "canary"), ("WEBAUTHN_ORIGINS", "*"), ("STAFF_REQUIRE_SECOND_FACTOR", "canary")),
    ],
)
def test_a_variable_of_a_wrong_kind_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    line = read_refusal(monkeypatch, capsys, {name: value})
    assert line.startswith(f"configuration error: {name}: ")
    assert "canary" not in line


def test_two_processes_need_redis(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "REDIS_URL" in read_refusal(monkeypatch, capsys, {"WEB_CONCURRENCY": "2"})
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379/7")
    assert load_or_exit().WEB_CONCURRENCY == 2


def test_each_wrong_variable_has_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_all(monkeypatch, {"PORT": "x", "DEBUG": "x", "ENV": "x"})
    with pytest.raises(SystemExit):
        load_or_exit()
    named = {line.split(": ")[1] for line in capsys.readouterr().err.splitlines()}
    assert named == {"PORT", "DEBUG", "ENV"}


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql+asyncpg://u:p@h/db", "postgresql://u:p@h/db"),
        ("postgres+psycopg://u:p@h:5433/db?sslmode=require", "postgres://u:p@h:5433/db?sslmode=require"),
        ("sqlite+aiosqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
        ("postgresql://u:p%40x@h/db", "postgresql://u:p%40x@h/db"),
    ],
)
def test_a_driver_in_the_database_url_is_tolerated(monkeypatch: pytest.MonkeyPatch, given: str, used: str) -> None:
    monkeypatch.setenv("DATABASE_URL", given)
    assert used == Environment().DATABASE_URL


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Environment()
    set_all(monkeypatch, dict.fromkeys(Environment.model_fields, ""))
    assert Environment() == nothing
    assert nothing.ENV == "dev"
    assert nothing.PORT == 8000
    assert nothing.LLM_TIMEOUT_SECONDS == 60
    assert nothing.CORS_ORIGINS == ("app://.", "http://localhost:3000", "http://localhost:5173")


def test_what_is_set_has_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "PORT": "9000",
        "DATA_DIR": "/srv/adiuva",
        "ALLOWED_HOSTS": "a.example, b.example,",
        "CORS_ORIGINS": "app://.,https://app.example:8443",
        "LLM_MODELS": "gpt-4o, anthropic/claude",
        "LLM_TIMEOUT_SECONDS": "2.5",
        "PUBLIC_URL": "https://api.example/",
        "DEBUG": "yes",
    }
    set_all(monkeypatch, variables)
    env = Environment()
    assert (9000, Path("/srv/adiuva"), True, 2.5) == (env.PORT, env.DATA_DIR, env.DEBUG, env.LLM_TIMEOUT_SECONDS)
    assert env.ALLOWED_HOSTS == ("a.example", "b.example")
    assert env.CORS_ORIGINS == ("app://.", "https://app.example:8443")
    assert env.LLM_MODELS == ("gpt-4o", "anthropic/claude")
    assert env.PUBLIC_URL == "https://api.example"


def test_every_variable_of_the_contract_is_read() -> None:
    contract = """DATABASE_URL JWT_SECRET JWT_ALGORITHM JWT_ACCESS_TOKEN_EXPIRE_MINUTES JWT_REFRESH_TOKEN_EXPIRE_DAYS
    STRIPE_SECRET_KEY STRIPE_WEBHOOK_SECRET STRIPE_API_BASE S3_BUCKET S3_REGION S3_ENDPOINT_URL AWS_ACCESS_KEY_ID
    AWS_SECRET_ACCESS_KEY PINECONE_API_KEY PINECONE_INDEX PINECONE_HOST QDRANT_URL QDRANT_API_KEY OPENAI_API_KEY
    OPENAI_API_BASE LLM_MODEL LLM_ROUTER_MODEL LLM_FALLBACK_MODEL LLM_MODELS LLM_TIMEOUT_SECONDS CORS_ORIGINS ENV
    REDIS_URL DATA_DIR PORT HOST ALLOWED_HOSTS PUBLIC_URL STRIPE_PRICE_PRO STRIPE_PRICE_POWER STRIPE_PRICE_TEAM"""
    assert set(contract.split()) <= Environment.model_fields.keys()


def test_a_secret_is_not_in_what_the_environment_prints_as(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("JWT_SECRET", "OPENAI_API_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "AWS_SECRET_ACCESS_KEY")
    set_all(monkeypatch, dict.fromkeys((*names, "PINECONE_API_KEY", "QDRANT_API_KEY", "AWS_ACCESS_KEY_ID"), "canary"))
    assert "canary" not in repr(Environment())


def test_a_secret_of_32_bytes_is_long_enough_whatever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in ("k3J" + "\N{LATIN SMALL LETTER E WITH ACUTE}" * 15, SECRET[:32], "0" * 32):
        set_all(monkeypatch, PROD | {"JWT_SECRET": secret})
        assert load_or_exit().ENV == "prod"


def test_a_weak_secret_is_a_placeholder_or_short_or_repetitive() -> None:
    assert not is_weak(SECRET)
    assert is_placeholder("CHANGEME" + SECRET)
    for secret in ("CHANGEME" + SECRET, SECRET[:31], "0" * 64):
        assert is_weak(secret)


# --- as a process ----------------------------------------------------------------------------------------------


def start(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT_DIR,
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [("-m", "adiuva.server.serve"), ("manage.py", "check"), ("manage.py", "migrate")])
def test_every_way_to_start_refuses_with_a_status_and_without_a_traceback(tmp_path: Path, arguments: Any) -> None:
    done = start(*arguments, **PROD | {"JWT_SECRET": "canary", "DATA_DIR": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr == "configuration error: JWT_SECRET: must have at least 32 bytes when ENV=prod\n"
    assert done.stdout == ""


@pytest.mark.parametrize("bad", ["a file", "below a file"])
def test_a_data_folder_that_cannot_be_one_is_named(tmp_path: Path, bad: str) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" if bad == "a file" else tmp_path / "file" / "data"
    done = start("manage.py", "check", DATA_DIR=str(folder))
    assert done.returncode == 1
    assert done.stderr.startswith("configuration error: DATA_DIR: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.thorough
def test_a_minimal_production_passes_djangos_deployment_checks(tmp_path: Path) -> None:
    done = start("manage.py", "check", "--deploy", "--fail-level", "WARNING", **PROD | {"DATA_DIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "model"),
    [
        ({}, "offline/adiuva"),
        ({"LLM_MODEL": "gpt-4o"}, "offline/adiuva"),
        ({"OPENAI_API_KEY": "sk-x"}, "openai/gpt-4o-mini"),
        ({"OPENAI_API_KEY": "sk-x", "LLM_MODEL": "gpt-4o"}, "gpt-4o"),
        ({"OPENAI_API_BASE": "http://127.0.0.1:1", "LLM_MODEL": "gpt-4o"}, "gpt-4o"),
        ({"LLM_MODEL": "claude-opus-4-5", "ANTHROPIC_API_KEY": "sk-x"}, "claude-opus-4-5"),
        ({"GEMINI_API_KEY": "x"}, "gemini/gemini-2.5-flash"),
        (PROD, ""),
        (PROD | {"LLM_MODEL": "claude-opus-4-5"}, "claude-opus-4-5"),
        (PROD | {"OPENAI_API_KEY": "sk-x"}, "openai/gpt-4o-mini"),
    ],
)
def test_the_offline_model_answers_without_a_key_in_development_only(
    tmp_path: Path, variables: dict[str, str], model: str
) -> None:
    done = start("-c", "from adiuva import settings; print(settings.LLM_MODEL)", DATA_DIR=str(tmp_path), **variables)
    assert (done.returncode, done.stdout) == (0, f"{model}\n"), done.stderr


@pytest.mark.thorough
def test_a_production_that_is_weak_or_without_tls_does_not(tmp_path: Path) -> None:
    weak = PROD | {"JWT_SECRET": "0" * 64, "PUBLIC_URL": "http://api.example", "DATA_DIR": str(tmp_path)}
    done = start("manage.py", "check", "--deploy", "--fail-level", "WARNING", **weak)
    assert done.returncode == 1
    assert "adiuva.W001" in done.stderr
    assert "adiuva.E001" in done.stderr
    assert "0" * 64 not in done.stderr


@pytest.mark.parametrize(
    ("url", "host", "origin"),
    [
        ("http://localhost:8000", "localhost", "http://localhost:8000"),
        ("https://API.Example:443", "api.example", "https://api.example"),
        ("https://api.example:8443/base", "api.example", "https://api.example:8443"),
        ("http://api.example:80", "api.example", "http://api.example"),
        ("https://münchen.example", "xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
        ("http://[::1]", "[::1]", "http://[::1]"),
    ],
)
def test_host_and_origin_are_spelled_as_browsers_do(url: str, host: str, origin: str) -> None:
    assert host_and_origin(url) == (host, origin)
