"""What goes wrong, and when."""

import re
from dataclasses import dataclass
from threading import Lock
from typing import Literal

Kind = Literal[
    "status", "stored_status", "reset", "reset_after_commit", "timeout_after_commit", "stall", "garbage", "slow"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Befalls the next ``times`` requests that match ``method`` and ``path`` (a pattern for the whole path).

    ``status`` answers that error without doing anything, as a proxy would; ``stored_status`` does so as the API: under
    the same idempotency key it is the answer for a day. ``reset`` resets the connection, ``stall`` never answers,
    and both do nothing either; the kinds with ``after_commit`` do what was asked and lose the answer. ``garbage``
    answers 200 with a web page. ``slow`` waits ``seconds`` and then goes on as usual.
    """

    kind: Kind
    method: str = "[A-Z]+"
    path: str = ".*"
    times: int = 1
    status: int = 500
    seconds: float = 0.0


class Faults:
    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def next_for(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for index, (fault, left) in enumerate(self._waiting):
                if re.fullmatch(fault.method, method) and re.fullmatch(fault.path, path):
                    self._waiting[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return None
