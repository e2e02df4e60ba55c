"""From an access token to who is asking, in one query: user, session and (through ``live_tier``) tier."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import cast
from uuid import UUID

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts import live_tier
from accounts.access_tokens import read_access_token
from accounts.models import Session, SessionQuerySet, User
from adiuva.api.errors import InvalidToken, NotAuthenticated
from adiuva.db.compiled_queries import CompiledQuery

# Read when somebody asks for them.
_SELDOM_NEEDED = (
    *("user_agent", "created_at", "last_used_at", "expires_at", "fresh_at"),
    *("user__kdf", "user__password", "user__last_login", "user__erasure_requested_at", "user__updated_at"),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """``expires_at`` is the access token's; a WebSocket does not outlive it, but for the leeway between clocks."""

    user: User
    session_id: UUID
    expires_at: datetime


def authenticate(raw_token: str) -> Identity:
    """Raises ``InvalidToken``: bad, expired or revoked token, user gone or disabled."""
    claims = read_access_token(raw_token)
    return _load(user_id=claims.user_id, session_id=claims.session_id, expires_at=claims.expires_at)


def reload(identity: Identity) -> Identity:
    """The same identity as the database knows it now. Raises ``InvalidToken`` when it is over."""
    return resume(user_id=identity.user.id, session_id=identity.session_id, expires_at=identity.expires_at)


def resume(*, user_id: UUID, session_id: UUID, expires_at: datetime) -> Identity:
    """An identity that was authenticated before, for instance when its WebSocket ticket was issued."""
    if expires_at + settings.CLOCK_LEEWAY <= datetime.now(UTC):
        raise InvalidToken
    return _load(user_id=user_id, session_id=session_id, expires_at=expires_at)


def seconds_left(identity: Identity) -> float:
    """How long a WebSocket of this identity may stay open. One that began within the leeway has the rest of that."""
    left = identity.expires_at - datetime.now(UTC)
    return (left if left > timedelta(0) else left + settings.CLOCK_LEEWAY).total_seconds()


def is_signed(raw_token: str) -> bool:
    """Whether we signed this token and it has not expired; no look at the database."""
    try:
        read_access_token(raw_token)
    except InvalidToken:
        return False
    return True


def _load(*, user_id: UUID, session_id: UUID, expires_at: datetime) -> Identity:
    session = _usable_session().first(session_id, user_id)
    if session is None:
        raise InvalidToken
    return Identity(user=session.user, session_id=session_id, expires_at=expires_at)


@cache
def _usable_session() -> CompiledQuery[Session]:
    """Made at the first use: by then billing has said what the tier needs. Each column costs every request 10 µs."""

    def find(session_id: UUID, user_id: UUID) -> SessionQuerySet:
        return (
            Session.objects.usable()
            .filter(id=session_id, user_id=user_id)
            .select_related("user", *live_tier.select_related("user__"))
            .defer(*_SELDOM_NEEDED)
            .order_by()
        )

    return CompiledQuery(find)


class AccessTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`; ``request.auth`` is the ``Identity``."""

    def authenticate(self, request: Request) -> tuple[User, Identity] | None:
        scheme, _, credentials = get_authorization_header(request).partition(b" ")
        if not scheme:
            return None
        if scheme.lower() != b"bearer":
            raise NotAuthenticated
        try:
            raw_token = credentials.strip().decode("ascii")
        except UnicodeDecodeError:
            raise InvalidToken from None
        identity = authenticate(raw_token)
        return identity.user, identity

    def authenticate_header(self, request: Request) -> str:
        return NotAuthenticated.challenge


def identity_of(request: Request) -> Identity:
    """Who asks; for views that are not public."""
    return cast("Identity", request.auth)


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = AccessTokenAuthentication
    name = "accessToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
