"""What is particular to Qdrant's local engine: one process, many threads, its own database."""

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, Event
from uuid import UUID, uuid4

import pytest

from adiuva.api.errors import UpstreamError, UpstreamUnavailable
from storage.vectors.factory import get_vector_store
from storage.vectors.local_folders import (
    REMOVED,
    finish_removals,
    folder_of,
    holds_vectors_of,
    list_users,
    remove_user,
)
from storage.vectors.port import Point, Scope, VectorStore
from storage.vectors.qdrant.engine import UserEngine
from storage.vectors.qdrant.local import LocalQdrant
from tests.support.server import PROJECT_DIR, clean_environment

HOLD = """
import sys, pathlib
from storage.vectors.qdrant.local import LocalQdrant
index = LocalQdrant(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.thorough
def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    environment = clean_environment() | {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "adiuva.settings"}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "vectors")],
        cwd=PROJECT_DIR,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UpstreamUnavailable, match="Another process holds the local vector store"):
            LocalQdrant(tmp_path / "vectors")
        _, errors = holder.communicate("", timeout=30)
        assert (holder.returncode, errors) == (0, "")
    LocalQdrant(tmp_path / "vectors").close()


def test_the_engine_writes_without_a_sync_a_point_also_after_it_is_opened_again(tmp_path: Path) -> None:
    """It is our reach into the engine that makes upserts seventy times faster: an update must not undo it silently."""
    scope = Scope(uuid4())
    for _ in range(2):
        index = LocalQdrant(tmp_path / "vectors")
        index.upsert(scope, [Point(uuid4(), [1.0, 0.0])])
        engine = index._places[scope.user_id].engine
        assert engine is not None
        (collection,) = engine._client._client.collections.values()  # type: ignore[attr-defined]
        pragmas = [collection.storage.storage.execute(f"PRAGMA {name}").fetchone() for name in PRAGMAS]
        assert pragmas == [("wal",), (1,)]
        index.close()


PRAGMAS = ("journal_mode", "synchronous")


def test_many_threads_share_the_engine(local: LocalQdrant) -> None:
    store = VectorStore(local)
    users = [uuid4() for _ in range(4)]
    keys = {user: [uuid4() for _ in range(25)] for user in users}

    def work(user: UUID) -> list[int]:
        found = []
        for number, key in enumerate(keys[user]):
            store.upsert(user, [Point(key, [1.0, number])])
            found.append(len(store.search(user, [1.0, 0.0], 100)))
        return found

    with ThreadPoolExecutor(len(users)) as pool:
        assert list(pool.map(work, users)) == [list(range(1, 26))] * len(users)


def open_engines(local: LocalQdrant) -> int:
    return sum(place.engine is not None for place in local._places.values())


def test_nobody_waits_for_another_users_engine(local: LocalQdrant, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = Scope(uuid4()), Scope(uuid4())
    for scope in (slow, quick):
        local.upsert(scope, [Point(uuid4(), [1.0, 0.0])])
    begun, done = Event(), Event()
    search = UserEngine.search

    def wait(self: UserEngine, scope: Scope, vector: list[float], limit: int) -> list[tuple[UUID, float]]:
        if scope == slow:
            begun.set()
            assert done.wait(30)
        return search(self, scope, vector, limit)

    monkeypatch.setattr(UserEngine, "search", wait)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(local.search, slow, [1.0, 0.0], 10)
        assert begun.wait(30)
        assert len(local.search(quick, [1.0, 0.0], 10)) == 1
        assert not waiting.done()
        done.set()
        assert len(waiting.result(30)) == 1


@pytest.mark.thorough
def test_of_many_users_the_last_used_stay_open_and_all_are_found(
    local: LocalQdrant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.vectors.qdrant.local.MOST_OPEN", 2)
    scopes = [Scope(uuid4()) for _ in range(5)]

    def use(scope: Scope) -> list[int]:
        found = []
        for _ in range(6):
            local.upsert(scope, [Point(uuid4(), [1.0, 0.0])])
            found.append(len(local.search(scope, [1.0, 0.0], 100)))
        return found

    with ThreadPoolExecutor(len(scopes)) as pool:
        assert list(pool.map(use, scopes)) == [list(range(1, 7))] * len(scopes)
    assert open_engines(local) <= 2
    assert [len(local.search(scope, [1.0, 0.0], 100)) for scope in scopes] == [6] * len(scopes)


def test_a_look_makes_nothing(local: LocalQdrant, tmp_path: Path) -> None:
    scope = Scope(uuid4())
    assert local.search(scope, [1.0], 10) == []
    local.delete(scope, [uuid4()], dimension=1)
    local.erase(scope)
    assert (list(list_users(tmp_path / "vectors")), open_engines(local), dict(local._places)) == ([], 0, {})


def test_the_engines_that_were_written_last_are_opened_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.vectors.qdrant.local.MOST_OPEN", 2)
    scopes = [Scope(uuid4()) for _ in range(3)]
    first = LocalQdrant(tmp_path)
    for scope in scopes:
        first.upsert(scope, [Point(uuid4(), [1.0])])
    first.close()
    for age, scope in enumerate(reversed(scopes)):
        for file in folder_of(tmp_path, scope.user_id).glob("collection/*/storage.sqlite"):
            os.utime(file, (1000 - age, 1000 - age))
    index = LocalQdrant(tmp_path)
    index.warm()
    assert list(index._places) == [scopes[1].user_id, scopes[2].user_id]
    assert open_engines(index) == 2
    index.close()
    index.warm()  # one that still runs when the process ends
    assert open_engines(index) == 0


def test_another_process_may_erase_what_this_one_has_open(local: LocalQdrant, tmp_path: Path) -> None:
    scope, stays = Scope(uuid4()), Scope(uuid4())
    for one in (scope, stays):
        local.upsert(one, [Point(uuid4(), [1.0])])
    remove_user(tmp_path / "vectors", scope.user_id)
    assert not holds_vectors_of(tmp_path / "vectors", scope.user_id)
    assert (local.search(scope, [1.0], 10), len(local.search(stays, [1.0], 10))) == ([], 1)


def test_a_removal_that_was_cut_short_is_still_to_be_done(tmp_path: Path) -> None:
    user_id = uuid4()
    left = tmp_path / REMOVED / str(user_id) / "collection"
    left.mkdir(parents=True)
    assert holds_vectors_of(tmp_path, user_id)
    remove_user(tmp_path, user_id)
    assert not holds_vectors_of(tmp_path, user_id)
    assert not left.exists()
    left.mkdir(parents=True)
    LocalQdrant(tmp_path).close()
    assert not left.exists()


def test_a_removal_whose_place_vanishes_is_not_taken_for_done(
    local: LocalQdrant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that starts finishes removals, and takes the folder away into which another process is moving."""
    root, scope = tmp_path / "vectors", Scope(uuid4())
    local.upsert(scope, [Point(uuid4(), [1.0])])
    rename = Path.rename

    def start_a_server_first(self: Path, target: Path) -> Path:
        finish_removals(root)
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", start_a_server_first)
        with pytest.raises(OSError, match="still there"):
            remove_user(root, scope.user_id)
    assert holds_vectors_of(root, scope.user_id)
    remove_user(root, scope.user_id)
    assert not holds_vectors_of(root, scope.user_id)


