"""WebSocket tickets: a browser cannot set headers on a WebSocket, and a token in a URL ends up in logs.

A ticket is random, lives 30 s in the cache, and works once.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.authentication import Identity, resume
from adiuva.api.errors import InvalidToken
from adiuva.api.single_use import SingleUse

LIFETIME_SECONDS = 30

TICKETS = SingleUse("ws-ticket", LIFETIME_SECONDS, "WebSocket tickets cannot be had right now; use the token.")


@dataclass(frozen=True, slots=True)
class Ticket:
    ticket: str
    expires_in: int


def issue(identity: Identity) -> Ticket:
    """Raises ``UpstreamUnavailable`` when the cache does not take it."""
    ticket = secrets.token_urlsafe(32)
    TICKETS.keep(ticket, f"{identity.user.id} {identity.session_id} {identity.expires_at.isoformat()}")
    return Ticket(ticket=ticket, expires_in=LIFETIME_SECONDS)


def redeem(ticket: str) -> Identity:
    """Who bought the ticket.

    Raises:
        InvalidToken: it is unknown, used or expired, or its session is over.
        UpstreamUnavailable: the cache does not answer.
    """
    claims = TICKETS.use_up(ticket)
    if claims is None:
        raise InvalidToken
    user_id, session_id, expires_at = claims.split(" ")
    return resume(user_id=UUID(user_id), session_id=UUID(session_id), expires_at=datetime.fromisoformat(expires_at))
