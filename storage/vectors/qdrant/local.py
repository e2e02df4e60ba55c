"""Vectors in a folder of ours, by Qdrant's local engine: an engine for each user, which knows no other's vectors.

So a search looks at its own user's points only and waits for nobody else's. Engines are opened when they are first
asked for, and of many only those used last stay open.
"""

import atexit
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import IO
from uuid import UUID

import portalocker

from adiuva.api.errors import UpstreamUnavailable
from storage.vectors import local_folders
from storage.vectors.local_folders import folder_of, is_in_use
from storage.vectors.port import MAX_DIMENSION, Point, Scope
from storage.vectors.qdrant.engine import UserEngine, translate_errors
from storage.vectors.qdrant.shared_collections import move_to_users

MOST_OPEN = 64  # each has all its user's vectors in memory, and four files open


class _Place:
    """One user's: an engine when it is open, and the lock it is used under. ``users``: threads that are at it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.engine: UserEngine | None = None
        self.users = 0

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()
            self.engine = None


class LocalQdrant:
    """For one process, and for thousands of vectors a user rather than millions.

    Raises ``UpstreamUnavailable`` where another process holds ``root``, or it cannot be used.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._guard = Lock()  # of the places, not of what is in them
        self._places: OrderedDict[UUID, _Place] = OrderedDict()
        self._is_closed = False
        with translate_errors():
            root.mkdir(parents=True, exist_ok=True)
            self._held = _hold(root)
            try:
                local_folders.finish_removals(root)
                if local_folders.is_shared(root):
                    move_to_users(root)
            except BaseException:
                self._held.close()
                raise
        # Engines close themselves when the interpreter has lost its modules, and fail at it.
        atexit.register(self.close)

    def upsert(self, scope: Scope, points: Sequence[Point]) -> None:
        folder = folder_of(self._root, scope.user_id)
        with self._use(scope.user_id) as place:
            if not is_in_use(folder):
                place.close()  # another process has erased what it had open
            if place.engine is None:
                place.engine = UserEngine(folder)
            place.engine.upsert(scope, points)

    def search(self, scope: Scope, vector: Sequence[float], limit: int) -> list[tuple[UUID, float]]:
        with self._use_if_there(scope.user_id) as engine:
            return [] if engine is None else engine.search(scope, vector, limit)

    def delete(self, scope: Scope, ids: Sequence[UUID], *, dimension: int) -> None:
        with self._use_if_there(scope.user_id) as engine:
            if engine is not None:
                engine.delete(scope, ids, dimension=dimension)

    def erase(self, scope: Scope) -> None:
        with self._use(scope.user_id) as place:
            place.close()
            local_folders.remove_user(self._root, scope.user_id)

    def largest_dimension(self) -> int:
        return MAX_DIMENSION

    def check(self) -> None:
        with translate_errors():
            self._root.stat()

    def warm(self) -> None:
        """Opens the engines that were written to last, the latest of them last."""
        for user_id in reversed(local_folders.list_users(self._root)[:MOST_OPEN]):
            if self._is_closed:
                return
            with self._use_if_there(user_id):
                pass

    def close(self) -> None:
        atexit.unregister(self.close)
        with self._guard:
            self._is_closed = True
            places = list(self._places.values())
        for place in places:
            with place.lock:
                place.close()
        self._held.close()

    @contextmanager
    def _use_if_there(self, user_id: UUID) -> Iterator[UserEngine | None]:
        """None where the user has no vectors: nothing is made for a look."""
        folder = folder_of(self._root, user_id)
        with self._use(user_id) as place:
            if not is_in_use(folder):
                place.close()
            elif place.engine is None:
                place.engine = UserEngine(folder)
            yield place.engine

    @contextmanager
    def _use(self, user_id: UUID) -> Iterator[_Place]:
        with self._guard:
            self._require_open()
            place = self._places.setdefault(user_id, _Place())
            self._places.move_to_end(user_id)
            place.users += 1
        try:
            with translate_errors(), place.lock:
                self._require_open()
                yield place
        finally:
            self._leave(user_id, place)
            self._close_cold()

    def _require_open(self) -> None:
        if self._is_closed:
            raise UpstreamUnavailable("The vector store is closed.")

    def _leave(self, user_id: UUID, place: _Place) -> None:
        with self._guard:
            place.users -= 1
            if not place.users and place.engine is None:
                del self._places[user_id]

    def _close_cold(self) -> None:
        while (cold := self._reserve_cold()) is not None:
            user_id, place = cold
            try:
                with translate_errors(), place.lock:
                    place.close()
            finally:
                self._leave(user_id, place)

    def _reserve_cold(self) -> tuple[UUID, _Place] | None:
        with self._guard:
            if len(self._places) <= MOST_OPEN:
                return None
            for user_id, place in self._places.items():
                if not place.users:
                    place.users = 1  # whoever comes now waits for the end of it, and opens it anew
                    return user_id, place
        return None


def _hold(root: Path) -> IO[str]:
    """The folder's lock, until it is closed."""
    file = (root / ".lock").open("a")
    try:
        portalocker.lock(file, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.LockException as refusal:
        file.close()
        raise UpstreamUnavailable(
            "Another process holds the local vector store; set QDRANT_URL to share one.", retry_after=5
        ) from refusal
    return file
