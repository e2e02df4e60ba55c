"""The port to the vector store: what it does, and the vectors it takes. ``storage.vectors.factory`` chooses one.

Whose vectors a call may touch is decided here and nowhere else: ``VectorStore`` makes a ``Scope`` of the user it is
asked for, and an implementation (``VectorIndex``) gets no other way to an id, a namespace or a filter.
"""

import hashlib
import math
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from django.conf import settings

from adiuva.api.errors import UpstreamTimeout

MAX_DIMENSION = 4096
DERIVED_DIMENSION = 32
SCORE_DIGITS = 6  # a 32-bit float has seven; without rounding, equal vectors would differ by its noise

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Point:
    """A vector of length 1 (``normalise``) under the id its owner chose."""

    id: UUID
    vector: Sequence[float]


@dataclass(frozen=True, slots=True)
class Scope:
    """One user's part of the vector store."""

    user_id: UUID

    @property
    def namespace(self) -> str:
        """The name of that part: Pinecone's namespace, Qdrant's ``user_id`` in each payload and filter."""
        return str(self.user_id)

    def point_id(self, vector_id: UUID) -> str:
        """For stores with one space of ids for all: two users may choose one id, and neither can guess this one."""
        return str(uuid.uuid5(self.user_id, str(vector_id)))


class VectorIndex(Protocol):
    """What an implementation does. Ids are the user's own; all vectors have length 1.

    Safe to call from several threads. All raise ``UpstreamError``, ``UpstreamUnavailable`` or ``UpstreamTimeout`` for
    the store's own trouble, in bounded time, and ``NotConfigured`` where settings are missing.
    """

    def upsert(self, scope: Scope, points: Sequence[Point]) -> None:
        """Points of one dimension; at least one. They can be found when it returns, or soon after."""

    def search(self, scope: Scope, vector: Sequence[float], limit: int) -> list[tuple[UUID, float]]:
        """At most ``limit`` ids with their cosine. None where nothing of that dimension was ever written."""

    def delete(self, scope: Scope, ids: Sequence[UUID], *, dimension: int) -> None:
        """No error where there is nothing; at least one id."""

    def erase(self, scope: Scope) -> None:
        """Everything of that user, of every dimension. No error where there is nothing."""

    def largest_dimension(self) -> int:
        """What a vector may have at most."""

    def check(self) -> None:
        """Raises when the store cannot be used; for readiness and doctor."""

    def warm(self) -> None:
        """Does ahead what the first requests would wait for. May take seconds; ends early at ``close``."""

    def close(self) -> None:
        """Closes connections and folders."""


class VectorStore:
    """Vectors of users, by their cosine. Raises as ``VectorIndex`` does; vectors need not be normalised."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index

    def upsert(self, user_id: UUID, points: Sequence[Point]) -> None:
        """Points of one dimension; one that is there already under its id is replaced."""
        if points:
            self._index.upsert(Scope(user_id), [Point(point.id, normalise(point.vector)) for point in points])

    def search(self, user_id: UUID, vector: Sequence[float], top_k: int) -> list[tuple[UUID, float]]:
        """At most ``top_k`` ids with their cosine (-1 to 1), best first, equal ones by id."""
        hits = self._index.search(Scope(user_id), normalise(vector), top_k)
        return sorted(((key, _round_score(score)) for key, score in hits), key=lambda hit: (-hit[1], hit[0]))

    def delete(self, user_id: UUID, ids: Sequence[UUID], *, dimension: int) -> None:
        """``dimension`` is that of the user's vectors."""
        if ids:
            self._index.delete(Scope(user_id), ids, dimension=dimension)

    def erase(self, user_id: UUID) -> None:
        self._index.erase(Scope(user_id))

    def largest_dimension(self) -> int:
        return min(self._index.largest_dimension(), MAX_DIMENSION)

    def check(self) -> None:
        self._index.check()

    def warm(self) -> None:
        self._index.warm()

    def close(self) -> None:
        self._index.close()


def normalise(vector: Sequence[float]) -> list[float]:
    """The same direction with length 1, so that no store's 32-bit floats overflow or vanish. No vector of zeros."""
    largest = max(map(abs, vector))
    scaled = [value / largest for value in vector]
    length = math.hypot(*scaled)
    return [value / length for value in scaled]


def derive_vector(blob: bytes) -> list[float]:
    """A vector out of sealed bytes, for clients that send none.

    Equal blobs have equal vectors and a cosine of 1; of other blobs the vectors say nothing about each other. Clients
    rely on the formula, because vectors that were stored with it are searched with it.

    ``v[i] = (b[i] - 127.5) / |…|`` for the 32 bytes ``b`` of SHA-256(blob): 32 floats of length 1.
    The centre of a byte's range is no byte, so that no component is ever 0, and random blobs are about orthogonal.
    """
    centred = [byte - 127.5 for byte in hashlib.sha256(blob).digest()]
    length = math.sqrt(math.fsum(value * value for value in centred))
    return [value / length for value in centred]


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Consecutive parts of at most ``size``, at least 1, for stores that cap a request."""
    size = max(1, size)
    return (items[start : start + size] for start in range(0, len(items), size))


def _round_score(score: float) -> float:
    return max(-1.0, min(1.0, round(score, SCORE_DIGITS)))


class Deadline:
    """Runs from its making, for four timeouts."""

    def __init__(self) -> None:
        self._end = time.monotonic() + 4 * settings.VECTOR_TIMEOUT_SECONDS

    def check(self) -> None:
        """Before each request. Raises ``UpstreamTimeout``."""
        if time.monotonic() > self._end:
            raise UpstreamTimeout("The vector store took too long.")
