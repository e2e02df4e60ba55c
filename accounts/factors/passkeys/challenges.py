"""Challenges of passkeys: random, single use, five minutes, each for one purpose and one session or login.

Kept in the cache, as WebSocket tickets are (``accounts.ws_tickets``). An answer names its challenge itself, in its
client data, so that nobody has to carry an id beside it.
"""

import enum
import secrets

from adiuva.api.single_use import SingleUse

LIFETIME_SECONDS = 300
BYTES = 32  # § 13.4.3 asks for 16
CHALLENGES = SingleUse("passkey-challenge", LIFETIME_SECONDS, "Passkeys cannot be used right now.")


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
    CHALLENGES.keep(challenge.hex(), _claims(purpose, subject))
    return challenge


def redeem(challenge: bytes, purpose: Purpose, *, subject: str = "") -> bool:
    """Whether it was issued for just this; whatever comes of it, it is used up.

    Raises:
        UpstreamUnavailable: the cache does not answer.
    """
    return CHALLENGES.use_up(challenge.hex()) == _claims(purpose, subject)


def _claims(purpose: Purpose, subject: str) -> str:
    return f"{purpose.value} {subject}"
