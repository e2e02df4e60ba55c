"""From an access token to who is asking, in one query: user, session and (through ``live_tier``) tier."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from uuid import UUID

from accounts import live_tier
from accounts.models import Session, User
from accounts.querysets import SessionQuerySet
from accounts.tokens import read_access_token
from adiuva.api.errors import InvalidToken
from adiuva.db.compiled_queries import CompiledQuery

# Read when somebody asks for them.
_SELDOM_NEEDED = (
    *("user_agent", "created_at", "last_used_at", "expires_at"),
    *("user__password", "user__last_login", "user__erasure_requested_at", "user__updated_at"),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """``expires_at`` is the access token's; a WebSocket does not outlive it."""

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
    if expires_at <= datetime.now(UTC):
        raise InvalidToken
    return _load(user_id=user_id, session_id=session_id, expires_at=expires_at)


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
