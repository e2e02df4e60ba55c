"""From an access token to who is asking, in one query: user, session and (through ``live_tier``) tier."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import cast
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts import live_tier
from accounts.access_tokens import read_access_token
from accounts.models import Factor, Session, SessionQuerySet, User
from adiuva.api.errors import InvalidToken, NotAuthenticated
from adiuva.db.compiled_queries import CompiledQuery

# Read when somebody asks for them.
_SELDOM_NEEDED = (
    *("user_agent", "created_at", "last_used_at", "expires_at", "fresh_at"),
    *("user__kdf", "user__password", "user__last_login", "user__erasure_requested_at", "user__updated_at"),
    *("user__address_key", "user__is_superuser"),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """``expires_at`` is the access token's; a WebSocket does not outlive it, but for the leeway between clocks.
    ``has_second_factor``: None unless it was asked for (a view's ``shows_second_factor``).
    """

    user: User
    session_id: UUID
    expires_at: datetime
    has_second_factor: bool | None = None


def authenticate(raw_token: str, *, with_factors: bool = False) -> Identity:
    """``with_factors``: whether the user has a second factor comes along, in the same query.

    Raises ``InvalidToken``: bad, expired or revoked token, user gone or disabled.
    """
    claims = read_access_token(raw_token)
    find = _usable_session_with_factors if with_factors else _usable_session
    session = find().first(claims.session_id, claims.user_id)
    return _identity_of(session, session_id=claims.session_id, expires_at=claims.expires_at)


def reload(identity: Identity) -> Identity:
    """The same identity as the database knows it now. Raises ``InvalidToken`` when it is over."""
    return resume(user_id=identity.user.id, session_id=identity.session_id, expires_at=identity.expires_at)


def resume(*, user_id: UUID, session_id: UUID, expires_at: datetime) -> Identity:
    """An identity that was authenticated before, for instance when its WebSocket ticket was issued."""
    if expires_at + settings.CLOCK_LEEWAY <= datetime.now(UTC):
        raise InvalidToken
    session = _usable_session().first(session_id, user_id)
    return _identity_of(session, session_id=session_id, expires_at=expires_at)


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


def _identity_of(session: Session | None, *, session_id: UUID, expires_at: datetime) -> Identity:
    if session is None:
        raise InvalidToken
    return Identity(
        user=session.user,
        session_id=session_id,
        expires_at=expires_at,
        has_second_factor=getattr(session, "has_second_factor", None),
    )


@cache
def _usable_session() -> CompiledQuery[Session]:
    """Made at the first use: by then billing has said what the tier needs. Each column costs every request 10 µs."""
    return CompiledQuery(_find_usable)


def _find_usable(session_id: UUID, user_id: UUID) -> SessionQuerySet:
    return (
        Session.objects.usable()
        .filter(id=session_id, user_id=user_id)
        .select_related("user", *live_tier.select_related("user__"))
        .defer(*_SELDOM_NEEDED, *live_tier.seldom_needed("user__"))
        .order_by()
    )


@cache
def _usable_session_with_factors() -> CompiledQuery[Session]:
    def find(session_id: UUID, user_id: UUID) -> SessionQuerySet:
        factors = Factor.objects.confirmed().filter(user_id=OuterRef("user_id"))
        return _find_usable(session_id, user_id).annotate(has_second_factor=Exists(factors))

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
        view = (request.parser_context or {}).get("view")
        identity = authenticate(raw_token, with_factors=getattr(view, "shows_second_factor", False))
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
