"""Limits on the routes where passwords are guessed, per address and per account (django-ratelimit, fixed windows).

When the cache is away they let requests through: a login that works without Redis is worth more than a limit, and
bcrypt bounds the rate of guesses by itself. Each such miss is logged.
"""

import hashlib
import ipaddress
import logging
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from accounts.models import User, normalize_email
from adiuva.api.errors import RateDecision, RateLimited
from adiuva.db.cache import CACHE_ERRORS
from adiuva.observability.metrics import LOGIN_ATTEMPTS, LOGIN_FAILURES

logger = logging.getLogger(__name__)

IPV6_PREFIX = 64  # what one customer gets: its addresses are one client's


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """``per_address`` and ``per_account`` count attempts, ``failures`` the failed ones of an account; all a minute."""

    name: str
    per_address: int
    per_account: int
    failures: int = 0

    def check(self, request: HttpRequest, *, email: str | None) -> None:
        """Counts an attempt; ``email`` is None where the body names no account. Raises ``RateLimited``.

        Its ``retry_after`` is when the last of the limits that are reached now will let one attempt through.
        """
        address = self._count(request, "address", _network_of(request), self.per_address)
        if address is None:
            LOGIN_ATTEMPTS.labels(self.name, "unguarded").inc()
            return
        request.rate_decision = address  # type: ignore[attr-defined]
        decisions = [address]
        if email is not None:
            account = _account_key(email)
            # A refused address only looks: what it sends must not use up the account's attempts.
            looked_up = [self._count(request, "account", account, self.per_account, increment=address.allowed)]
            if self.failures:
                # Asks for room for one more failure.
                looked_up.append(self._count(request, "failures", account, self.failures, increment=False))
            decisions += [decision for decision in looked_up if decision is not None]
        is_allowed = all(decision.allowed for decision in decisions)
        LOGIN_ATTEMPTS.labels(self.name, "allowed" if is_allowed else "limited").inc()
        if is_allowed:
            return
        slowest = max((one for one in decisions if one.remaining == 0), key=lambda one: one.reset_after)
        request.rate_decision = replace(slowest, retry_after=slowest.reset_after)  # type: ignore[attr-defined]
        raise RateLimited(retry_after=slowest.reset_after)

    def count_failure(self, request: HttpRequest, *, email: str) -> None:
        LOGIN_FAILURES.inc()
        self._count(request, "failures", _account_key(email), self.failures)

    def _count(
        self, request: HttpRequest, kind: str, value: str, limit: int, *, increment: bool = True
    ) -> RateDecision | None:
        """None when there is no cache to count in. Without ``increment`` a full window refuses."""
        try:
            usage = get_usage(
                request,
                group=f"{self.name}.{kind}",
                key=lambda _group, _request: value,
                rate=f"{limit}/m",
                increment=increment,
            )
        except CACHE_ERRORS:
            logger.warning("the login guard has no cache: letting the request through", extra={"guard": self.name})
            return None
        if usage is None:
            return None
        refused = usage["should_limit"] or (not increment and usage["count"] >= limit)
        # A window's last second, which `time_left` counts down to, still belongs to it.
        reset_after = max(0, usage["time_left"]) + 1
        return RateDecision(
            limit=limit,
            remaining=0 if refused else limit - usage["count"],
            reset_after=reset_after,
            retry_after=reset_after if refused else None,
        )


def _network_of(request: HttpRequest) -> str:
    """The client's address, or its /64 of IPv6. One name for all that have none (a Unix socket)."""
    address = request.META.get("REMOTE_ADDR") or "local"
    try:
        return str(ipaddress.IPv6Network((address.partition("%")[0], IPV6_PREFIX), strict=False))
    except ValueError:  # IPv4, or whatever a proxy calls its client
        return address


def _account_key(email: str) -> str:
    """Addresses do not become cache keys: those show up in a cache server's monitoring."""
    return hashlib.sha256(normalize_email(email).encode()).hexdigest()


REGISTER = AttemptLimits(name="register", per_address=60, per_account=20)
LOGIN = AttemptLimits(name="login", per_address=120, per_account=60, failures=10)


class LimitedBackend(ModelBackend):
    """Django's own login by password within ``LOGIN``.

    Over the limit nobody is let in, and the form says what it says of a wrong password.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if request is None or not username:
            return super().authenticate(request, username=username, password=password, **kwargs)
        try:
            LOGIN.check(request, email=username)
        except RateLimited as refusal:
            raise PermissionDenied from refusal
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None:
            LOGIN.count_failure(request, email=username)
        return user
