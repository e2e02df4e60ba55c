"""A folder of an earlier version, in which all users share a collection of each dimension."""

import json
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from qdrant_client import QdrantClient, models

from adiuva.api.errors import UpstreamUnavailable
from storage.vectors.local_folders import holds_vectors_of, is_shared, list_users
from storage.vectors.port import Point, Scope
from storage.vectors.qdrant.engine import UserEngine
from storage.vectors.qdrant.index import collection_name
from storage.vectors.qdrant.local import LocalQdrant

Shared = dict[int, dict[UUID, list[UUID]]]


def write_shared(root: Path) -> Shared:
    """``{dimension: {user: ids}}``, as version 0.1 wrote them."""
    client = QdrantClient(path=str(root))
    both, one = uuid4(), uuid4()
    written: Shared = {}
    for dimension, users in ((2, [both, one]), (3, [both])):
        params = models.VectorParams(size=dimension, distance=models.Distance.COSINE)
        client.create_collection(collection_name(dimension), vectors_config=params)
        written[dimension] = {}
        for user in users:
            ids = [uuid4() for _ in range(3)]
            written[dimension][user] = ids
            points = [
                models.PointStruct(
                    id=Scope(user).point_id(key),
                    vector=[1.0, float(number), *[0.0] * (dimension - 2)],
                    payload={"user_id": str(user), "id": str(key)},
                )
                for number, key in enumerate(ids)
            ]
            client.upsert(collection_name(dimension), points=points)
    client.close()
    return written


def found(index: LocalQdrant, written: Shared) -> Shared:
    """Best first, so in the order they were written in."""
    return {
        dimension: {
            user: [key for key, _ in index.search(Scope(user), [1.0, *[0.0] * (dimension - 1)], 10)] for user in users
        }
        for dimension, users in written.items()
    }


def test_each_user_gets_theirs(tmp_path: Path) -> None:
    written = write_shared(tmp_path)
    someone = uuid4()
    assert is_shared(tmp_path)
    assert holds_vectors_of(tmp_path, someone)  # nobody can say without a look
    for _ in range(2):
        index = LocalQdrant(tmp_path)
        assert found(index, written) == written
        index.close()
    assert {path.name for path in tmp_path.iterdir()} == {"users", ".lock"}
    assert set(list_users(tmp_path)) == set(written[2])
    assert not holds_vectors_of(tmp_path, someone)


def test_what_a_crash_cut_short_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_shared(tmp_path)
    add_rows, calls = UserEngine.add_rows, []

    def fail_at_the_second(self: UserEngine, dimension: int, rows: Any) -> None:
        calls.append(dimension)
        if len(calls) == 2:
            raise OSError("the disk is full")
        add_rows(self, dimension, rows)

    monkeypatch.setattr(UserEngine, "add_rows", fail_at_the_second)
    with pytest.raises(UpstreamUnavailable):
        LocalQdrant(tmp_path)
    assert is_shared(tmp_path)
    index = LocalQdrant(tmp_path)
    assert found(index, written) == written
    # What they write from now on is theirs alone.
    user, key = next(iter(written[2])), uuid4()
    index.upsert(Scope(user), [Point(key, [0.0, -1.0])])
    assert [found_key for found_key, _ in index.search(Scope(user), [0.0, -1.0], 1)] == [key]
    index.close()


@pytest.mark.parametrize(
    "point", [b"", pickle.dumps("of the engine")[:-3], b"no pickle", pickle.dumps("a text"), pickle.dumps({})]
)
def test_a_row_that_cannot_be_read_keeps_nobody_from_theirs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, point: bytes
) -> None:
    written = write_shared(tmp_path)
    path = tmp_path / "collection" / collection_name(2) / "storage.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO points VALUES ('of nobody', ?)", (point,))
    index = LocalQdrant(tmp_path)
    assert found(index, written) == written
    index.close()
    assert not is_shared(tmp_path)
    assert [record.levelname for record in caplog.records if "cannot be read" in record.message] == ["WARNING"]


@pytest.mark.parametrize("left", ["meta.json", "collection"])
def test_half_of_a_removal_is_finished(tmp_path: Path, left: str) -> None:
    if left == "meta.json":
        (tmp_path / left).write_text(json.dumps({"collections": {}, "aliases": {}}))
    else:
        (tmp_path / left).mkdir()
    LocalQdrant(tmp_path).close()
    assert not is_shared(tmp_path)
