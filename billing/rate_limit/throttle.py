from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import User
from adiuva.api.errors import RateLimited
from billing.entitlements import tier_of
from billing.rate_limit import limiter

if TYPE_CHECKING:  # views import this module, by DEFAULT_THROTTLE_CLASSES
    from rest_framework.views import APIView


class TierThrottle(BaseThrottle):
    """docs/api.md § 4 for REST. Leaves its decision on the request, for the RateLimit headers.

    Passes over views with ``rate_limited = False`` and requests without a user.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Raises RateLimited rather than answer False: DRF would reduce the wait to a ``Throttled`` without a code."""
        user = request.user
        if not isinstance(user, User) or not getattr(view, "rate_limited", True):
            return True
        decision = limiter.hit(user.id, tier_of(user))
        request._request.rate_decision = decision  # type: ignore[attr-defined]
        if decision.retry_after is not None:
            raise RateLimited(retry_after=decision.retry_after)
        return True
