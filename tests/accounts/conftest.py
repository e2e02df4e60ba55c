from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from accounts import erasure
from tests.support.hashers import CheapBCrypt


class Clock:
    """Seconds since the epoch, moved by hand; it starts at the first second of a minute."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0


@pytest.fixture
def limits_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that django-ratelimit's windows go by."""
    clock = Clock()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.fixture
def no_cache(settings: Any) -> None:
    """A Redis that refuses connections: nothing listens on port 1."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``erasure.register`` with no other app's hooks, for this test only."""
    monkeypatch.setattr(erasure, "_hooks", {})
    monkeypatch.setattr(erasure, "_sweeps", {})
    return erasure.register


@pytest.fixture
def hash_count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one for each bcrypt that is computed, to make a hash or to check one."""
    computed: list[str] = []
    real = CheapBCrypt.encode

    def counting(self: CheapBCrypt, password: str, salt: Any) -> str:
        computed.append(password)
        return real(self, password, salt)

    monkeypatch.setattr(CheapBCrypt, "encode", counting)
    return computed
