from collections.abc import Iterator

import pytest
from django.core.cache import caches

from chat.plans import stores
from tests.support.redis_server import RedisServer


@pytest.fixture
def plans_in_redis(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """Django's cache, as the stores of plans see it, is that server."""
    backend = "django.core.cache.backends.redis.RedisCache"
    monkeypatch.setitem(caches.settings, "plans", {"BACKEND": backend, "LOCATION": redis_server.url})
    monkeypatch.setattr(stores, "cache", caches["plans"])
    yield redis_server
    caches["plans"].close()
    del caches["plans"]
