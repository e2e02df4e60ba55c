"""The rate limit of docs/api.md § 4: a sliding 60-second window per user, shared by all routes and sockets.

Windows are kept by user, not by tier, so that a new tier's limit meets what the last minute already holds. Redis holds
them for all processes; a circuit breaker says when to stop asking one that does not answer, and when to ask again.
"""

from functools import cache
from uuid import UUID

from django.conf import settings
from prometheus_client import Counter

from adiuva.api.rate_decision import RateDecision
from adiuva.db.circuit_breaker import CircuitBreaker
from adiuva.observability.metrics import RATE_LIMIT, RATE_LIMIT_ALONE
from billing.rate_limit.memory import MemoryWindows
from billing.rate_limit.port import Window, Windows, WindowsUnavailableError
from billing.tiers import TIERS, Tier

SECOND = 1_000_000  # µs
WITHOUT_REDIS = "rate limits count per process"


def hit(user_id: UUID, tier: Tier) -> RateDecision:
    """Counts one request of ``user_id`` if the limit of ``tier`` has room for it; a denied one costs nothing.

    Blocks on Redis for at most about a second, and for that long only when Redis stops answering. Thread-safe.
    Raises nothing: without Redis the process counts alone.
    """
    decided = _limiter(settings.REDIS_URL).hit(str(user_id), TIERS[tier].requests_per_minute)
    _decisions(tier, decided.allowed).inc()
    return decided


@cache
def _decisions(tier: Tier, is_allowed: bool) -> Counter:  # noqa: FBT001 - a label, not a switch
    """Looked up once: every request counts here."""
    return RATE_LIMIT.labels(tier.value, "allowed" if is_allowed else "limited")


@cache
def _limiter(redis_url: str | None) -> "Limiter":
    if not redis_url:
        return Limiter(MemoryWindows())
    from billing.rate_limit.redis import RedisWindows  # noqa: PLC0415 - embedded servers do without

    return Limiter(MemoryWindows(), RedisWindows(redis_url))


class Limiter:
    """Redis knows what all processes let through; ``own`` is what this one did.

    A request has to fit both. While Redis lives, ``own`` is part of what it knows and changes nothing. When Redis
    goes, comes back empty or loses a minute, the process still remembers its own share.
    """

    def __init__(
        self, own: MemoryWindows, shared: Windows | None = None, breaker: CircuitBreaker | None = None
    ) -> None:
        self._own = own
        self._shared = shared
        self._breaker = breaker or CircuitBreaker(without=WITHOUT_REDIS)

    def hit(self, key: str, limit: int) -> RateDecision:
        window = self._shared_window(key, limit) or self._own.take(key, limit)
        return decision(window, limit)

    def _shared_window(self, key: str, limit: int) -> Window | None:
        """None when Redis did not answer."""
        if self._shared is None or (ticket := self._breaker.acquire()) is None:
            return None
        own = self._own.look(key, limit)
        try:
            shared = self._shared.take(key, limit) if own.allowed else self._shared.look(key, limit)
        except WindowsUnavailableError as error:
            self._breaker.record_failure(ticket, error)
            RATE_LIMIT_ALONE.inc()
            return None
        self._breaker.record_answer(ticket)
        if own.allowed and shared.allowed:
            self._own.add(key)
            return Window(allowed=True, used=max(own.used + 1, shared.used), frees_in=shared.frees_in)
        return Window(
            allowed=False,
            used=max(own.used, shared.used),
            frees_in=max(window.frees_in for window in (own, shared) if not window.allowed),
        )


def decision(window: Window, limit: int) -> RateDecision:
    """In whole seconds. After exactly ``frees_in`` the window is still full (§ 4: no 60-second span holds more), so a
    refusal names the next whole second *after* that moment.
    """
    remaining = max(0, limit - window.used)
    if window.allowed:
        return RateDecision(limit=limit, remaining=remaining, reset_after=-(-window.frees_in // SECOND))
    retry_after = window.frees_in // SECOND + 1
    return RateDecision(limit=limit, remaining=remaining, reset_after=retry_after, retry_after=retry_after)
