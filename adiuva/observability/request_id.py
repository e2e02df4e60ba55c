"""The id that ties a request, its log lines and its answer together (``X-Request-ID``)."""

import re
import uuid
from contextvars import ContextVar

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_current: ContextVar[str] = ContextVar("request_id", default="-")


def is_sane(candidate: object) -> bool:
    """Whether a client's own id may go into our headers and log lines."""
    return isinstance(candidate, str) and _SANE.fullmatch(candidate) is not None


def bind(candidate: str | None = None) -> str:
    """Makes ``candidate`` (or a fresh id where it is not sane) the id of this context, and returns it."""
    request_id = candidate if candidate is not None and is_sane(candidate) else uuid.uuid4().hex
    _current.set(request_id)
    return request_id


def current_request_id() -> str:
    """The id bound last in this context; ``"-"`` outside any request."""
    return _current.get()
