"""How many wait at once for what others may make slow."""

import threading
from collections import Counter


class Room:
    """Places for ``most`` who wait, ``most_at_one_host`` of them for the same one: who hangs takes no other's place."""

    def __init__(self, *, most: int, most_at_one_host: int) -> None:
        self._most = most
        self._most_at_one_host = most_at_one_host
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()

    def take(self, host: str) -> bool:
        """A place, if there is one, that ``give_back`` frees."""
        with self._lock:
            if self._waiting.total() >= self._most or self._waiting[host] >= self._most_at_one_host:
                return False
            self._waiting[host] += 1
            return True

    def give_back(self, host: str) -> None:
        with self._lock:
            self._waiting[host] -= 1
            if not self._waiting[host]:
                del self._waiting[host]
