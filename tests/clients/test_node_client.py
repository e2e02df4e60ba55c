"""The TypeScript client under Node, against the real server, and what a day with it leaves there."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.clients.commands import npm, run
from tests.clients.own_keys import master_key_of, note_of, secrets_of
from tests.flows.places import script
from tests.support.server import RunningServer, ShortMinuteServer
from tests.support.template_database import Templates

SECRETS = [b"Rosalba", "ragù".encode(), b"tagliatelle", b"train to Bologna", b"a long sentence", b"a longer sentence"]

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory, database_templates: Templates) -> Iterator[RunningServer]:
    """With demo data and a folder of its own, so that all it keeps can be searched."""
    yield from serve(RunningServer, tmp_path_factory.mktemp("day"), database_templates)


@pytest.fixture(scope="module")
def hasty_server(tmp_path_factory: pytest.TempPathFactory, database_templates: Templates) -> Iterator[RunningServer]:
    """Its minute, in which the limits of the tiers are used up, is a second."""
    yield from serve(ShortMinuteServer, tmp_path_factory.mktemp("hasty"), database_templates)


def serve(kind: type[RunningServer], root: Path, database_templates: Templates) -> Iterator[RunningServer]:
    # Tokens must outlive a restore, whatever becomes of the folder.
    env = {
        "DATA_DIR": str(root / "data"),
        "DATABASE_URL": f"sqlite:///{root}/data/adiuva.sqlite3",
        "JWT_SECRET": "s" * 40,
    }
    server = kind(folder=root, env=env)
    server.env["PUBLIC_URL"] = server.url
    (root / "data").mkdir()
    database_templates.migrate(server)
    server.manage("seed_demo")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def day(folder: Path, own_server: RunningServer) -> dict[str, str]:
    """What the example says, by the first word of each line."""
    said = run(["node", "build/examples/day.js"], cwd=folder, **places_of(own_server))
    return {line[:10].strip(): line[11:] for line in said.splitlines()}


def places_of(server: RunningServer) -> dict[str, str]:
    """Where the server is, and the folder that its mails come into."""
    return {"ADIUVA_URL": server.url, "ADIUVA_MAIL": str(Path(server.env["DATA_DIR"]) / "mail")}


def test_the_types_are_what_openapi_typescript_makes_of_the_schema(folder: Path) -> None:
    npm(folder, "run", "--silent", "types", "--", "--check")


def test_the_readmes_examples_compile(folder: Path) -> None:
    npm(folder, "run", "--silent", "readme")
    assert len(list((folder / "build/readme").glob("example-*.ts"))) == 19


def test_its_own_tests_pass(folder: Path, own_server: RunningServer) -> None:
    said = npm(folder, "run", "--silent", "unit", ADIUVA_URL=own_server.url)
    passed = re.search(r"^ℹ pass (\d+)$", said, re.MULTILINE)  # noqa: RUF001 - Node's own
    assert passed is not None
    assert int(passed[1]) >= len(re.findall(r"^test\(", sources(folder / "test"), re.MULTILINE))


def test_a_first_upload_and_a_first_download_of_5000_records_never_see_a_429(
    folder: Path, own_server: RunningServer
) -> None:
    said = json.loads(run(["node", "build/test/programs/first_sync.js"], cwd=folder, ADIUVA_URL=own_server.url))
    for way in ("upload", "download"):
        assert said[way]["records"] == 5000
        assert said[way]["requests"] <= 30
        assert (said[way]["refused"], said[way]["waits"]) == (0, 0)  # at pro's limit, by a minute of sixty seconds


def test_after_a_restore_every_note_is_on_every_device(
    tmp_path: Path, folder: Path, hasty_server: RunningServer
) -> None:
    env = os.environ | {"ADIUVA_URL": hasty_server.url}
    command = ["node", "build/test/programs/three_devices.js"]
    with subprocess.Popen(
        command, cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as devices:
        assert devices.stdin is not None
        assert devices.stdout is not None
        assert devices.stdout.readline() == "BACKUP\n"
        backup = script("backup.sh", str(tmp_path), env=hasty_server.env).strip()
        print(file=devices.stdin, flush=True)

        assert devices.stdout.readline() == "RESTORE\n"
        hasty_server.stop()
        script("restore.sh", "--force", backup, env=hasty_server.env)
        hasty_server.start()
        print(file=devices.stdin, flush=True)
        end = json.loads(devices.stdout.readline())

    assert end["resyncs"] == ["restored", "restored", "restored", None, None]
    everything = [
        "Always there",
        "Buy milk and bread",
        "Deleted after the backup",  # the backup has it: a deletion that was lost with the rest
        "Written after the backup",
        "Written on the phone",
        "Written without a network",
    ]
    assert end["notes"] == [everything] * 3


def test_a_forgotten_password_without_a_phrase_is_locked_until_another_device_approves(
    folder: Path, own_server: RunningServer
) -> None:
    story = json.loads(run(["node", "build/test/programs/way_back.js"], cwd=folder, **places_of(own_server)))
    assert story == {
        "done": {"keys": "locked", "locked": True},
        "received": 1,  # what is stored is still there
        "sealed": "Locked",
        "twice": "validation_error",
        "again": {"keys": "unlocked"},  # the laptop has kept its key, and seals it for the new password
        "same": True,
        "opened": "unlocked",
        "note": "The spare key is under the geranium",
    }


def test_a_batch_is_written_saved_and_run(folder: Path, own_server: RunningServer) -> None:
    """Where it is another day than in UTC: what is due today is due on the user's day."""
    elsewhere = "Pacific/Pago_Pago" if datetime.now(UTC).hour < 10 else "Pacific/Kiritimati"  # by 11 hours, and by 14
    said = run(["node", "build/examples/batches.js"], cwd=folder, ADIUVA_URL=own_server.url, TZ=elsewhere)
    assert "Written by hand: feature_not_available" in said  # a new account is a free one
    assert re.search(r"^Run: succeeded, 3 of 3$", said, re.MULTILINE)
    assert "Tasks: Water the ficus (high), Call Aunt Rosalba (high), Pay the rent (high)" in said
    kept = {file: file.read_bytes() for file in Path(own_server.env["DATA_DIR"]).rglob("*") if file.is_file()}
    kept[Path("the log")] = own_server.log_text().encode()
    assert not [file for file, text in kept.items() if b"Rosalba" in text or b"What is due today comes" in text]


