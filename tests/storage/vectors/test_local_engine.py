"""What is particular to Qdrant's local engine: one process, many threads, its own database."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from adiuva.api.errors import UpstreamUnavailable
from storage.vectors.factory import get_vector_store
from storage.vectors.port import Point, Scope, VectorStore
from storage.vectors.qdrant import LocalQdrant
from tests.support.server import PROJECT_DIR, clean_environment

HOLD = """
import sys, pathlib
from storage.vectors.qdrant import LocalQdrant
index = LocalQdrant(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


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
    for _ in range(2):
        index = LocalQdrant(tmp_path / "vectors")
        index.upsert(Scope(uuid4()), [Point(uuid4(), [1.0, 0.0])])
        (collection,) = index._client._client.collections.values()  # type: ignore[attr-defined]
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
