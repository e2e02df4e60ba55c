"""What the rows of `make bench` are measured with.

CPU time of a server process, so that a busy machine disturbs a figure little. It still does: a core that two
processes share is slower for both. Ours and the baseline therefore take turns, and the best round of each counts.
"""

import http.client
import statistics
import time
from collections.abc import Callable, Sequence

from tests.support.server import RunningServer
from tests.support.transfer import cpu_seconds

PER_ACCOUNT = 180  # below the team tier's 200 a minute
WARM_UP = 100
ROUNDS = 4


class Client:
    """One connection, and one account after another: each has its rate limit."""

    def __init__(self, server: RunningServer, tokens: Sequence[str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)
        self._tokens = tokens
        self._asked = 0
        self.pid = server.pid

    @property
    def token(self) -> str:
        """Whose turn it is."""
        return self._tokens[self._asked // PER_ACCOUNT % len(self._tokens)]

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        own = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        self._asked += 1
        self._connection.request(method, path, body=body or None, headers=own)
        response = self._connection.getresponse()
        answer = response.read()
        assert response.status in {200, 201}, (response.status, answer)
        return answer


def accounts_for(requests: int) -> int:
    """How many a ``Client`` needs for so many requests."""
    return requests // PER_ACCOUNT + 1


Ask = Callable[[], object]


def cpu_ms(pid: int, ask: Ask, *, requests: int) -> float:
    """CPU milliseconds of the process for one of ``requests``."""
    started = cpu_seconds(pid)
    for _ in range(requests):
        ask()
    return (cpu_seconds(pid) - started) / requests * 1000


def in_turns(*sides: tuple[int, Ask], requests: int) -> list[float]:
    """For each (pid, ask): the CPU ms of one request, in the best of ``ROUNDS`` rounds, taken in turn."""
    for _, ask in sides:
        for _ in range(WARM_UP):
            ask()
    rounds = [[cpu_ms(pid, ask, requests=requests) for pid, ask in sides] for _ in range(ROUNDS)]
    return [min(figures) for figures in zip(*rounds, strict=True)]


def rate(work: Callable[[], object], *, size: int, rounds: int = 3) -> float:
    """MB/s of the median: whatever else the machine does makes single rounds slow."""
    return size / statistics.median(_seconds(work) for _ in range(rounds)) / 1e6


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
