"""The server with a rate limiter whose minute is a second: what takes a client minutes takes it seconds.

As `python -m tests.support.short_minute`.
"""

import importlib
from collections.abc import Callable


def main(shorten_more: Callable[[], None] | None = None) -> None:
    """``shorten_more`` is called when models can be imported, and before anything is served."""
    importlib.import_module("adiuva.asgi")  # sets Django up
    from adiuva.server import serve
    from billing.rate_limit import memory, redis

    memory.SPAN = redis.SPAN = 1_000_000  # type: ignore[attr-defined]  # the names that they imported
    if shorten_more is not None:
        shorten_more()
    serve.main()


if __name__ == "__main__":
    main()
