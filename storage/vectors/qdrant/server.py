"""Vectors on a Qdrant server: all users share the collection of a dimension.

Every search and every deletion carries a filter on the user (``_user_filter``).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import httpx
from django.conf import settings
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from adiuva.api.errors import Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from storage.vectors.port import MAX_DIMENSION, Scope
from storage.vectors.qdrant.index import PREFIX, QdrantIndex, collection_name

CONFLICT, MISSING = 409, 404


def _user_filter(scope: Scope, *more: models.Condition) -> models.Filter:
    """The filter that every search and every deletion carries."""
    mine = models.FieldCondition(key="user_id", match=models.MatchValue(value=scope.namespace))
    return models.Filter(must=[mine, *more])


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

    def _those_of(self, scope: Scope) -> models.Filter:
        return _user_filter(scope)

    def _select(self, scope: Scope, point_ids: Sequence[str]) -> models.PointsSelector:
        return models.FilterSelector(filter=_user_filter(scope, models.HasIdCondition(has_id=list(point_ids))))

    def erase(self, scope: Scope) -> None:
        everything = models.FilterSelector(filter=_user_filter(scope))
        with self._call():
            for collection in self._client.get_collections().collections:
                if collection.name.startswith(PREFIX):
                    self._client.delete(collection.name, points_selector=everything, wait=True)

    def largest_dimension(self) -> int:
        return MAX_DIMENSION

    def check(self) -> None:
        with self._call():
            self._client.collection_exists(collection_name(MAX_DIMENSION))

    def warm(self) -> None:
        self.check()

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
