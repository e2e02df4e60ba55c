"""Which vector store the settings choose: the only module that imports one.

Its SDK costs seconds (Qdrant's 2.6), so an adapter is imported when it is first asked for.
"""

from functools import cache
from threading import Lock

from django.conf import settings
from django.db import connection

from storage.vectors.port import VectorStore

_opening = Lock()  # the local engine's folder takes one opener; `cache` alone would let two threads try


def get_vector_store() -> VectorStore:
    """Pinecone where ``PINECONE_API_KEY`` is set, else the Qdrant at ``QDRANT_URL``, else Qdrant's local engine in
    ``DATA_DIR``. One a process. The first call loads the SDK (seconds): make it before taking a lock.

    Raises:
        UpstreamUnavailable: another process holds the local engine's folder.
        NotConfigured: Pinecone has neither host nor index.
    """
    with _opening:
        return _open_store()


def is_untouched() -> bool:
    """Whether nothing was ever written, as far as that can be told without the SDK."""
    return uses_local_engine() and not settings.VECTOR_DIR.exists()


def uses_local_engine() -> bool:
    return not (settings.PINECONE_API_KEY or settings.QDRANT_URL)


def is_held_by_server() -> bool:
    """Whether vectors lie in a folder that one process may open, beside workers that are others (``adiuva.jobs``).

    A worker that opened it would keep the server from its vectors.
    """
    return connection.vendor == "postgresql" and uses_local_engine() and not is_untouched()


def close_vector_store() -> None:
    """The next call opens it again, as the settings say then."""
    with _opening:
        if _open_store.cache_info().currsize:
            _open_store().close()
            _open_store.cache_clear()


@cache
def _open_store() -> VectorStore:
    if settings.PINECONE_API_KEY:
        from storage.vectors.pinecone import PineconeIndex

        return VectorStore(PineconeIndex.from_settings())
    from storage.vectors.qdrant import LocalQdrant, QdrantServer

    if settings.QDRANT_URL:
        return VectorStore(QdrantServer.from_settings())
    return VectorStore(LocalQdrant(settings.VECTOR_DIR))
