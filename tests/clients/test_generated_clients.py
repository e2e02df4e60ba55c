"""What a stranger does with ``openapi.json``: lint it, generate a client of it, and call the server with that."""

import json
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.clients.commands import npm, run
from tests.support import contract
from tests.support.client import API
from tests.support.server import PROJECT_DIR, RunningServer

pytestmark = pytest.mark.node
PASSWORD = "a long sentence is best"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tools as their lock has them, beside the document; the repository is left as it is."""
    copy = tmp_path_factory.mktemp("tools") / "tools"
    shutil.copytree(PROJECT_DIR / "tests/clients/openapi_tools", copy, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(contract.DOCUMENT, copy)
    npm(copy, "ci", "--ignore-scripts")
    return copy


@pytest.fixture(scope="module")
def email(server: RunningServer) -> str:
    address = f"stranger-{secrets.token_hex(4)}@example.com"
    made = httpx.post(f"{server.url}{API}/auth/register", json={"email": address, "password": PASSWORD}, timeout=30)
    assert made.status_code == 201, made.text
    return address


def tool(folder: Path, name: str, *arguments: str) -> str:
    return run([f"node_modules/.bin/{name}", *arguments], cwd=folder, **QUIET)


@pytest.fixture(scope="module")
def work(folder: Path) -> Iterator[dict[str, Future[str]]]:
    """What each tool says. All of them are at work before anybody waits: they are slow, and none needs another."""
    with ThreadPoolExecutor() as pool:
        yield {
            each.__name__: pool.submit(each, folder)
            for each in (generate_python, generate_typescript, redocly, spectral)
        }


def redocly(folder: Path) -> str:
    return tool(folder, "redocly", "lint", "openapi.json", "--config=redocly.yaml", "--format=json")


def spectral(folder: Path) -> str:
    """Any finding is a failure, and what it says is in the assertion's message."""
    return tool(folder, "spectral", "lint", "openapi.json", "--ruleset=spectral.yaml", "--fail-severity=hint")


def generate_typescript(folder: Path) -> str:
    tool(folder, "openapi-ts", "--input=openapi.json", "--output=typescript", "--client=@hey-api/client-fetch")
    strict = (
        "--strict",
        "--skipLibCheck",
        "--target",
        "es2022",
        "--module",
        "commonjs",
        "--moduleResolution",
        "node10",
    )
    return tool(folder, "tsc", *strict, "--lib", "es2023,dom,dom.iterable", "--outDir", "build", "call.ts")


def generate_python(folder: Path) -> str:
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--target", "python", "-r", "requirements.txt")
    run([sys.executable, *install], cwd=folder)
    generate = f"{sys.executable} -m openapi_python_client generate --path=openapi.json --output-path=python_client"
    options = "--config=openapi-python-client.yaml --meta=none"
    return run(["sh", "-c", f"{generate} {options} 2>&1"], cwd=folder, PYTHONPATH="python")


def operation_ids() -> set[str]:
    paths = contract.document()["paths"]
    return {operation["operationId"] for item in paths.values() for operation in item.values()}


def test_redocly_finds_nothing(work: dict[str, Future[str]]) -> None:
    found = json.loads(work["redocly"].result())
    assert found["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}, found["problems"]


def test_spectral_finds_nothing(work: dict[str, Future[str]]) -> None:
    work["spectral"].result()


def test_hey_api_generates_a_client_that_compiles_and_calls(
    folder: Path, work: dict[str, Future[str]], server: RunningServer, email: str
) -> None:
    work["generate_typescript"].result()
    made = (folder / "typescript/sdk.gen.ts").read_text()
    assert {name for name in operation_ids() if f"export const {name} " not in made} == set()
    said = run(["node", "build/call.js", server.url, email, PASSWORD], cwd=folder)
    assert json.loads(said) == ["ok", email, "free", "not_authenticated"]


def test_openapi_python_client_generates_a_client_that_calls(
    folder: Path, work: dict[str, Future[str]], server: RunningServer, email: str
) -> None:
    told = work["generate_python"].result()
    assert set(re.findall(r"Unsupported content.type (\S+?)\)?,?$", told, re.MULTILINE)) == {"application/cbor-seq"}
    assert "will not be generated" not in told
    made = {_joined(path.stem) for path in (folder / "python_client/api").rglob("*.py")}
    assert {name for name in operation_ids() if name.lower() not in made} == set()
    said = run([sys.executable, "call.py", server.url, email, PASSWORD], cwd=folder)
    assert json.loads(said) == ["ok", email, "free", "invalid_token"]


def _joined(name: str) -> str:
    return name.replace("_", "")
