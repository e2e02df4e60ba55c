"""Stores of encrypted plans: in this process, or in Django's cache where several processes share them."""

import threading
from collections import OrderedDict, deque
from typing import Protocol
from uuid import UUID

from django.core.cache import cache

from adiuva.api.errors import UpstreamUnavailable
from adiuva.db.cache import cache_errors

_Entry = tuple[UUID, str]


class PlanStore(Protocol):
    """Encrypted plans by user and plan id, a bounded number for each user. Thread-safe."""

    def put(self, user_id: UUID, plan_id: str, encrypted: bytes) -> None: ...

    def get(self, user_id: UUID, plan_id: str) -> bytes | None: ...

    def newest_first(self, user_id: UUID) -> list[bytes]: ...

    def forget(self, user_id: UUID) -> None: ...


class LocalStore:
    """At most ``size`` plans and ``max_bytes`` of all users; the least recently used make room for a new one."""

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

    def put(self, user_id: UUID, plan_id: str, encrypted: bytes) -> None:
        with self._lock:
            self._drop(user_id, plan_id)
            own = self._by_user.setdefault(user_id, deque())
            own.append(plan_id)
            self._entries[user_id, plan_id] = encrypted
            self._bytes += len(encrypted)
            if len(own) > self._per_user:
                self._drop(user_id, own[0])
            while len(self._entries) > self._size or self._bytes > self._max_bytes:
                self._drop(*next(iter(self._entries)))

    def get(self, user_id: UUID, plan_id: str) -> bytes | None:
        with self._lock:
            encrypted = self._entries.get((user_id, plan_id))
            if encrypted is not None:
                self._entries.move_to_end((user_id, plan_id))
            return encrypted

    def newest_first(self, user_id: UUID) -> list[bytes]:
        with self._lock:
            return [self._entries[user_id, plan_id] for plan_id in reversed(self._by_user.get(user_id, ()))]

    def forget(self, user_id: UUID) -> None:
        with self._lock:
            for plan_id in tuple(self._by_user.get(user_id, ())):
                self._drop(user_id, plan_id)

    def _drop(self, user_id: UUID, plan_id: str) -> None:
        encrypted = self._entries.pop((user_id, plan_id), None)
        if encrypted is None:
            return
        self._bytes -= len(encrypted)
        own = self._by_user[user_id]
        own.remove(plan_id)
        if not own:
            del self._by_user[user_id]


class SharedStore:
    """A ring of ``per_user`` slots for each user in Django's cache.

    An atomic counter picks the slot, so that plans which two processes keep at once do not overwrite each other. The
    ring, the ``lifetime`` (seconds) and the server's own memory policy bound the whole.
    Raises ``UpstreamUnavailable`` when the cache does not answer.
    """

    def __init__(self, *, per_user: int, lifetime: int) -> None:
        self._per_user = per_user
        self._lifetime = lifetime

    def put(self, user_id: UUID, plan_id: str, encrypted: bytes) -> None:
        counter = f"plans:{user_id}:next"
        try:
            # The counter outlives the plans: if it were gone first, new plans would sort before old ones.
            cache.add(counter, 0, timeout=2 * self._lifetime)
            number = cache.incr(counter)
            cache.touch(counter, 2 * self._lifetime)
            slot = self._slots(user_id)[number % self._per_user]
            cache.set(slot, (number, plan_id, encrypted), timeout=self._lifetime)
        except cache_errors() as error:
            raise UpstreamUnavailable("Plans cannot be stored right now.", retry_after=5) from error

    def get(self, user_id: UUID, plan_id: str) -> bytes | None:
        return next((encrypted for _, own_id, encrypted in self._read_slots(user_id) if own_id == plan_id), None)

    def newest_first(self, user_id: UUID) -> list[bytes]:
        return [encrypted for _, _, encrypted in self._read_slots(user_id)]

    def forget(self, user_id: UUID) -> None:
        """Raises what the cache raises: the erasure of an account retries it."""
        cache.delete_many([*self._slots(user_id), f"plans:{user_id}:next"])

    def _read_slots(self, user_id: UUID) -> list[tuple[int, str, bytes]]:
        try:
            slots = cache.get_many(self._slots(user_id))
        except cache_errors() as error:
            raise UpstreamUnavailable("Your recent plans cannot be read right now.", retry_after=5) from error
        return sorted(slots.values(), reverse=True)

    def _slots(self, user_id: UUID) -> list[str]:
        return [f"plans:{user_id}:{slot}" for slot in range(self._per_user)]
