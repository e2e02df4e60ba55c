"""Which vector store the settings choose: the only module that imports one.

Its SDK costs seconds (Qdrant's 2.6), so an adapter is imported when it is first asked for.
"""

from functools import cache
from threading import Lock
from uuid import UUID

from django.conf import settings
from django.db import connection

from adiuva.api.errors import UpstreamUnavailable
from storage.vectors import local_folders
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


def may_hold_vectors() -> bool:
    """As ``may_hold_vectors_of``, of anybody's."""
    return not uses_local_engine() or local_folders.holds_vectors(settings.VECTOR_DIR)


def may_hold_vectors_of(user_id: UUID) -> bool:
    """False where nothing is there to erase, as far as that can be told without the store: of the local engine always,
    of a server never.
    """
    return not uses_local_engine() or local_folders.holds_vectors_of(settings.VECTOR_DIR, user_id)


def erase_vectors_of(user_id: UUID) -> None:
    """Everything the store has of the user, who can write no more.

    The local engine's folders can be removed by any process, also beside a server that has them open.

    Raises:
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: something is left.
    """
    if is_open() or not uses_local_engine() or local_folders.is_shared(settings.VECTOR_DIR):
        get_vector_store().erase(user_id)
        return
    try:
        local_folders.remove_user(settings.VECTOR_DIR, user_id)
    except OSError as error:
        raise UpstreamUnavailable("The vector store's folder cannot be used.") from error


def preload() -> None:
    """What the first request would wait for: the SDK, the connection, and vectors on their way into memory."""
    get_vector_store().warm()


def is_open() -> bool:
    """Whether this process has opened it."""
    return _open_store.cache_info().currsize > 0


def uses_local_engine() -> bool:
    return not (settings.PINECONE_API_KEY or settings.QDRANT_URL)


def is_held_by_server() -> bool:
    """Whether the local engine's folder is as an earlier version left it, beside workers that are other processes
    (``adiuva.jobs``). The server puts it in order when it starts; a worker that opened it would keep it from that.
    """
    return connection.vendor == "postgresql" and uses_local_engine() and local_folders.is_shared(settings.VECTOR_DIR)


def close_vector_store() -> None:
    """The next call opens it again, as the settings say then."""
    with _opening:
        if is_open():
            _open_store().close()
            _open_store.cache_clear()


@cache
def _open_store() -> VectorStore:
    if settings.PINECONE_API_KEY:
        from storage.vectors.pinecone import PineconeIndex

        return VectorStore(PineconeIndex.from_settings())
    if settings.QDRANT_URL:
        from storage.vectors.qdrant.server import QdrantServer

        return VectorStore(QdrantServer.from_settings())
    from storage.vectors.qdrant.local import LocalQdrant

    return VectorStore(LocalQdrant(settings.VECTOR_DIR))
