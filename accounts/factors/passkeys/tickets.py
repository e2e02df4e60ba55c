"""How a browser in which nobody is logged in adds a passkey to the account of the app that opened it.

The app, whose session is fresh, asks for a ticket and opens ``/account/passkey#ticket=…``. The part behind ``#`` is
sent to no server and stands in no log. The ticket lives five minutes, adds one passkey, and is worth nothing once the
session is over.
"""

import secrets
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from accounts.authentication import Identity
from accounts.models import Session
from adiuva.api.errors import InvalidGrant
from adiuva.api.single_use import SingleUse

LIFETIME_SECONDS = 300
PAGE = "/account/passkey"
TICKETS = SingleUse("passkey-ticket", LIFETIME_SECONDS, "Passkey tickets cannot be had right now.")
WRONG = "The ticket is unknown, used or expired, or the session it belongs to is over."


@dataclass(frozen=True, slots=True)
class Ticket:
    ticket: str
    expires_in: int = LIFETIME_SECONDS

    @property
    def url(self) -> str:
        return f"{settings.PUBLIC_URL}{PAGE}#ticket={self.ticket}"


def issue(identity: Identity) -> Ticket:
    """Raises ``UpstreamUnavailable`` when the cache does not take it."""
    ticket = secrets.token_urlsafe(32)
    TICKETS.keep(ticket, f"{identity.user.id} {identity.session_id}")
    return Ticket(ticket)


def look_at(ticket: str) -> Session:
    """The session it was bought in, with its user; the ticket stays good.

    Raises:
        InvalidGrant: it is unknown, used or expired, or the session is over.
        UpstreamUnavailable: the cache does not answer.
    """
    return _session(TICKETS.look_at(ticket))


def redeem(ticket: str) -> Session:
    """As ``look_at``, once."""
    return _session(TICKETS.use_up(ticket))


def _session(claims: str | None) -> Session:
    if claims is None:
        raise InvalidGrant(WRONG)
    user_id, session_id = map(UUID, claims.split(" "))
    session = Session.objects.usable().select_related("user").filter(id=session_id, user_id=user_id).first()
    if session is None:
        raise InvalidGrant(WRONG)
    return session
