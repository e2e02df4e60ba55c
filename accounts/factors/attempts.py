"""How often an account may be wrong about a code of six digits.

Whoever has the password can open one challenge after another, so five failures a challenge bound nothing. What bounds
guessing is this: ``AN_HOUR`` and ``A_DAY`` failures an account, counted in the security events, hence exact (the
account's row is locked meanwhile), shared by all processes and there without a cache. Three codes of 10⁶ are right at a
time (this step's and its neighbours'), so a guess hits with 3 · 10⁻⁶, a day's 40 with 1.2 · 10⁻⁴, a year's with 4.3 %:
23 years on average, with 40 events a day for the owner to see. Each further authenticator app of the account's divides
that.

Recovery codes and passkeys cannot be guessed and are not refused, so a stranger who has the password and uses the
failures up does not keep the owner out.
"""

from datetime import UTC, datetime, timedelta
from math import ceil
from uuid import UUID

from accounts.models import SecurityEvent, SecurityEventType
from adiuva.api.errors import RateLimited

AN_HOUR, A_DAY = 10, 40  # failures
_LIMITS = ((AN_HOUR, timedelta(hours=1)), (A_DAY, timedelta(days=1)))


def require_chance(*, user_id: UUID) -> None:
    """In a transaction that has locked the user's row. Raises ``RateLimited``."""
    now = datetime.now(UTC)
    failures = (
        SecurityEvent.objects.for_user(user_id)
        .filter(type=SecurityEventType.SECOND_FACTOR_FAILED, at__gt=now - _LIMITS[-1][1])
        .order_by("-at")
    )
    moments = list(failures.values_list("at", flat=True)[:A_DAY])
    # With the oldest of ``limit`` failures out of the span one more is allowed.
    waits = [moments[limit - 1] + span - now for limit, span in _LIMITS if len(moments) >= limit]
    longest = max((wait.total_seconds() for wait in waits), default=0)
    if longest > 0:
        raise RateLimited(
            retry_after=ceil(longest),
            detail="Too many wrong codes for this account; use a recovery code or a passkey, or see Retry-After.",
        )
