"""Making and reading tokens; nothing here touches the database.

Access tokens are JWTs (RFC 7519), made and checked by simplejwt. Refresh tokens are opaque: 256 random bits, kept as
their SHA-256. The successor of a refresh token is an HMAC of it under a server key, so a client that lost the
answer can be told the same successor again although nothing raw was kept.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
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
    """The claims of a token that we signed and that has not expired; raises ``InvalidToken`` for any other."""
    try:
        claims: Any = AccessToken(raw.encode("ascii"))  # type: ignore[arg-type]  # simplejwt takes bytes, types say Token
        return AccessClaims(
            user_id=UUID(claims["sub"]),
            session_id=UUID(claims["sid"]),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )
    except (TokenError, KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidToken from None


def new_refresh_token() -> str:
    return secrets.token_urlsafe(32)


def successor_of(refresh_token: str) -> str:
    """The token that replaces ``refresh_token``: the same one each time it is asked for."""
    key = settings.REFRESH_SUCCESSOR_KEY.encode()
    digest = hmac.new(key, b"successor:" + refresh_token.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def hash_of(token: str) -> str:
    """How a token is looked up: hex SHA-256. Its 256 bits of entropy make a slow hash pointless."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
