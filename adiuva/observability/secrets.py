"""Secrets that somebody entrusts to one request: no log line shows them, and nothing writes them down."""

import threading
import weakref
from typing import NoReturn
from urllib.parse import quote, quote_plus

_LEAST_CHARACTERS = 8  # what is shorter would be found in ordinary words
_living: "dict[int, weakref.ref[Secret]]" = {}
_lock = threading.Lock()


class Secret:
    """A text that only ``reveal`` tells. ``adiuva.observability.logging`` blanks it as long as anything holds it."""

    __slots__ = ("__weakref__", "_text", "forms")

    def __init__(self, text: str) -> None:
        self._text = text
        self.forms = forms_of(text)
        mark = id(self)

        def forget(_: object) -> None:
            # No lock: the collector may call this in the middle of whatever holds it.
            _living.pop(mark, None)

        reference = weakref.ref(self, forget)
        with _lock:
            _living[mark] = reference

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret([REDACTED])"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


def forms_of(secret: str) -> tuple[str, ...]:
    """How ``secret`` may be written in a log, the longest first; empty for a short one, which may be a word."""
    written = {secret, quote(secret, safe=""), quote_plus(secret)}
    return tuple(sorted((form for form in written if len(form) >= _LEAST_CHARACTERS), key=len, reverse=True))


def list_living_forms() -> list[str]:
    """Of all secrets that some request still holds."""
    held = (reference() for reference in list(_living.values()))
    return [form for secret in held if secret is not None for form in secret.forms]
