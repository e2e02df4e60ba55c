"""Challenges of passkeys: random, single use, five minutes, each for one purpose and one session or login.

Kept in the cache, as WebSocket tickets are (``accounts.ws_tickets``). An answer names its challenge itself, in its
client data, so that nobody has to carry an id beside it.
"""

import enum
import secrets

from django.core.cache import cache

from accounts.models import hash_of
from adiuva.api.errors import UpstreamUnavailable
from adiuva.db.cache import cache_errors

LIFETIME_SECONDS = 300
BYTES = 32  # § 13.4.3 asks for 16


class Purpose(enum.Enum):
    REGISTER = "register"
    LOGIN = "login"
    VERIFY = "verify"  # as second factor, or of who is logged in already


def issue(purpose: Purpose, *, subject: str = "") -> bytes:
    """``subject``: the session, or the login, that the answer must be for; of a login by passkey alone there is none.

    Raises:
        UpstreamUnavailable: the cache does not take it.
    """
    challenge = secrets.token_bytes(BYTES)
    try:
        cache.set(_key(challenge), _claims(purpose, subject), timeout=LIFETIME_SECONDS)
    except cache_errors() as error:
        raise UpstreamUnavailable("Passkeys cannot be used right now.", retry_after=5) from error
    return challenge


def redeem(challenge: bytes, purpose: Purpose, *, subject: str = "") -> bool:
    """Whether it was issued for just this; whatever comes of it, it is used up.

    Raises:
        UpstreamUnavailable: the cache does not answer.
    """
    try:
        claims = cache.get(_key(challenge))
        # Deleting tells whether the key was still there, atomically: of two that redeem it one goes on.
        return claims is not None and bool(cache.delete(_key(challenge))) and claims == _claims(purpose, subject)
    except cache_errors() as error:
        raise UpstreamUnavailable("Passkeys cannot be used right now.", retry_after=5) from error


def _claims(purpose: Purpose, subject: str) -> str:
    return f"{purpose.value} {subject}"


def _key(challenge: bytes) -> str:
    return f"passkey-challenge:{hash_of(challenge.hex())}"
