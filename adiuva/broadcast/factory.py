"""Which broadcast the settings choose: Redis where there is one, else this process's memory."""

from functools import cache

from django.conf import settings

from adiuva.broadcast.port import Broadcast


def get_broadcast() -> Broadcast:
    """One a process."""
    return _broadcast(settings.REDIS_URL)


@cache
def _broadcast(redis_url: str | None) -> Broadcast:
    if not redis_url:
        from adiuva.broadcast.memory import MemoryBroadcast

        return MemoryBroadcast()
    from adiuva.broadcast.redis import RedisBroadcast

    return RedisBroadcast(redis_url)
