"""What cannot be restored to its end is refused at its beginning; where it fails all the same, vectors of a server are
the last to go.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.flows.places import script
from tests.flows.snapshot_server import SnapshotServer

pytestmark = pytest.mark.slow

Place = Callable[[str], dict[str, str]]
BackUp = Callable[[dict[str, str]], str]
OURS = "adiuva_vectors_2"


@pytest.fixture
def qdrant() -> Iterator[SnapshotServer]:
    with SnapshotServer().running() as server:
        yield server


@pytest.fixture
def back_up(tmp_path: Path, migrate: Callable[[dict[str, str]], None]) -> BackUp:
    """Makes a place's database, and a backup of the place; where that is."""

    def make(env: dict[str, str]) -> str:
        migrate(env)
        (Path(env["DATA_DIR"]) / "blobs").mkdir(exist_ok=True)
        return script("backup.sh", str(tmp_path / "backups"), env=env).strip()

    return make


def with_program(env: dict[str, str], folder: Path, name: str, text: str) -> dict[str, str]:
    """``env`` with one program in the place of the system's."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return env | {"PATH": f"{folder}:{os.environ['PATH']}"}


def all_paths(env: dict[str, str]) -> set[Path]:
    return {path for path in Path(env["DATA_DIR"]).rglob("*") if not path.name.endswith(("-wal", "-shm"))}


def test_what_cannot_be_moved_aside_is_found_before_anything_is_replaced(
    tmp_path: Path, place: Place, back_up: BackUp
) -> None:
    env = place("mounted")
    backup = back_up(env)
    for name in ("blobs", "vectors"):
        mount_point = Path(env["DATA_DIR"]) / name
        mount_point.mkdir(exist_ok=True)
        before = all_paths(env)
        env = with_program(env, tmp_path / "programs", "mountpoint", f'[ "$2" = "{mount_point}" ]')

        said = script("restore.sh", "--force", backup, env=env, succeeds=False)

        assert f"{mount_point} is a mount point" in said
        assert said.endswith("nothing was changed\n")
        assert all_paths(env) == before


def test_a_server_that_has_vectors_is_left_alone(
    tmp_path: Path, place: Place, qdrant: SnapshotServer, back_up: BackUp
) -> None:
    backup = back_up(place("old") | {"QDRANT_URL": qdrant.url})
    qdrant.collections[OURS] = b"of somebody"
    new = place("new") | {"QDRANT_URL": qdrant.url}
    Path(new["DATABASE_URL"].removeprefix("sqlite:///")).unlink(missing_ok=True)

    said = script("restore.sh", backup, env=new, succeeds=False)

    assert f"the Qdrant server has collections already: {OURS}" in said
    assert said.endswith("nothing was changed\n")
    assert qdrant.collections == {OURS: b"of somebody"}


def test_vectors_stay_where_the_database_cannot_be_replaced(
    tmp_path: Path, place: Place, qdrant: SnapshotServer, back_up: BackUp
) -> None:
    qdrant.collections[OURS] = b"of the backup"
    env = place("kept") | {"QDRANT_URL": qdrant.url}
    backup = back_up(env)
    qdrant.collections[OURS] = b"of now"
    if env["DATABASE_URL"].startswith("postgresql"):
        # A server that starts after it was asked whether there is one.
        connections: list[psycopg.Connection[tuple[object, ...]]] = []
        qdrant.at_listing = lambda: connections.append(psycopg.connect(env["DATABASE_URL"]))
        said = script("restore.sh", "--force", backup, env=env, succeeds=False)
        assert "others are connected to the database" in said
        assert said.endswith("nothing was changed\n")
        for connection in connections:
            connection.close()
    else:
        refusing = with_program(env, tmp_path / "programs", "mv", "echo 'mv: refused' >&2; exit 1")
        said = script("restore.sh", "--force", backup, env=refusing, succeeds=False)
        assert "mv: refused" in said
    assert qdrant.collections == {OURS: b"of now"}


def test_who_fails_at_the_vectors_is_told_what_is_back(
    tmp_path: Path, place: Place, qdrant: SnapshotServer, back_up: BackUp
) -> None:
    qdrant.collections[OURS] = b"of the backup"
    env = place("half") | {"QDRANT_URL": qdrant.url}
    backup = back_up(env)
    qdrant.collections[OURS] = b"of now"
    qdrant.refuses_uploads = True

    said = script("restore.sh", "--force", backup, env=env, succeeds=False)

    assert "replacing the database" in said
    assert "the vectors are not back: run this again with --force" in said
    assert "nothing was changed" not in said

    qdrant.refuses_uploads = False
    script("restore.sh", "--force", backup, env=env)
    assert qdrant.collections == {OURS: b"of the backup"}
