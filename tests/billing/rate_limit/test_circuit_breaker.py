"""Redis stops, hangs, comes back: requests go on, one process still holds its limit, and the log says so once."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from adiuva.db.circuit_breaker import PROBE_SECONDS, CircuitBreaker
from billing.rate_limit.limiter import SECOND, WITHOUT_REDIS, Limiter
from billing.rate_limit.memory import MemoryWindows
from billing.rate_limit.port import WindowsUnavailableError
from billing.rate_limit.redis import RedisWindows
from tests.support.redis_server import RedisServer


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "adiuva.db.circuit_breaker")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(redis_server: RedisServer, clock: Clock) -> Limiter:
    return Limiter(
        MemoryWindows(lambda: int(clock.now * SECOND)),
        RedisWindows(redis_server.url),
        CircuitBreaker(without=WITHOUT_REDIS, clock=clock),
    )


def levels(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.levelname for record in caplog.records if record.name == "adiuva.db.circuit_breaker"]


def test_without_redis_the_process_counts_on_with_what_it_let_through(
    limiter: Limiter, redis_server: RedisServer
) -> None:
    assert all(limiter.hit("user", 20).allowed for _ in range(12))
    redis_server.stop()
    assert [limiter.hit("user", 20).allowed for _ in range(9)] == [True] * 8 + [False]


def test_an_outage_is_one_warning_and_its_end_one_line(
    limiter: Limiter, redis_server: RedisServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    limiter.hit("user", 20)
    redis_server.stop()
    for _ in range(5):
        limiter.hit("user", 20)
        clock.now += PROBE_SECONDS
    assert levels(caplog) == ["WARNING"]
    redis_server.start()
    limiter.hit("user", 20)
    limiter.hit("user", 20)
    assert levels(caplog) == ["WARNING", "INFO"]


def test_the_warning_names_the_error_and_neither_address_nor_password(
    limiter: Limiter, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.stop()
    limiter.hit("user", 20)
    warnings = [record.getMessage() for record in caplog.records if record.name == "adiuva.db.circuit_breaker"]
    assert warnings == ["Redis does not answer (ConnectionError): until it does, rate limits count per process"]


def test_when_redis_is_back_processes_share_again(limiter: Limiter, redis_server: RedisServer, clock: Clock) -> None:
    redis_server.stop()
    limiter.hit("user", 20)
    redis_server.start()
    clock.now += PROBE_SECONDS
    assert limiter.hit("user", 20).allowed
    assert RedisWindows(redis_server.url).look("user", 20).used == 1


def test_a_redis_that_forgot_the_last_minute_does_not_give_it_twice(
    limiter: Limiter, redis_server: RedisServer, clock: Clock
) -> None:
    assert all(limiter.hit("user", 20).allowed for _ in range(20))
    redis_server.stop()
    redis_server.start()
    clock.now += 0.5
    verdict = limiter.hit("user", 20)
    assert (verdict.remaining, verdict.retry_after) == (0, 60)
    assert RedisWindows(redis_server.url).look("user", 20).used == 0


def test_connections_that_redis_dropped_are_no_outage(
    limiter: Limiter, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: limiter.hit("user", 200), range(50)))
    redis_server.stop()
    redis_server.start()
    assert all(limiter.hit("user", 200).allowed for _ in range(20))
    assert levels(caplog) == []


def test_a_redis_that_hangs_costs_one_request_a_moment_and_the_others_nothing(
    limiter: Limiter, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    limiter.hit("user", 200)
    redis_server.hang()
    began = time.monotonic()
    limiter.hit("user", 200)
    first = time.monotonic() - began
    began = time.monotonic()
    for _ in range(50):
        limiter.hit("user", 200)
    rest = time.monotonic() - began
    redis_server.wake()
    assert first < 3
    assert rest < 2  # 50 that each waited would take far longer
    assert levels(caplog) == ["WARNING"]


def test_many_requests_that_meet_the_outage_at_once_warn_once(
    limiter: Limiter, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.stop()
    with ThreadPoolExecutor(20) as pool:
        passed = sum(pool.map(lambda _: limiter.hit("user", 20).allowed, range(100)))
    assert passed == 20
    assert levels(caplog) == ["WARNING"]


def test_redis_need_not_be_there_at_start(redis_server: RedisServer) -> None:
    redis_server.stop()
    assert Limiter(MemoryWindows(), RedisWindows(redis_server.url)).hit("user", 20).allowed


def test_a_wrong_password_is_an_outage_too(redis_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    url = redis_server.url.replace("open-sesame", "wrong")
    assert Limiter(MemoryWindows(), RedisWindows(url)).hit("user", 20).allowed
    assert "wrong" not in caplog.text
    assert levels(caplog) == ["WARNING"]


def test_in_an_outage_one_request_a_second_asks(clock: Clock) -> None:
    breaker = CircuitBreaker(without=WITHOUT_REDIS, clock=clock)
    ticket = breaker.acquire()
    assert ticket is not None
    breaker.record_failure(ticket, WindowsUnavailableError("gone"))
    assert breaker.acquire() is None
    clock.now += PROBE_SECONDS
    assert breaker.acquire() is not None
    assert breaker.acquire() is None


def test_a_late_success_from_before_the_outage_does_not_end_it(clock: Clock) -> None:
    breaker = CircuitBreaker(without=WITHOUT_REDIS, clock=clock)
    slow, quick = breaker.acquire(), breaker.acquire()
    assert slow is not None
    assert quick is not None
    breaker.record_failure(quick, WindowsUnavailableError("gone"))
    breaker.record_answer(slow)
    assert breaker.acquire() is None


def test_a_late_failure_from_before_the_recovery_does_not_begin_another(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = CircuitBreaker(without=WITHOUT_REDIS, clock=clock)
    slow, quick = breaker.acquire(), breaker.acquire()
    assert slow is not None
    assert quick is not None
    breaker.record_failure(quick, WindowsUnavailableError("gone"))
    clock.now += PROBE_SECONDS
    probe = breaker.acquire()
    assert probe is not None
    breaker.record_answer(probe)
    breaker.record_failure(slow, WindowsUnavailableError("gone"))
    assert breaker.acquire() is not None
    assert levels(caplog) == ["WARNING", "INFO"]
