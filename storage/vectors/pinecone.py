"""Vectors in a Pinecone index, each user's in a namespace of their own, which is made with its first vector.

An index has one dimension for all. Shorter vectors are padded with zeros, which changes no cosine; longer ones are
refused by whoever asks ``largest_dimension``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Self
from uuid import UUID

import httpx
from django.conf import settings
from pinecone import Index, Pinecone, RetryConfig
from pinecone._internal.constants import DATA_PLANE_API_VERSION
from pinecone._internal.http_client import HTTPClient
from pinecone.errors.exceptions import (
    ApiError,
    NotFoundError,
    PineconeConnectionError,
    PineconeError,
    PineconeTimeoutError,
    RateLimitError,
)

from adiuva.api.errors import NotConfigured, Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from storage.vectors.port import Deadline, Point, Scope, batches

FLOATS_A_REQUEST = 80_000  # Pinecone takes 2 MiB of JSON; a float has up to 22 characters
MOST_A_REQUEST = 1000
ONE_TRY = RetryConfig(max_retries=0)


class PineconeIndex:
    """``host`` is the index's own; without one it is asked for by ``name``. ``timeout`` in seconds."""

    def __init__(self, *, api_key: str, host: str = "", name: str = "", timeout: float) -> None:
        self._api_key = api_key
        self._host = host
        self._name = name
        self._timeout = timeout
        self._lock = Lock()
        self._opened: Index | None = None
        self._dimension: int | None = None

    @classmethod
    def from_settings(cls) -> Self:
        if not (settings.PINECONE_HOST or settings.PINECONE_INDEX):
            raise NotConfigured("PINECONE_API_KEY needs PINECONE_INDEX or PINECONE_HOST beside it.")
        return cls(
            api_key=settings.PINECONE_API_KEY,
            host=settings.PINECONE_HOST,
            name=settings.PINECONE_INDEX,
            timeout=settings.VECTOR_TIMEOUT_SECONDS,
        )

    def upsert(self, scope: Scope, points: Sequence[Point]) -> None:
        width = self.largest_dimension()
        deadline = Deadline()
        with _translate_errors():
            for batch in batches(points, min(FLOATS_A_REQUEST // width, MOST_A_REQUEST)):
                deadline.check()
                vectors = [{"id": str(point.id), "values": _pad(point.vector, width)} for point in batch]
                self._index().upsert(vectors=vectors, namespace=scope.namespace)

    def search(self, scope: Scope, vector: Sequence[float], limit: int) -> list[tuple[UUID, float]]:
        values = _pad(vector, self.largest_dimension())
        with _translate_errors():
            answer = self._index().query(top_k=limit, vector=values, namespace=scope.namespace)
            return [(UUID(match.id), match.score) for match in answer.matches]

    def delete(self, scope: Scope, ids: Sequence[UUID], *, dimension: int) -> None:
        with _translate_errors(), _ignore_missing_namespace():
            self._index().delete(ids=[str(vector_id) for vector_id in ids], namespace=scope.namespace)

    def erase(self, scope: Scope) -> None:
        with _translate_errors(), _ignore_missing_namespace():
            self._index().delete(delete_all=True, namespace=scope.namespace)

    def largest_dimension(self) -> int:
        if self._dimension is None:
            with _translate_errors():
                stats = self._index().describe_index_stats()
            if stats.dimension is None or stats.metric not in {None, "cosine"}:
                raise NotConfigured("The Pinecone index must be dense, with the metric cosine.")
            self._dimension = stats.dimension
        return self._dimension

    def check(self) -> None:
        with _translate_errors():
            self._index().describe_index_stats()

    def warm(self) -> None:
        self.largest_dimension()

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _index(self) -> Index:
        with self._lock:
            if self._opened is None:
                self._opened = self._open(self._host or self._host_by_name())
            return self._opened

    def _host_by_name(self) -> str:
        with Pinecone(api_key=self._api_key, timeout=self._timeout, retry_config=ONE_TRY) as control:
            host: str | None = control.indexes.describe(self._name).host
        if not host:
            raise UpstreamUnavailable("The Pinecone index is not ready yet.")
        return host

    def _open(self, host: str) -> Index:
        index = Index(host=host, api_key=self._api_key, timeout=self._timeout)
        # The SDK tries each call four times, waits up to a minute in between where the server says so, and has no
        # option for it here. A user's lock is held meanwhile, and clients retry themselves.
        index._http.close()  # noqa: SLF001
        index._http = HTTPClient(replace(index._config, retry_config=ONE_TRY), DATA_PLANE_API_VERSION)  # noqa: SLF001
        return index


def _pad(vector: Sequence[float], width: int) -> list[float]:
    return [*vector, *[0.0] * (width - len(vector))]


@contextmanager
def _ignore_missing_namespace() -> Iterator[None]:
    """A namespace that was never written to is a 404 for deletions, and what was to go is not there."""
    try:
        yield
    except NotFoundError as missing:
        if "namespace" not in str(missing).casefold():
            raise


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except PineconeTimeoutError as error:
        raise UpstreamTimeout("The vector store took too long.") from error
    except PineconeConnectionError as error:
        raise _problem_of_connection(error) from error
    except RateLimitError as error:
        raise UpstreamUnavailable("The vector store is busy.", retry_after=error.retry_after) from error
    except ApiError as error:
        raise _problem_of_answer(error.status_code) from error
    except (PineconeError, ValueError) as error:
        raise UpstreamError("The vector store failed.") from error


def _problem_of_connection(error: PineconeConnectionError) -> Problem:
    """What was never reached is away; what broke off in the middle failed."""
    if isinstance(error.__cause__, httpx.ConnectError):
        return UpstreamUnavailable("The vector store is not available right now.")
    return UpstreamError("The vector store failed.")


def _problem_of_answer(status: int) -> Problem:
    match status:
        case 408 | 504:
            return UpstreamTimeout("The vector store took too long.")
        case 503:
            return UpstreamUnavailable("The vector store is not available right now.")
        case _:
            return UpstreamError("The vector store failed.")
