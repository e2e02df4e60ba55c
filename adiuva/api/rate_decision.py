"""What a rate limit says of one request, and the headers that tell it (docs/api.md § 1)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Times are whole seconds from now, rounded up. ``retry_after`` is None when the request may pass."""

    limit: int
    remaining: int
    reset_after: int
    retry_after: int | None = None

    @property
    def allowed(self) -> bool:
        return self.retry_after is None

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_after),
        }
