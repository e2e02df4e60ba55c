"""The window as a rule: any requests at any times, a clock that the test moves, and a model that is plain counting."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from billing.rate_limit.limiter import Limiter, decision
from billing.rate_limit.memory import MemoryWindows
from billing.rate_limit.port import SPAN, Window

SECOND = 1_000_000


class Clock:
    """µs, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now


# Around the edges of the window as well as anywhere: an off-by-one lives at SPAN.
gaps = st.one_of(
    st.integers(0, 3),
    st.integers(0, 20 * SECOND),
    st.sampled_from([SECOND, SPAN // 5, SPAN - 1, SPAN, SPAN + 1, 2 * SPAN]),
)
limits = st.integers(1, 7)


@given(limit=limits, waits=st.lists(gaps, max_size=60))
def test_no_sixty_second_span_holds_more_than_the_limit(limit: int, waits: list[int]) -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    allowed: list[int] = []
    for wait in waits:
        clock.now += wait
        if windows.take("user", limit).allowed:
            allowed.append(clock.now)
    for first, one_too_many in zip(allowed, allowed[limit:], strict=False):
        assert one_too_many - first > SPAN


@given(steps=st.lists(st.tuples(gaps, limits), max_size=60))
def test_a_request_passes_exactly_when_the_last_minute_has_room_under_the_limit_of_the_moment(
    steps: list[tuple[int, int]],
) -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    allowed: list[int] = []
    for wait, limit in steps:
        clock.now += wait
        in_window = [at for at in allowed if clock.now - at <= SPAN]
        window = windows.take("user", limit)
        assert window.allowed == (len(in_window) < limit)
        if window.allowed:
            allowed.append(clock.now)
        assert window.used == len(in_window) + window.allowed


@given(steps=st.lists(st.tuples(gaps, limits), min_size=1, max_size=60), last=limits)
def test_retry_after_is_the_first_whole_second_at_which_a_request_passes(
    steps: list[tuple[int, int]], last: int
) -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    for wait, limit in steps:
        clock.now += wait
        windows.take("user", limit)
    verdict = decision(windows.take("user", last), last)
    if verdict.retry_after is None:
        return
    refused_at = clock.now
    assert 1 <= verdict.retry_after <= 61
    assert verdict.reset_after == verdict.retry_after
    assert verdict.remaining == 0
    clock.now = refused_at + (verdict.retry_after - 1) * SECOND
    assert not windows.look("user", last).allowed
    clock.now = refused_at + verdict.retry_after * SECOND
    assert windows.take("user", last).allowed


@given(limit=limits, waits=st.lists(gaps, min_size=1, max_size=40))
def test_reset_is_when_more_room_appears(limit: int, waits: list[int]) -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    for wait in waits:
        clock.now += wait
        windows.take("user", limit)
    before = windows.look("user", limit)
    clock.now += before.frees_in
    assert windows.look("user", limit).used == before.used
    clock.now += 1
    assert windows.look("user", limit).used < before.used


def test_the_numbers_of_a_first_request() -> None:
    verdict = Limiter(MemoryWindows(Clock())).hit("user", 20)
    assert (verdict.limit, verdict.remaining, verdict.reset_after, verdict.retry_after) == (20, 19, 60, None)


def test_refused_requests_cost_nothing() -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    windows.take("user", 1)
    for _ in range(59):
        clock.now += SECOND
        assert not windows.take("user", 1).allowed
    clock.now += SECOND + 1
    assert windows.take("user", 1).allowed


def test_users_do_not_share_a_window() -> None:
    windows = MemoryWindows(Clock())
    windows.take("one", 1)
    assert windows.take("other", 1).allowed


def test_changing_tiers_back_and_forth_gains_nothing() -> None:
    limiter = Limiter(MemoryWindows(Clock()))
    passed = sum(limiter.hit("user", limit).allowed for limit in [20, 60] * 100)
    assert passed == 60


def test_a_downgrade_counts_what_the_window_already_holds() -> None:
    clock = Clock()
    limiter = Limiter(MemoryWindows(clock))
    for _ in range(60):
        clock.now += SECOND // 2
        limiter.hit("user", 60)
    verdict = limiter.hit("user", 20)
    # Room under 20 appears when the 20th newest of the 60 leaves, 9.5 s old by now.
    assert (verdict.limit, verdict.remaining, verdict.retry_after) == (20, 0, 51)


def test_silent_users_are_forgotten() -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    for number in range(1000):
        windows.take(str(number), 5)
    clock.now += SPAN // 2
    windows.take("7", 5)
    clock.now += SPAN // 2 + 1
    windows.take("new", 5)
    assert len(windows) == 2


def test_a_hundred_threads_at_once_pass_exactly_the_limit() -> None:
    limiter = Limiter(MemoryWindows())
    start = threading.Barrier(100)

    def one(_: int) -> bool:
        start.wait()
        return limiter.hit("user", 20).allowed

    with ThreadPoolExecutor(100) as pool:
        assert sum(pool.map(one, range(100))) == 20


def test_remaining_counts_down_by_one() -> None:
    limiter = Limiter(MemoryWindows(Clock()))
    left = [limiter.hit("user", 20).remaining for _ in range(21)]
    assert all(before - after == 1 for before, after in pairwise(left[:20]))
    assert left[19:] == [0, 0]


def test_an_empty_window_has_nothing_to_wait_for() -> None:
    assert MemoryWindows().look("user", 20) == Window(allowed=True, used=0, frees_in=0)
