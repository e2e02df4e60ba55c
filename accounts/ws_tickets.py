"""WebSocket tickets: a browser cannot set headers on a WebSocket, and a token in a URL ends up in logs.

A ticket is random, lives 30 s in the cache, and works once.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.cache import cache

from accounts.authentication import Identity, resume
from accounts.models import hash_of
from adiuva.api.errors import InvalidToken, UpstreamUnavailable
from adiuva.db.cache import cache_errors

LIFETIME_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Ticket:
    ticket: str
    expires_in: int


def issue(identity: Identity) -> Ticket:
    """Raises ``UpstreamUnavailable`` when the cache does not take it."""
    ticket = secrets.token_urlsafe(32)
    claims = f"{identity.user.id} {identity.session_id} {identity.expires_at.isoformat()}"
    try:
        cache.set(_key(ticket), claims, timeout=LIFETIME_SECONDS)
    except cache_errors() as error:
        raise UpstreamUnavailable("Tickets cannot be issued right now; use the token.", retry_after=5) from error
    return Ticket(ticket=ticket, expires_in=LIFETIME_SECONDS)


def redeem(ticket: str) -> Identity:
    """Who bought the ticket. Raises ``InvalidToken``: unknown, used, expired, or its session is over."""
    try:
        claims = cache.get(_key(ticket))
        # Deleting tells whether the key was still there, atomically: of two redeemers one goes on.
        if claims is None or not cache.delete(_key(ticket)):
            raise InvalidToken
    except cache_errors() as error:
        raise UpstreamUnavailable("Tickets cannot be redeemed right now; use the token.") from error
    user_id, session_id, expires_at = claims.split(" ")
    return resume(user_id=UUID(user_id), session_id=UUID(session_id), expires_at=datetime.fromisoformat(expires_at))


def _key(ticket: str) -> str:
    return f"ws-ticket:{hash_of(ticket)}"
