"""A backup that is not whole is found out before anything of the present is touched, whatever it is that is damaged."""

import hashlib
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.flows.places import script
from tests.support.server import RunningServer

pytestmark = pytest.mark.slow

PASSWORD = "a long sentence is best"


class Notes:
    """What one user has on the server."""

    def __init__(self, server: RunningServer) -> None:
        email = f"{uuid.uuid4().hex[:12]}@example.com"
        told = {"email": email, "password": PASSWORD}
        self.token = httpx.post(f"{server.url}/api/v1/auth/register", json=told, timeout=30).json()["access_token"]
        server.manage("set_tier", email, "team")
        self.put(server, b"a note")
        vector = {"id": str(uuid.uuid4()), "blob": "c2VhbGVk", "checksum": hashlib.sha256(b"sealed").hexdigest()}
        with self.http(server) as http:
            http.post("storage/vectors/upsert", json={"vectors": [vector]}).raise_for_status()

    def http(self, server: RunningServer) -> httpx.Client:
        bearer = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"{server.url}/api/v1/", headers=bearer, timeout=30)

    def put(self, server: RunningServer, data: bytes) -> None:
        headers = {"X-Checksum": hashlib.sha256(data).hexdigest(), "Content-Type": "application/octet-stream"}
        with self.http(server) as http:
            http.post("storage/records?table_name=notes", content=data, headers=headers).raise_for_status()

    def read(self, server: RunningServer) -> dict[str, object]:
        with self.http(server) as http:
            feed = http.get("storage/changes").json()
            found = http.post("storage/vectors/search", json={"blob": "c2VhbGVk"}).json()
            bodies = [http.get(f"storage/records/{change['id']}").content for change in feed["changes"]]
        return {"feed": feed, "bodies": bodies, "found": found}


def change_a_byte(path: Path, place: int) -> None:
    """Its size and its date stay: nothing but its bytes tells."""
    stat = path.stat()
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 0x20]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def sign(backup: Path) -> None:
    """The checksums of its files are right again: what is wrong with them is for who reads them to find."""
    lines = subprocess.run(
        ["sha256sum", "about", "database", "vectors.tar"], cwd=backup, capture_output=True, text=True, check=True
    ).stdout
    (backup / "SHA256SUMS").write_text(lines)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 2 // 3)


def blob_of(backup: Path) -> Path:
    """The note's; the packages of plugins may lie beside it."""
    [blob] = (backup / "blobs").glob("*/notes/*")
    return blob


def damage_a_blob(backup: Path) -> None:
    change_a_byte(blob_of(backup), 3)


def lose_a_blob(backup: Path) -> None:
    blob_of(backup).unlink()


def lose_all_blobs(backup: Path) -> None:
    shutil.rmtree(backup / "blobs")


def change_the_database(backup: Path) -> None:
    change_a_byte(backup / "database", 100)


def cut_the_database(backup: Path) -> None:
    cut(backup / "database")
    sign(backup)


def cut_the_vectors(backup: Path) -> None:
    cut(backup / "vectors.tar")
    sign(backup)


def everything_in(folder: Path) -> dict[str, str]:
    """``{path: checksum}``. SQLite's own files beside a database come and go with who reads it."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".lock", ".hold"})
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.endswith(("-wal", "-shm"))
    }


def test_a_damaged_backup_changes_nothing(
    tmp_path: Path,
    place: Callable[[str], dict[str, str]],
    start: Callable[[dict[str, str]], RunningServer],
    migrate: Callable[[dict[str, str]], None],
) -> None:
    env = place("damaged")
    migrate(env)
    server = start(env)
    notes = Notes(server)
    whole = Path(script("backup.sh", str(tmp_path / "backups"), env=env).strip())
    notes.put(server, b"written after the backup")
    before = notes.read(server)
    server.stop()
    files = everything_in(Path(env["DATA_DIR"]))

    for number, damage in enumerate(
        (damage_a_blob, lose_a_blob, lose_all_blobs, change_the_database, cut_the_database, cut_the_vectors)
    ):
        backup = tmp_path / f"damaged-{number}"
        shutil.copytree(whole, backup)
        damage(backup)

        said = script("restore.sh", "--force", str(backup), env=env, succeeds=False)

        assert said.endswith("nothing was changed\n"), (damage.__name__, said)
        assert "replacing" not in said
        assert everything_in(Path(env["DATA_DIR"])) == files, damage.__name__
    server = start(env)
    assert notes.read(server) == before
    server.stop()

    # Who has no other backup gets what is whole of it, and is told what is not.
    backup = tmp_path / "damaged-0"
    said = script("restore.sh", "--force", "--despite-damage", str(backup), env=env, succeeds=False)
    name = blob_of(backup).name
    assert f"{name}: FAILED" in said
    assert "everything is back but the blobs that are named above" in said
    server = start(env)
    with notes.http(server) as http:
        [change] = http.get("storage/changes").json()["changes"]
        assert json.loads(http.post("storage/vectors/search", json={"blob": "c2VhbGVk"}).text)["results"]
    assert change["checksum"] == hashlib.sha256(b"a note").hexdigest()
    assert list(Path(env["DATA_DIR"]).glob("*.restoring")) == []
