"""Where sealed plans lie: in this process, or in Django's cache where several processes share one."""

import threading
from collections import OrderedDict, deque
from typing import Protocol
from uuid import UUID

from django.core.cache import cache

from adiuva.api.errors import UpstreamUnavailable
from adiuva.db.cache import CACHE_ERRORS

_Entry = tuple[UUID, str]


class PlanStore(Protocol):
    """Sealed plans by user and plan id, at most a number of them for each user. Safe to use from several threads."""

    def put(self, user_id: UUID, plan_id: str, sealed: bytes) -> None: ...

    def get(self, user_id: UUID, plan_id: str) -> bytes | None: ...

    def newest_first(self, user_id: UUID) -> list[bytes]: ...

    def forget(self, user_id: UUID) -> None: ...


class LocalStore:
    """At most ``size`` plans and ``max_bytes`` of all users; those used longest ago make room for a new one."""

    def __init__(self, *, size: int, per_user: int, max_bytes: int) -> None:
        self._size = size
        self._max_bytes = max_bytes
        self._bytes = 0
        self._per_user = per_user
        self._entries: OrderedDict[_Entry, bytes] = OrderedDict()
        self._by_user: dict[UUID, deque[str]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, user_id: UUID, plan_id: str, sealed: bytes) -> None:
        with self._lock:
            self._drop(user_id, plan_id)
            own = self._by_user.setdefault(user_id, deque())
            own.append(plan_id)
            self._entries[user_id, plan_id] = sealed
            self._bytes += len(sealed)
            if len(own) > self._per_user:
                self._drop(user_id, own[0])
            while len(self._entries) > self._size or self._bytes > self._max_bytes:
                self._drop(*next(iter(self._entries)))

    def get(self, user_id: UUID, plan_id: str) -> bytes | None:
        with self._lock:
            sealed = self._entries.get((user_id, plan_id))
            if sealed is not None:
                self._entries.move_to_end((user_id, plan_id))
            return sealed

    def newest_first(self, user_id: UUID) -> list[bytes]:
        with self._lock:
            return [self._entries[user_id, plan_id] for plan_id in reversed(self._by_user.get(user_id, ()))]

    def forget(self, user_id: UUID) -> None:
        with self._lock:
            for plan_id in tuple(self._by_user.get(user_id, ())):
                self._drop(user_id, plan_id)

    def _drop(self, user_id: UUID, plan_id: str) -> None:
        sealed = self._entries.pop((user_id, plan_id), None)
        if sealed is None:
            return
        self._bytes -= len(sealed)
        own = self._by_user[user_id]
        own.remove(plan_id)
        if not own:
            del self._by_user[user_id]


class SharedStore:
    """A ring of ``per_user`` slots for each user in Django's cache.

    The slot is taken by an atomic counter, so plans that two processes keep at once do not push one another out of a
    list. What bounds the whole is the ring, the ``lifetime`` (seconds) and the server's own memory policy.
    Raises ``UpstreamUnavailable`` when the cache does not answer.
    """

    def __init__(self, *, per_user: int, lifetime: int) -> None:
        self._per_user = per_user
        self._lifetime = lifetime

    def put(self, user_id: UUID, plan_id: str, sealed: bytes) -> None:
        counter = f"plans:{user_id}:next"
        try:
            # The counter outlives the plans: were it gone first, new plans would sort before old ones.
            cache.add(counter, 0, timeout=2 * self._lifetime)
            number = cache.incr(counter)
            cache.touch(counter, 2 * self._lifetime)
            slot = self._slots(user_id)[number % self._per_user]
            cache.set(slot, (number, plan_id, sealed), timeout=self._lifetime)
        except CACHE_ERRORS as error:
            raise UpstreamUnavailable("Plans cannot be kept right now.", retry_after=5) from error

    def get(self, user_id: UUID, plan_id: str) -> bytes | None:
        return next((sealed for _, own_id, sealed in self._filled(user_id) if own_id == plan_id), None)

    def newest_first(self, user_id: UUID) -> list[bytes]:
        return [sealed for _, _, sealed in self._filled(user_id)]

    def forget(self, user_id: UUID) -> None:
        """An erasure takes this up again when the cache does not answer."""
        cache.delete_many([*self._slots(user_id), f"plans:{user_id}:next"])

    def _filled(self, user_id: UUID) -> list[tuple[int, str, bytes]]:
        try:
            slots = cache.get_many(self._slots(user_id))
        except CACHE_ERRORS as error:
            raise UpstreamUnavailable("Your own plans cannot be read right now.", retry_after=5) from error
        return sorted(slots.values(), reverse=True)

    def _slots(self, user_id: UUID) -> list[str]:
        return [f"plans:{user_id}:{slot}" for slot in range(self._per_user)]
