"""What Qdrant's server and its local engine have in common.

A collection has one dimension, so there is one for each (``adiuva_vectors_32``), made when its first vector comes. A
point's id is derived from user and id, its payload names both. Sealed blobs do not come here.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from uuid import UUID

from qdrant_client import QdrantClient, models

from storage.vectors.port import Deadline, Point, Scope, batches

PREFIX = "adiuva_vectors_"
FLOATS_A_REQUEST = 400_000  # about 8 MiB of JSON; a server takes 32 MiB


def collection_name(dimension: int) -> str:
    return f"{PREFIX}{dimension}"


class QdrantIndex(ABC):
    """Points in collections, written and found through a client."""

    _client: QdrantClient

    def __init__(self) -> None:
        self._known: set[int] = set()  # dimensions whose collections exist
        self._prepared: set[int] = set()  # and those that this process has made sure of, index included

    @abstractmethod
    def _call(self) -> AbstractContextManager[None]:
        """Around every use of the client: its errors come out as ours."""

    @abstractmethod
    def _those_of(self, scope: Scope) -> models.Filter | None:
        """What keeps a search to the user's points. None: the collections hold no others."""

    @abstractmethod
    def _select(self, scope: Scope, point_ids: Sequence[str]) -> models.PointsSelector:
        """Those of the user's points; at least one id."""

    @abstractmethod
    def _create(self, name: str, dimension: int) -> None:
        """Makes sure of the collection. Another process may be doing the same."""

    def upsert(self, scope: Scope, points: Sequence[Point]) -> None:
        dimension = len(points[0].vector)
        deadline = Deadline()
        with self._call():
            if dimension not in self._prepared:
                self._create(collection_name(dimension), dimension)
                self._prepared.add(dimension)
            for batch in batches(points, FLOATS_A_REQUEST // dimension):
                deadline.check()
                self._client.upsert(
                    collection_name(dimension), points=[_make_point(scope, point) for point in batch], wait=True
                )

    def search(self, scope: Scope, vector: Sequence[float], limit: int) -> list[tuple[UUID, float]]:
        with self._call():
            if not self._exists(len(vector)):
                return []
            found = self._client.query_points(
                collection_name(len(vector)),
                query=list(vector),
                query_filter=self._those_of(scope),
                limit=limit,
                with_payload=["id"],
            )
            return [(UUID((hit.payload or {})["id"]), hit.score) for hit in found.points]

    def delete(self, scope: Scope, ids: Sequence[UUID], *, dimension: int) -> None:
        with self._call():
            if self._exists(dimension):
                these = self._select(scope, [scope.point_id(vector_id) for vector_id in ids])
                self._client.delete(collection_name(dimension), points_selector=these, wait=True)

    def close(self) -> None:
        self._client.close()

    def _exists(self, dimension: int) -> bool:
        if dimension not in self._known and self._client.collection_exists(collection_name(dimension)):
            self._known.add(dimension)
        return dimension in self._known


def _make_point(scope: Scope, point: Point) -> models.PointStruct:
    return models.PointStruct(
        id=scope.point_id(point.id),
        vector=list(point.vector),
        payload={"user_id": scope.namespace, "id": str(point.id)},
    )
