"""How a wait is told (RFC 9110 § 10.2.3)."""

import math


def whole_seconds(seconds: float) -> int:
    """One at least, so that nobody asks again at once."""
    return max(1, math.ceil(seconds))


def retry_after_header(seconds: float | None) -> dict[str, str]:
    """None where nobody knows how long."""
    return {} if seconds is None else {"Retry-After": str(whole_seconds(seconds))}
