"""The end of a call that takes several requests, each of which has a timeout of its own."""

import time

from django.conf import settings

from adiuva.api.errors import UpstreamTimeout


class Deadline:
    """Runs from its making, for four timeouts."""

    def __init__(self) -> None:
        self._end = time.monotonic() + 4 * settings.VECTOR_TIMEOUT_SECONDS

    def check(self) -> None:
        """Before each request. Raises ``UpstreamTimeout``."""
        if time.monotonic() > self._end:
            raise UpstreamTimeout("The vector store took too long.")
