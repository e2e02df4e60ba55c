"""What Django's cache raises when its server is away; the backends do not translate it."""

from redis.exceptions import RedisError

CACHE_ERRORS: tuple[type[Exception], ...] = (RedisError, OSError)
