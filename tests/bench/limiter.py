"""One decision of the rate limiter, in this process: CPU of ours, and with Redis the round trip as well."""

import os
import time
import uuid
from collections.abc import Callable, Iterator

from billing.rate_limit.memory import MemoryWindows
from tests.bench.environment import Stage
from tests.bench.report import Row

DECISIONS = 20_000
USERS = 20_000
ROUNDS = 5


def rows(stage: Stage) -> Iterator[Row]:
    from limits import RateLimitItemPerMinute
    from limits.storage import MemoryStorage
    from limits.strategies import MovingWindowRateLimiter

    keys = [uuid.uuid4().hex for _ in range(USERS)]
    own = MemoryWindows()
    for key in keys:
        own.take(key, 200)
    library = MovingWindowRateLimiter(MemoryStorage())
    minute = RateLimitItemPerMinute(200)
    ours = _best(lambda number: own.take(keys[number % USERS], 200), DECISIONS)
    theirs = _best(lambda number: library.hit(minute, keys[number % 50]), DECISIONS)
    yield Row("limiter in memory, 20,000 users", "µs", ours, theirs, "the limits package, 50 users")
    if url := os.environ.get("REDIS_URL"):
        from billing.rate_limit.redis import RedisWindows

        windows = RedisWindows(url)
        client = windows.get_connection()
        on_redis = _best(lambda number: windows.take(keys[number % 500], 200), 2000)
        ping = _best(lambda _: client.ping(), 2000)
        yield Row("limiter on Redis", "µs", on_redis, ping, "PING by the same client")


def _best(decide: Callable[[int], object], count: int) -> float:
    """µs of wall time: over a socket, waiting is the cost."""
    return min(_round(decide, count) for _ in range(ROUNDS))


def _round(decide: Callable[[int], object], count: int) -> float:
    started = time.perf_counter()
    for number in range(count):
        decide(number)
    return (time.perf_counter() - started) / count * 1e6
