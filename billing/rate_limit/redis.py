"""The sliding window shared by all processes, on Redis.

An extension of ``limits.storage.RedisStorage``. Its moving window takes two scripts for what one answers here, names
the limit in the key (a tier change would start an empty window), and stamps entries with the caller's clock, so that
two hosts a second apart would let a 60-second span overflow. Here Redis's own clock is the only one.
"""

from limits.storage import RedisStorage
from redis import BlockingConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from billing.rate_limit.port import SPAN, Window, WindowsUnavailableError

TIMEOUT_SECONDS = 0.25
MAX_CONNECTIONS = 32

# KEYS[1]: list of µs stamps, newest first. ARGV: limit, span in µs, 1 to enter or 0 to look.
# Answers {allowed, used, frees_in}: billing.rate_limit.port.Window. µs since 1970 fit a double's 53 bits until 2255.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, span = tonumber(ARGV[1]), tonumber(ARGV[2])

local oldest = redis.call('LINDEX', KEYS[1], -1)
while oldest and now - oldest > span do
    redis.call('RPOP', KEYS[1])
    oldest = redis.call('LINDEX', KEYS[1], -1)
end

local used = redis.call('LLEN', KEYS[1])
local allowed = used < limit
if allowed and ARGV[3] == '1' then
    redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
    redis.call('PEXPIRE', KEYS[1], span / 1000 + 1000)
    used = used + 1
end

local frees_in = 0
if used > 0 then
    frees_in = redis.call('LINDEX', KEYS[1], math.min(used, limit) - 1) + span - now
end
return {allowed and 1 or 0, used, frees_in}
"""


class RedisWindows(RedisStorage):
    """``billing.rate_limit.port.Windows``; raises WindowsUnavailableError within about a second.

    Args:
        url: a ``redis://``, ``rediss://`` or ``unix://`` URL.
    """

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            # Once, for a connection that Redis dropped while it lay in the pool. The client's default policy sleeps
            # for seconds in all, and repeats timeouts.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )
        super().__init__(url, connection_pool=pool, key_prefix="adiuva:rate")
        self._script = self.get_connection().register_script(SCRIPT.encode())

    def take(self, key: str, limit: int) -> Window:
        return self._run(key, limit, enter=True)

    def look(self, key: str, limit: int) -> Window:
        return self._run(key, limit, enter=False)

    def _run(self, key: str, limit: int, *, enter: bool) -> Window:
        try:
            allowed, used, frees_in = self._script(keys=[self.prefixed_key(key)], args=[limit, SPAN, int(enter)])
        except RedisError as error:
            # Redis's own words may quote its URL, which holds a password.
            raise WindowsUnavailableError(type(error).__name__) from error
        return Window(bool(allowed), used, frees_in)
