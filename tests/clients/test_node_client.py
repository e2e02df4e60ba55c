"""The TypeScript client under Node, against the real server, and what a day with it leaves there."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server import PROJECT_DIR, RunningServer

CLIENT = PROJECT_DIR / "clients/typescript"
SECRETS = [b"Rosalba", "ragù".encode(), b"tagliatelle", b"train to Bologna", b"six geese"]

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the client, compiled, with its dependencies as the lock has them; the repository is left as it is."""
    root = tmp_path_factory.mktemp("node")
    copy = root / "clients/typescript"
    shutil.copytree(CLIENT, copy, ignore=shutil.ignore_patterns("node_modules", "build", "dist"))
    shutil.copy(PROJECT_DIR / "openapi.json", root)
    npm(copy, "ci")
    npm(copy, "run", "--silent", "compile")
    return copy


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """With demo data and a folder of its own, so that all it keeps can be searched."""
    root = tmp_path_factory.mktemp("day")
    server = RunningServer(folder=root, env={"DATA_DIR": str(root / "data"), "PUBLIC_URL": "http://placeholder"})
    server.env["PUBLIC_URL"] = server.url
    server.manage("migrate", "--verbosity=0")
    server.manage("seed_demo")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def day(folder: Path, own_server: RunningServer) -> dict[str, str]:
    """What the example says, by the first word of each line."""
    said = run(["node", "build/examples/day.js"], cwd=folder, ADIUVA_URL=own_server.url)
    return {line[:10].strip(): line[11:] for line in said.splitlines()}


def npm(folder: Path, *arguments: str, **env: str) -> str:
    return run(["npm", *arguments], cwd=folder, **env)


def run(command: list[str], *, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | env, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def test_the_types_are_what_openapi_typescript_makes_of_the_schema(folder: Path) -> None:
    npm(folder, "run", "--silent", "types", "--", "--check")


def test_the_package_is_built(folder: Path) -> None:
    npm(folder, "run", "--silent", "build")
    exported = "import('@adiuva/cloud-client').then(m => console.log(Object.keys(m).sort().join(' ')))"
    assert "ChatSocket" in run(["node", "--eval", exported], cwd=folder)
    assert (folder / "dist/schema.d.ts").exists()


def test_the_readmes_examples_compile(folder: Path) -> None:
    npm(folder, "run", "--silent", "readme")
    assert len(list((folder / "build/readme").glob("*.ts"))) == 5


def test_its_own_tests_pass(folder: Path, own_server: RunningServer) -> None:
    said = npm(folder, "run", "--silent", "unit", ADIUVA_URL=own_server.url)
    passed = re.search(r"^ℹ pass (\d+)$", said, re.MULTILINE)  # noqa: RUF001 - Node's own
    assert passed is not None
    assert int(passed[1]) >= len(re.findall(r"^test\(", sources(folder / "test"), re.MULTILINE))


def sources(folder: Path) -> str:
    return "\n".join(file.read_text() for file in folder.glob("*.ts"))


def test_the_day_tells_its_story(day: dict[str, str]) -> None:
    assert "tier free" in day["Registered"]
    assert "Water the ficus" in day["Asked"]
    assert day["Asked"].endswith("read here: list_tasks)")
    assert day["Applied"] == "Water the ficus, Buy milk"
    assert day["Upgraded"] == "tier power, active"
    assert day["Merged"].startswith("the laptop saved, the phone merged")
    assert day["Found"].startswith("“Ragù wants three hours on a low flame”")
    assert day["Logged out"] == "on both"


def test_the_server_has_what_the_day_made(day: dict[str, str], own_server: RunningServer) -> None:
    email = day["Registered"].partition(",")[0]
    credentials = {"email": email, "password": "a long sentence is best"}
    with httpx.Client(base_url=f"{own_server.url}/api/v1/", timeout=30) as client:
        tokens = client.post("auth/login", json=credentials).json()
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        assert client.get("auth/me").json()["tier"] == "power"
        (record,) = client.get("storage/records").json()["items"]
        assert (record["table_name"], record["revision"]) == ("notes", 3)
        (change,) = client.get("storage/changes").json()["changes"]
        assert change["revision"] == 3
        (snapshot,) = client.get("backup/history").json()["items"]
        assert day["Backed up"].startswith(f"{snapshot['size_bytes']} bytes")
        assert client.get("plugins/github-sync").json()["installed"] is True
        assert client.get("chat/usage").json()["today"]["turns"] == 2
        assert len(client.get("auth/sessions").json()["items"]) == 1  # the two devices have logged out


def test_the_server_holds_none_of_its_plain_text(day: dict[str, str], own_server: RunningServer) -> None:
    kept = {file: file.read_bytes() for file in Path(own_server.env["DATA_DIR"]).rglob("*") if file.is_file()}
    assert len([file for file in kept if "blobs" in file.parts]) >= 3  # the search has something to search
    kept[Path("the log")] = own_server.log_text().encode()
    assert not [(file, secret) for file, text in kept.items() for secret in SECRETS if secret in text]
