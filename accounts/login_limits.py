"""Limits on the public routes of accounts, per address and per account (django-ratelimit, fixed windows).

When the cache is away they let requests through: a login that works without Redis is worth more than a limit, and
bcrypt bounds the rate of guesses by itself. Each such miss is logged.
"""

import hashlib
import ipaddress
import logging
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from accounts.models import User, hash_of
from adiuva.api.errors import RateLimited
from adiuva.api.rate_decision import RateDecision
from adiuva.db.cache import cache_errors
from adiuva.observability.metrics import LOGIN_ATTEMPTS, LOGIN_FAILURES
from adiuva.spelling import address_key, password_forms

logger = logging.getLogger(__name__)

IPV6_PREFIX = 64  # what one customer gets: its addresses are one client's
PER_ADDRESS, PER_ACCOUNT = 120, 20  # attempts a minute
_WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """Of one route, whose ``name`` its counters have. ``per_address``: attempts a minute."""

    name: str
    per_address: int = PER_ADDRESS

    def check(self, request: HttpRequest, *, account: str | None) -> None:
        """Counts an attempt; ``account`` is what tells one from another, None where the body names none. Raises
        ``RateLimited``.

        Its ``retry_after`` is when the last of the limits that are reached now will let one attempt through.
        """
        address = count_request(
            request, group=f"{self.name}.address", value=_network_of(request), limit=self.per_address
        )
        if address is None:
            LOGIN_ATTEMPTS.labels(self.name, "unguarded").inc()
            return
        # A caller who is known has a window of their own: the headers tell which one ends first.
        own: RateDecision | None = getattr(request, "rate_decision", None)
        if own is None or address.remaining < own.remaining:
            request.rate_decision = address  # type: ignore[attr-defined]
        decisions = [address]
        if account is not None:
            # Accounts do not become cache keys: those show up in a cache server's monitoring. A refused address only
            # looks: what it sends must not use up the account's attempts.
            key = hashlib.sha256(account.encode()).hexdigest()
            looked_up = count_request(
                request, group=f"{self.name}.account", value=key, limit=PER_ACCOUNT, increment=address.allowed
            )
            decisions += [looked_up] if looked_up is not None else []
        is_allowed = all(decision.allowed for decision in decisions)
        LOGIN_ATTEMPTS.labels(self.name, "allowed" if is_allowed else "limited").inc()
        if is_allowed:
            return
        slowest = max((one for one in decisions if one.remaining == 0), key=lambda one: one.reset_after)
        request.rate_decision = replace(slowest, retry_after=slowest.reset_after)  # type: ignore[attr-defined]
        raise RateLimited(retry_after=slowest.reset_after)


def count_request(
    request: HttpRequest, *, group: str, value: str, limit: int, increment: bool = True
) -> RateDecision | None:
    """One of ``limit`` a minute that ``value`` has in ``group``. None when there is no cache to count in. Without
    ``increment`` a full window refuses.
    """
    try:
        usage = get_usage(
            request, group=group, key=lambda _group, _request: value, rate=f"{limit}/m", increment=increment
        )
    except cache_errors():
        logger.warning("the login guard has no cache: letting the request through", extra={"guard": group})
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


def is_first_use(refresh_token: str) -> bool:
    """Within a window. A client that lost the answer sends its token again, and twelve tabs send it at once: together
    they are one attempt of the account's. True where there is no cache to ask.
    """
    try:
        return bool(cache.add(f"refresh-seen:{hash_of(refresh_token)}", 1, timeout=_WINDOW_SECONDS))
    except cache_errors():
        return True


REGISTER = AttemptLimits(name="register")
LOGIN = AttemptLimits(name="login")
REFRESH = AttemptLimits(name="refresh")
SECOND_FACTOR = AttemptLimits(name="second_factor")
REAUTHENTICATE = AttemptLimits(
    name="reauthenticate"
)  # whoever knows a session may guess no faster than whoever does not


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
            LOGIN.check(request, account=address_key(username))
        except RateLimited as refusal:
            raise PermissionDenied from refusal
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None:
            if User.objects.find(username) is None:
                # Django has hashed one form of the password; of an account's, each form was tried.
                for form in password_forms(password or "")[1:]:
                    make_password(form)
            LOGIN_FAILURES.inc()
        return user