def sources(folder: Path) -> str:
    return "\n".join(file.read_text() for file in folder.glob("*.ts"))


def test_the_day_tells_its_story(day: dict[str, str]) -> None:
    assert "tier free" in day["Registered"]
    assert "Water the ficus" in day["Asked"]
    assert day["Asked"].endswith("read here: list_tasks)")
    assert day["Applied"] == "Water the ficus, Buy milk"
    assert day["Upgraded"] == "tier power, active"
    assert day["Merged"].startswith("the laptop saved, the phone merged")
    assert day["Verified"].endswith("true")
    assert day["Secured"] == "the phone was asked for totp or recovery_code; 9 of 10 recovery codes are left"
    assert day["Recovered"].startswith("the key is unlocked on the tablet")
    assert re.fullmatch("Anna's phone, by [0-9a-f]{20} there and [0-9a-f]{20} back", day["Approved"])
    assert day["Exported"].startswith("everything, as a zip")
    assert day["Found"].startswith("“Ragù wants three hours on a low flame”")
    assert day["Logged out"] == "on both"


def test_the_server_has_what_the_day_made(day: dict[str, str], own_server: RunningServer) -> None:
    email = day["Registered"].partition(",")[0]
    with httpx.Client(base_url=f"{own_server.url}/api/v1/", timeout=30) as client:
        kdf = client.post("auth/prelogin", json={"email": email}).json()["kdf"]
        login, wrapping = secrets_of("a longer sentence is better", kdf)
        tokens = client.post("auth/login", json={"email": email, "password": login}).json()
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        envelopes = {one["kind"]: one for one in client.get("keys/envelopes").json()["items"]}
        assert set(envelopes) == {"password", "recovery"}
        assert client.get("auth/me").json()["tier"] == "power"
        (record,) = client.get("storage/records").json()["items"]
        assert (record["table_name"], record["revision"]) == ("notes", 3)
        sealed = client.get(f"storage/records/{record['id']}").content
        assert "Rosalba" in note_of(sealed, master_key_of(envelopes["password"], wrapping), record["id"])
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
