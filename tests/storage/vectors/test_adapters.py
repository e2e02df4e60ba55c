"""What each adapter sends, and what is particular to it."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from adiuva.api.errors import NotConfigured, UpstreamError
from storage.vectors.factory import close_vector_store, get_vector_store
from storage.vectors.pinecone import PineconeIndex
from storage.vectors.port import Point, Scope, VectorStore
from storage.vectors.qdrant.local import LocalQdrant
from storage.vectors.qdrant.server import QdrantServer
from tests.fakes.http_store import Seen
from tests.fakes.pinecone_server import LoopbackPinecone
from tests.fakes.qdrant_server import LoopbackQdrant
from tests.storage.vectors.conftest import PATIENCE_SECONDS
from tests.support.server import PROJECT_DIR, clean_environment


def do_everything(store: VectorStore, user: UUID) -> UUID:
    key = uuid4()
    store.upsert(user, [Point(key, [1.0, 2.0])])
    store.search(user, [1.0, 2.0], 5)
    store.delete(user, [key], dimension=2)
    store.erase(user)
    return key


# --- whose they are ---


def test_every_request_to_qdrant_that_touches_points_names_the_user(
    qdrant: LoopbackQdrant, qdrant_index: QdrantServer
) -> None:
    user = uuid4()
    key = do_everything(VectorStore(qdrant_index), user)
    mine = {"key": "user_id", "match": {"value": str(user)}}
    touching = [seen for seen in qdrant.requests if "/points" in seen.path]
    assert [seen.path.rpartition("/points")[2] for seen in touching] == ["", "/query", "/delete", "/delete"]
    upsert, *others = touching
    assert upsert.body["points"] == [
        {
            "id": Scope(user).point_id(key),
            "payload": {"user_id": str(user), "id": str(key)},
            "vector": upsert.body["points"][0]["vector"],
        }
    ]
    for seen in others:
        assert mine in [{"key": one.get("key"), "match": one.get("match")} for one in seen.body["filter"]["must"]]
    assert {seen.headers["api-key"] for seen in qdrant.requests} == {"qd-key"}


def test_every_request_to_pinecone_that_touches_vectors_names_the_namespace(
    pinecone: LoopbackPinecone, pinecone_index: PineconeIndex
) -> None:
    user = uuid4()
    do_everything(VectorStore(pinecone_index), user)
    touching = [seen for seen in pinecone.requests if seen.path != "/describe_index_stats"]
    assert [seen.path for seen in touching] == ["/vectors/upsert", "/query", "/vectors/delete", "/vectors/delete"]
    assert {seen.body["namespace"] for seen in touching} == {str(user)}
    assert {seen.headers["api-key"] for seen in pinecone.requests} == {"pc-key"}


def test_point_ids_are_ones_own() -> None:
    ada, bob, key = Scope(uuid4()), Scope(uuid4()), uuid4()
    assert ada.point_id(key) == ada.point_id(key) != bob.point_id(key)


def test_not_even_a_hit_with_anothers_point_id_is_deleted(qdrant: LoopbackQdrant, qdrant_index: QdrantServer) -> None:
    """Were ids ever to collide, the filter would still keep users apart."""
    ada, bob, key = uuid4(), uuid4(), uuid4()
    qdrant_index.upsert(Scope(ada), [Point(key, [1.0, 0.0])])
    (point,) = qdrant.collections["adiuva_vectors_2"].points.values()
    point["payload"]["user_id"] = str(bob)
    qdrant_index.delete(Scope(ada), [key], dimension=2)
    assert qdrant_index.search(Scope(ada), [1.0, 0.0], 5) == []
    assert qdrant.collections["adiuva_vectors_2"].points == {point["id"]: point}


# --- Qdrant ---


def list_made_collections(qdrant: LoopbackQdrant) -> list[Seen]:
    return [seen for seen in qdrant.requests if seen.method == "PUT" and not seen.path.endswith("/points")]


def test_a_collection_for_each_dimension_is_made_once_and_indexed_by_tenant(
    qdrant: LoopbackQdrant, qdrant_index: QdrantServer
) -> None:
    for dimension in (2, 32, 2):
        qdrant_index.upsert(Scope(uuid4()), [Point(uuid4(), [1.0] * dimension)])
    assert {name: collection.size for name, collection in qdrant.collections.items()} == {
        "adiuva_vectors_2": 2,
        "adiuva_vectors_32": 32,
    }
    for collection in qdrant.collections.values():
        assert collection.indexes == {"user_id": {"type": "keyword", "is_tenant": True}}
    assert [seen.path for seen in list_made_collections(qdrant)] == [
        "/collections/adiuva_vectors_2",
        "/collections/adiuva_vectors_2/index",
        "/collections/adiuva_vectors_32",
        "/collections/adiuva_vectors_32/index",
    ]


@pytest.mark.thorough
def test_processes_that_make_a_collection_at_once_all_succeed(qdrant: LoopbackQdrant) -> None:
    count = 8
    start = Barrier(count)
    indexes = [QdrantServer(qdrant.url, api_key="qd-key", timeout=5) for _ in range(count)]

    def first(index: QdrantServer) -> None:
        start.wait(timeout=30)
        index.upsert(Scope(uuid4()), [Point(uuid4(), [1.0, 0.0])])

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(first, indexes))
    for index in indexes:
        index.close()
    assert len(qdrant.collections["adiuva_vectors_2"].points) == count


def test_a_collection_that_somebody_removed_is_made_again(qdrant: LoopbackQdrant, qdrant_index: QdrantServer) -> None:
    scope, point = Scope(uuid4()), Point(uuid4(), [1.0, 0.0])
    qdrant_index.upsert(scope, [point])
    qdrant.collections.clear()
    with pytest.raises(UpstreamError):
        qdrant_index.upsert(scope, [point])
    qdrant_index.upsert(scope, [point])
    assert [key for key, _ in qdrant_index.search(scope, [1.0, 0.0], 5)] == [point.id]


def test_collections_of_others_are_left_alone(qdrant: LoopbackQdrant, qdrant_index: QdrantServer) -> None:
    qdrant_index._client.create_collection("somebody_elses", vectors_config={"size": 2, "distance": "Cosine"})  # type: ignore[dict-item]
    qdrant_index.erase(Scope(uuid4()))
    assert not [seen for seen in qdrant.requests if seen.path.endswith("/delete")]


def test_large_upserts_go_to_qdrant_in_parts(qdrant: LoopbackQdrant, qdrant_index: QdrantServer) -> None:
    scope = Scope(uuid4())
    qdrant_index.upsert(scope, [Point(uuid4(), [1.0] * 4096) for _ in range(200)])
    sizes = [len(seen.body["points"]) for seen in qdrant.requests if seen.path.endswith("/points")]
    assert sizes == [97, 97, 6]


def test_a_part_that_fails_fails_the_upsert(qdrant: LoopbackQdrant, qdrant_index: QdrantServer) -> None:
    qdrant.fail(500, on="/points", after=1)
    with pytest.raises(UpstreamError):
        qdrant_index.upsert(Scope(uuid4()), [Point(uuid4(), [1.0] * 4096) for _ in range(100)])


def test_a_wrong_key_is_trouble_upstream(qdrant: LoopbackQdrant) -> None:
    index = QdrantServer(qdrant.url, api_key="another", timeout=PATIENCE_SECONDS)
    with pytest.raises(UpstreamError):
        index.check()
    index.close()


# --- Pinecone ---


def test_shorter_vectors_are_padded_which_keeps_their_cosines(
    pinecone: LoopbackPinecone, pinecone_index: PineconeIndex
) -> None:
    store, user, key = VectorStore(pinecone_index), uuid4(), uuid4()
    store.upsert(user, [Point(key, [3.0, 4.0])])
    assert pinecone.namespaces[str(user)][str(key)] == [pytest.approx(0.6), pytest.approx(0.8), *[0.0] * 62]
    assert store.search(user, [1.0, 0.0], 1) == [(key, 0.6)]


def test_large_upserts_go_to_pinecone_in_parts_below_two_mebibytes() -> None:
    with LoopbackPinecone(dimension=1536) as server:
        index = PineconeIndex(api_key="pc-key", host=server.url, timeout=PATIENCE_SECONDS)
        VectorStore(index).upsert(uuid4(), [Point(uuid4(), [(-1) ** n / 3 for n in range(1536)]) for _ in range(120)])
        index.close()
        sizes = [len(seen.body["vectors"]) for seen in server.requests if seen.path == "/vectors/upsert"]
    assert sizes == [52, 52, 16]


def test_the_host_is_looked_up_by_the_indexs_name(pinecone: LoopbackPinecone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINECONE_CONTROLLER_HOST", pinecone.url)
    index = PineconeIndex(api_key="pc-key", name="adiuva", timeout=PATIENCE_SECONDS)
    index.check()
    index.check()
    index.close()
    assert [seen.path for seen in pinecone.requests] == [
        "/indexes/adiuva",
        "/describe_index_stats",
        "/describe_index_stats",
    ]


def test_an_index_of_another_metric_is_not_configured() -> None:
    with LoopbackPinecone(dimension=8, metric="euclidean") as server:
        index = PineconeIndex(api_key="pc-key", host=server.url, timeout=PATIENCE_SECONDS)
        with pytest.raises(NotConfigured):
            index.upsert(Scope(uuid4()), [Point(uuid4(), [1.0])])
        index.close()


def test_a_key_without_an_index_is_not_configured(settings: Settings) -> None:
    settings.PINECONE_API_KEY = "pc-key"
    close_vector_store()
    with pytest.raises(NotConfigured):
        get_vector_store()


def test_a_404_that_is_no_missing_namespace_is_trouble(
    pinecone: LoopbackPinecone, pinecone_index: PineconeIndex
) -> None:
    pinecone.fail(404)
    with pytest.raises(UpstreamError):
        pinecone_index.erase(Scope(uuid4()))


# --- which one ---


def test_the_settings_choose(settings: Settings, tmp_path: Path) -> None:
    settings.VECTOR_DIR = tmp_path / "vectors"
    chosen = []
    for change in ({}, {"QDRANT_URL": "http://127.0.0.1:9"}, {"PINECONE_API_KEY": "k", "PINECONE_INDEX": "i"}):
        for name, value in change.items():
            setattr(settings, name, value)
        close_vector_store()
        chosen.append(type(get_vector_store()._index))
    close_vector_store()
    assert chosen == [LocalQdrant, QdrantServer, PineconeIndex]


@pytest.mark.thorough
def test_the_port_loads_no_sdk() -> None:
    script = "import django; django.setup(); import storage.vectors.views, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"import json; {script}"],
        cwd=PROJECT_DIR,
        env=clean_environment() | {"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    # httpx says nothing any more: the Stripe SDK, which dj-stripe's models load, brings it too.
    assert not {"qdrant_client", "pinecone", "numpy"} & set(json.loads(done.stdout))
