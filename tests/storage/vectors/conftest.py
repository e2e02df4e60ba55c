"""Each implementation of the port, and the store that the routes use."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from storage.vectors.factory import close_vector_store
from storage.vectors.pinecone import PineconeIndex
from storage.vectors.port import VectorStore
from storage.vectors.qdrant.local import LocalQdrant
from storage.vectors.qdrant.server import QdrantServer
from tests.fakes.pinecone_server import LoopbackPinecone
from tests.fakes.qdrant_server import LoopbackQdrant

PATIENCE_SECONDS = 20  # a slow machine must not look like a store that says nothing


@pytest.fixture(autouse=True)
def _no_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each client would read the public ones (0.2 s), and nothing here speaks TLS."""
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


@pytest.fixture
def vector_dir(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """The routes use the local engine in a folder of this test's own."""
    settings.VECTOR_DIR = tmp_path / "vectors"
    close_vector_store()
    yield settings.VECTOR_DIR
    close_vector_store()


@pytest.fixture
def qdrant() -> Iterator[LoopbackQdrant]:
    with LoopbackQdrant(api_key="qd-key") as server:
        yield server


@pytest.fixture
def pinecone() -> Iterator[LoopbackPinecone]:
    with LoopbackPinecone(dimension=64) as server:
        yield server


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalQdrant]:
    index = LocalQdrant(tmp_path / "vectors")
    yield index
    index.close()


@pytest.fixture
def qdrant_index(qdrant: LoopbackQdrant) -> Iterator[QdrantServer]:
    index = QdrantServer(qdrant.url, api_key="qd-key", timeout=PATIENCE_SECONDS)
    yield index
    index.close()


@pytest.fixture
def pinecone_index(pinecone: LoopbackPinecone) -> Iterator[PineconeIndex]:
    index = PineconeIndex(api_key="pc-key", host=pinecone.url, timeout=PATIENCE_SECONDS)
    yield index
    index.close()


@pytest.fixture(params=["local", "qdrant_index", "pinecone_index"])
def store(request: pytest.FixtureRequest) -> VectorStore:
    return VectorStore(request.getfixturevalue(request.param))


@pytest.fixture(params=["qdrant", "pinecone"])
def remote(request: pytest.FixtureRequest, settings: Settings) -> Iterator[LoopbackQdrant | LoopbackPinecone]:
    """The routes use this server; where the test's fault is a stall, it takes a second."""
    callspec = getattr(request.node, "callspec", None)
    stalls = callspec is not None and callspec.params.get("fault") == "stall"
    server: LoopbackQdrant | LoopbackPinecone = request.getfixturevalue(request.param)
    settings.VECTOR_TIMEOUT_SECONDS = 1 if stalls else PATIENCE_SECONDS
    if isinstance(server, LoopbackQdrant):
        settings.QDRANT_URL, settings.QDRANT_API_KEY = server.url, "qd-key"
    else:
        settings.PINECONE_API_KEY, settings.PINECONE_HOST = "pc-key", server.url
    close_vector_store()
    yield server
    close_vector_store()
