"""Random values that work once, for a short time: tickets, codes, challenges. What they stand for is in the cache."""

from dataclasses import dataclass
from hashlib import sha256

from django.core.cache import cache

from adiuva.api.errors import UpstreamUnavailable
from adiuva.db.cache import cache_errors

RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class SingleUse:
    """Of one ``kind``, a prefix of keys; ``trouble`` is what a client is told when the cache does not answer.

    The caller makes the values: 128 random bits at least. Only their SHA-256 is in the cache.

    All methods raise ``UpstreamUnavailable``.
    """

    kind: str
    lifetime_seconds: int
    trouble: str

    def keep(self, value: str, stands_for: str) -> None:
        try:
            cache.set(self.key(value), stands_for, timeout=self.lifetime_seconds)
        except cache_errors() as error:
            raise self._unavailable() from error

    def look_at(self, value: str) -> str | None:
        """What it stands for, and it stays good; None: unknown, used or expired."""
        try:
            stands_for: str | None = cache.get(self.key(value))
        except cache_errors() as error:
            raise self._unavailable() from error
        return stands_for

    def use_up(self, value: str) -> str | None:
        """The same, once."""
        stands_for = self.look_at(value)
        try:
            # Deleting tells whether the key was still there, atomically: of two that use it one goes on.
            return stands_for if stands_for is not None and cache.delete(self.key(value)) else None
        except cache_errors() as error:
            raise self._unavailable() from error

    def key(self, value: str) -> str:
        return f"{self.kind}:{sha256(value.encode(errors='surrogatepass')).hexdigest()}"

    def _unavailable(self) -> UpstreamUnavailable:
        return UpstreamUnavailable(self.trouble, retry_after=RETRY_AFTER_SECONDS)
