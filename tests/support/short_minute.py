"""The server with a rate limiter whose minute is a second: what takes a client minutes takes it seconds.

As `python -m tests.support.short_minute`, without Redis.
"""

from adiuva.server import serve
from billing.rate_limit import memory

if __name__ == "__main__":
    memory.SPAN = 1_000_000  # type: ignore[attr-defined]  # the name that it imported
    serve.main()
