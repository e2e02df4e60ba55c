"""The same rule where it is shared: on a real Redis, whose entries are aged instead of its clock being moved."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.rate_limit.limiter import Limiter, decision
from billing.rate_limit.memory import MemoryWindows
from billing.rate_limit.port import SPAN
from billing.rate_limit.redis import RedisWindows
from tests.support.redis_server import RedisServer

SECOND = 1_000_000
ROOT = Path(__file__).resolve().parents[3]
CLOCKS_DIFFER = 0.1  # seconds, of a wall clock from a steady one in the time that an example takes

# Multiples of 7 s never add up to 60 s: the microseconds that the test itself takes must not decide.
gaps = st.integers(0, 9).map(lambda n: n * 7 * SECOND)


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


@pytest.mark.thorough
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(gaps, st.integers(1, 6)), max_size=25))
def test_redis_counts_as_a_process_does(redis_server: RedisServer, steps: list[tuple[int, int]]) -> None:
    clock = Clock()
    ours, theirs, key = MemoryWindows(clock), RedisWindows(redis_server.url), str(uuid4())
    began = time.monotonic()
    for gap, limit in steps:
        clock.now += gap
        redis_server.age(gap)
        expected, said = ours.take(key, limit), theirs.take(key, limit)
        assert (said.allowed, said.used) == (expected.allowed, expected.used)
        took = time.monotonic() - began  # Redis's clock went on meanwhile, and ours did not
        assert 0 <= expected.frees_in - said.frees_in <= (took + CLOCKS_DIFFER) * SECOND
        assert theirs.look(key, limit).used == said.used


def test_after_retry_after_one_request_passes_and_a_second_earlier_none(redis_server: RedisServer) -> None:
    windows = RedisWindows(redis_server.url)
    for _ in range(3):
        windows.take("user", 3)
        redis_server.age(7 * SECOND)
    retry_after = decision(windows.take("user", 3), 3).retry_after
    assert retry_after == 39
    redis_server.age((retry_after - 1) * SECOND)
    assert not windows.take("user", 3).allowed
    redis_server.age(SECOND)
    assert windows.take("user", 3).allowed
    assert not windows.take("user", 3).allowed


def test_two_processes_share_one_window(redis_server: RedisServer) -> None:
    one, other = (Limiter(MemoryWindows(), RedisWindows(redis_server.url)) for _ in range(2))
    for _ in range(10):
        assert one.hit("user", 20).allowed
        assert other.hit("user", 20).allowed
    assert one.hit("user", 20).retry_after is not None
    assert other.hit("user", 20).retry_after is not None


def test_a_tier_change_meets_the_window_as_it_is(redis_server: RedisServer) -> None:
    limiter = Limiter(MemoryWindows(), RedisWindows(redis_server.url))
    assert sum(limiter.hit("user", limit).allowed for limit in [20, 60] * 60) == 60
    assert (limiter.hit("user", 20).remaining, limiter.hit("user", 120).remaining) == (0, 59)


def test_a_silent_user_leaves_no_key_behind(redis_server: RedisServer) -> None:
    windows = RedisWindows(redis_server.url)
    windows.take("user", 20)
    assert 0 < windows.storage.pttl("adiuva:rate:user") <= SPAN / 1000 + 1000
    windows.look("nobody", 20)
    assert windows.storage.exists("adiuva:rate:nobody") == 0


PROCESS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from billing.rate_limit.limiter import Limiter
from billing.rate_limit.redis import RedisWindows
from billing.rate_limit.memory import MemoryWindows

limiter = Limiter(MemoryWindows(), RedisWindows(sys.argv[1]))
limiter.hit("warm", 1)
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(lambda _: limiter.hit("user", 120).allowed, range(100))))
"""


@pytest.mark.thorough
def test_four_processes_with_eight_threads_each_pass_exactly_the_limit(redis_server: RedisServer) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, redis_server.url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(4) as pool:  # communicate() says go and waits, so all four at once
        passed = [int(out) for out, _ in pool.map(lambda process: process.communicate("go\n"), processes)]
    assert sum(passed) == 120
