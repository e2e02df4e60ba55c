"""Access tokens: JWTs (RFC 7519), made and checked by simplejwt. Nothing here touches the database."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken

from adiuva.api.errors import InvalidToken

ACCESS_TYPE = "access"


@dataclass(frozen=True, slots=True)
class AccessClaims:
    user_id: UUID
    session_id: UUID
    expires_at: datetime


def new_access_token(*, user_id: UUID, session_id: UUID, email: str) -> tuple[str, datetime]:
    """A signed access token and when it expires."""
    token = AccessToken()
    token["sub"] = str(user_id)
    token["sid"] = str(session_id)
    token["email"] = email
    return str(token), datetime.fromtimestamp(token["exp"], UTC)


def read_access_token(raw: str) -> AccessClaims:
    """The claims of a token that we signed and that has not expired, give or take ``CLOCK_LEEWAY``; raises
    ``InvalidToken`` for any other.
    """
    try:
        claims: Any = AccessToken(raw.encode("ascii"))  # type: ignore[arg-type]  # simplejwt takes bytes, types say Token
        return AccessClaims(
            user_id=UUID(claims["sub"]),
            session_id=UUID(claims["sid"]),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )
    except (TokenError, KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidToken from None
