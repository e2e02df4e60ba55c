"""What the limiter asks of a store of windows: who sent what in the last sixty seconds."""

from dataclasses import dataclass
from typing import Protocol

SPAN = 60_000_000  # µs: docs/api.md § 4


@dataclass(frozen=True, slots=True)
class Window:
    """One look at a user's window.

    ``allowed``: there was room (and, by ``take``, it was used). ``used``: entries in the window now, which exceeds the
    limit for a while after a downgrade. ``frees_in``: µs until more room appears than there is now, i.e. until the
    oldest of the newest ``limit`` entries has aged by exactly ``SPAN``; room is there any time *after* that.
    """

    allowed: bool
    used: int
    frees_in: int


class WindowsUnavailableError(Exception):
    """The store of the windows does not answer. The message is fit for a log: no address, no password."""


class Windows(Protocol):
    """Entries are kept by key alone, never by limit: a tier change meets the entries that are already there.

    Raises WindowsUnavailableError.
    """

    def take(self, key: str, limit: int) -> Window:
        """Enter now if there is room; a refusal leaves no trace."""
        ...

    def look(self, key: str, limit: int) -> Window:
        """What ``take`` would say, without entering."""
        ...
