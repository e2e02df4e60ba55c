"""What Django's cache raises when its server is away; the backends do not translate it."""

import sys


def cache_errors() -> tuple[type[Exception], ...]:
    """For an ``except``, which asks only once something was raised: where nobody has loaded Redis's client (6 MB),
    nothing of its can have been.
    """
    redis = sys.modules.get("redis.exceptions")
    return (OSError,) if redis is None else (redis.RedisError, OSError)
