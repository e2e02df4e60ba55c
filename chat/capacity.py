"""How many turns run at once in this process: one bound for REST, WebSocket and template runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from adiuva.api.errors import UpstreamUnavailable
from adiuva.observability.metrics import TURNS_RUNNING

RETRY_AFTER_SECONDS = 2


class Capacity:
    """A turn over the bound is refused at once: one that waited would only spend its client's patience."""

    def __init__(self) -> None:
        self._running = 0
        self._lock = threading.Lock()  # under WSGI (the test client) each request has an event loop of its own

    @property
    def running(self) -> int:
        return self._running

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises ``UpstreamUnavailable`` when ``LLM_MAX_RUNNING_TURNS`` run already."""
        with self._lock:
            if self._running >= settings.LLM_MAX_RUNNING_TURNS:
                raise UpstreamUnavailable(
                    "Too many conversations are being answered right now.", retry_after=RETRY_AFTER_SECONDS
                )
            self._running += 1
        TURNS_RUNNING.inc()
        try:
            yield
        finally:
            TURNS_RUNNING.dec()
            with self._lock:
                self._running -= 1


capacity = Capacity()
