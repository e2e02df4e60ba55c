"""Vectors in Qdrant: a server by URL, or its local engine in a folder.

A collection has one dimension, so there is one for each (``adiuva_vectors_32``), made when its first vector comes. All
users share it. A point's id is derived from user and id, its payload names both, and every search and deletion
carries a filter on the user (``_user_filter``). Sealed blobs do not come here.
"""

import atexit
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from threading import RLock
from typing import Self
from uuid import UUID

import httpx
import portalocker
from django.conf import settings
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from adiuva.api.errors import Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from storage.vectors.port import MAX_DIMENSION, Deadline, Point, Scope, batches

PREFIX = "adiuva_vectors_"
FLOATS_A_REQUEST = 400_000  # about 8 MiB of JSON; a server takes 32 MiB
CONFLICT, MISSING = 409, 404


def _collection_name(dimension: int) -> str:
    return f"{PREFIX}{dimension}"


def _user_filter(scope: Scope, *more: models.Condition) -> models.Filter:
    """The filter that every search and every deletion carries."""
    mine = models.FieldCondition(key="user_id", match=models.MatchValue(value=scope.namespace))
    return models.Filter(must=[mine, *more])


class QdrantIndex(ABC):
    """What server and local engine have in common."""

    _client: QdrantClient

    def __init__(self) -> None:
        self._known: set[int] = set()  # dimensions whose collections exist
        self._prepared: set[int] = set()  # and those that this process has made sure of, index included

    @abstractmethod
    def _call(self) -> AbstractContextManager[None]:
        """Around every use of the client: its errors come out as ours."""

    @abstractmethod
    def _create(self, name: str, dimension: int) -> None:
        """Makes sure of the collection. Another process may be doing the same."""

    def upsert(self, scope: Scope, points: Sequence[Point]) -> None:
        dimension = len(points[0].vector)
        deadline = Deadline()
        with self._call():
            if dimension not in self._prepared:
                self._create(_collection_name(dimension), dimension)
                self._prepared.add(dimension)
            for batch in batches(points, FLOATS_A_REQUEST // dimension):
                deadline.check()
                self._client.upsert(
                    _collection_name(dimension), points=[_make_point(scope, point) for point in batch], wait=True
                )

    def search(self, scope: Scope, vector: Sequence[float], limit: int) -> list[tuple[UUID, float]]:
        with self._call():
            if not self._exists(len(vector)):
                return []
            found = self._client.query_points(
                _collection_name(len(vector)),
                query=list(vector),
                query_filter=_user_filter(scope),
                limit=limit,
                with_payload=["id"],
            )
            return [(UUID((hit.payload or {})["id"]), hit.score) for hit in found.points]

    def delete(self, scope: Scope, ids: Sequence[UUID], *, dimension: int) -> None:
        these = models.HasIdCondition(has_id=[scope.point_id(vector_id) for vector_id in ids])
        with self._call():
            if self._exists(dimension):
                self._remove(_collection_name(dimension), _user_filter(scope, these))

    def erase(self, scope: Scope) -> None:
        with self._call():
            for collection in self._client.get_collections().collections:
                if collection.name.startswith(PREFIX):
                    self._remove(collection.name, _user_filter(scope))

    def largest_dimension(self) -> int:
        return MAX_DIMENSION

    def check(self) -> None:
        with self._call():
            self._client.collection_exists(_collection_name(MAX_DIMENSION))

    def close(self) -> None:
        self._client.close()

    def _exists(self, dimension: int) -> bool:
        if dimension not in self._known and self._client.collection_exists(_collection_name(dimension)):
            self._known.add(dimension)
        return dimension in self._known

    def _remove(self, name: str, which: models.Filter) -> None:
        self._client.delete(name, points_selector=models.FilterSelector(filter=which), wait=True)


def _make_point(scope: Scope, point: Point) -> models.PointStruct:
    return models.PointStruct(
        id=scope.point_id(point.id),
        vector=list(point.vector),
        payload={"user_id": scope.namespace, "id": str(point.id)},
    )


class QdrantServer(QdrantIndex):
    """``timeout`` is in whole seconds, for connecting and for each wait on the socket."""

    def __init__(self, url: str, *, api_key: str = "", timeout: int) -> None:
        super().__init__()
        # The key goes as a header: the client would warn of http://, which is how compose reaches its own Qdrant.
        headers = {"api-key": api_key} if api_key else {}
        self._client = QdrantClient(url=url, headers=headers, timeout=timeout, check_compatibility=False)

    @classmethod
    def from_settings(cls) -> Self:
        return cls(settings.QDRANT_URL, api_key=settings.QDRANT_API_KEY, timeout=settings.VECTOR_TIMEOUT_SECONDS)

    @contextmanager
    def _call(self) -> Iterator[None]:
        try:
            yield
        except Problem:
            raise
        except (ApiException, QdrantException, httpx.HTTPError, ValueError, KeyError) as error:
            if isinstance(error, UnexpectedResponse) and error.status_code == MISSING:
                self._known.clear()  # somebody removed a collection: look again the next time
                self._prepared.clear()
            raise _problem_of(error) from error

    def _create(self, name: str, dimension: int) -> None:
        if not self._client.collection_exists(name):
            try:
                self._client.create_collection(
                    name, vectors_config=models.VectorParams(size=dimension, distance=models.Distance.COSINE)
                )
            except UnexpectedResponse as refusal:
                # Another process was faster. Servers before 1.9 say 400 instead of 409.
                if refusal.status_code != CONFLICT and not self._client.collection_exists(name):
                    raise
        # Whoever made the collection may have died before this; again is fine.
        self._client.create_payload_index(
            name,
            field_name="user_id",
            field_schema=models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
            wait=True,
        )


def _problem_of(error: Exception) -> Problem:
    cause: Exception = error.source if isinstance(error, ResponseHandlingException) else error
    match cause:
        case ResourceExhaustedResponse():
            return UpstreamUnavailable("The vector store is busy.", retry_after=max(1, cause.retry_after_s))
        case httpx.TimeoutException() | UnexpectedResponse(status_code=408 | 504):
            return UpstreamTimeout("The vector store took too long.")
        case httpx.ConnectError() | UnexpectedResponse(status_code=429 | 503):
            return UpstreamUnavailable("The vector store is not available right now.")
        case _:
            return UpstreamError("The vector store failed.")


class LocalQdrant(QdrantIndex):
    """The engine inside this process: for one process, and for thousands of vectors rather than millions."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._lock = RLock()  # the engine is plain Python objects and knows no threads
        with self._call():
            folder.mkdir(parents=True, exist_ok=True)
            _refuse_second_process(folder)
            self._client = QdrantClient(path=str(folder), force_disable_check_same_thread=True)
            for collection in self._client.get_collections().collections:
                self._tune(collection.name)
        # The client closes itself when the interpreter has lost its modules, and fails at it.
        atexit.register(self._client.close)

    def close(self) -> None:
        with self._lock:
            atexit.unregister(self._client.close)
            self._client.close()

    @contextmanager
    def _call(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as error:
                raise UpstreamUnavailable("The vector store's folder cannot be used.") from error
            except (ValueError, KeyError, RuntimeError) as error:
                raise UpstreamError("The vector store failed.") from error

    def _create(self, name: str, dimension: int) -> None:
        if not self._client.collection_exists(name):
            self._client.create_collection(
                name, vectors_config=models.VectorParams(size=dimension, distance=models.Distance.COSINE)
            )
            self._tune(name)

    def _tune(self, name: str) -> None:
        """The engine commits each point by itself: 100 take a second of fsync, and in this mode 15 ms.

        What a power cut may cost is the same as in our own SQLite (``settings.DATABASES``): the last commits.
        """
        connection = self._client._client.collections[name].storage.storage  # type: ignore[attr-defined]  # noqa: SLF001 - there is no option
        with closing(connection.execute("PRAGMA journal_mode=WAL")):
            pass
        with closing(connection.execute("PRAGMA synchronous=NORMAL")):
            pass


def _refuse_second_process(folder: Path) -> None:
    """Before the engine looks itself, which it does after it has loaded every vector."""
    with (folder / ".lock").open("a") as file:
        try:
            portalocker.lock(file, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
        except portalocker.LockException as refusal:
            raise UpstreamUnavailable(
                "Another process holds the local vector store; set QDRANT_URL to share one.", retry_after=5
            ) from refusal
        portalocker.unlock(file)