def test_an_engine_that_cannot_be_closed_does_not_keep_its_place(
    local: LocalQdrant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.vectors.qdrant.local.MOST_OPEN", 1)
    cold, warm = Scope(uuid4()), Scope(uuid4())
    local.upsert(cold, [Point(uuid4(), [1.0])])

    def fail(_: UserEngine) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(UserEngine, "close", fail)
        with pytest.raises(UpstreamUnavailable):
            local.upsert(warm, [Point(uuid4(), [1.0])])
    assert [place.users for place in local._places.values()] == [0, 0]
    assert len(local.search(cold, [1.0], 10)) == 1
    assert len(local.search(warm, [1.0], 10)) == 1


def test_a_damaged_row_is_its_users_trouble_and_nobody_elses(tmp_path: Path) -> None:
    index, damaged, whole = LocalQdrant(tmp_path), Scope(uuid4()), Scope(uuid4())
    for scope in (damaged, whole):
        index.upsert(scope, [Point(uuid4(), [1.0])])
    index.close()
    [path] = folder_of(tmp_path, damaged.user_id).glob("collection/*/storage.sqlite")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE points SET point = ?", (b"no pickle",))
    index = LocalQdrant(tmp_path)
    with pytest.raises(UpstreamError):
        index.search(damaged, [1.0], 10)
    assert len(index.search(whole, [1.0], 10)) == 1
    index.close()


def test_threads_that_open_the_store_at_once_get_one(vector_dir: Path) -> None:
    start = Barrier(8)

    def open_it(_: int) -> VectorStore:
        start.wait(timeout=30)
        return get_vector_store()

    with ThreadPoolExecutor(8) as pool:
        assert len({id(store) for store in pool.map(open_it, range(8))}) == 1


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "vectors").write_text("a file in its place")
    with pytest.raises(UpstreamUnavailable):
        LocalQdrant(tmp_path / "vectors")
