"""Sessions begin at a login and end by revocation; both ends are here."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.access_tokens import new_access_token
from accounts.models import LoginChallenge, RefreshToken, SecurityEventType, Session, User, hash_of
from accounts.security_events.recording import Origin, record, tell_of_new_device
from accounts.sockets.messages import tell_revoked
from adiuva.api.errors import ReauthenticationRequired


@dataclass(frozen=True, slots=True)
class AuthTokens:
    """What a client gets to log in with; ``expires_at`` is the access token's."""

    access_token: str
    refresh_token: str
    expires_at: datetime
    session_id: UUID

    @property
    def expires_in(self) -> int:
        return max(0, round((self.expires_at - datetime.now(UTC)).total_seconds()))


FRESH = timedelta(minutes=10)  # what is dangerous asks who it is again after that


@transaction.atomic
def start_session(*, user: User, origin: Origin, event: SecurityEventType = SecurityEventType.LOGIN) -> AuthTokens:
    """A fresh session, which begins with ``event``."""
    now = datetime.now(UTC)
    expires_at = now + settings.REFRESH_TOKEN_LIFETIME
    session = Session.objects.create(
        user=user, user_agent=origin.user_agent, created_at=now, last_used_at=now, fresh_at=now, expires_at=expires_at
    )
    refresh_token = secrets.token_urlsafe(32)
    RefreshToken.objects.create(
        session=session, token_hash=hash_of(refresh_token), created_at=now, expires_at=expires_at
    )
    if event == SecurityEventType.LOGIN:
        tell_of_new_device(user=user, origin=origin)
    record(event, user_id=user.id, origin=origin, session_id=session.id)
    return tokens_for(session=session, refresh_token=refresh_token)


def tokens_for(*, session: Session, refresh_token: str) -> AuthTokens:
    """A fresh access token of ``session`` beside the refresh token given; ``session.user`` must be loaded."""
    user = session.user
    access_token, expires_at = new_access_token(user_id=user.id, session_id=session.id, email=user.email)
    return AuthTokens(
        access_token=access_token, refresh_token=refresh_token, expires_at=expires_at, session_id=session.id
    )


def require_fresh_session(*, session_id: UUID) -> None:
    """Raises ``ReauthenticationRequired`` where the user of the session has not shown who they are for ``FRESH``."""
    if not Session.objects.filter(id=session_id, fresh_at__gt=datetime.now(UTC) - FRESH).exists():
        raise ReauthenticationRequired


def freshen_session(*, session_id: UUID) -> None:
    Session.objects.filter(id=session_id, revoked_at__isnull=True).update(fresh_at=datetime.now(UTC))


def revoke_session(*, user_id: UUID, session_id: UUID) -> bool:
    """True if a session that could still be used ended here."""
    return _revoke(user_id=user_id, session_ids=[session_id]) == 1


def revoke_all_sessions(*, user_id: UUID) -> int:
    """And the logins that still wait for their second factor: what ends sessions must not let one begin."""
    LoginChallenge.objects.filter(user_id=user_id, ended_at__isnull=True).update(ended_at=datetime.now(UTC))
    live = Session.objects.for_user(user_id).filter(revoked_at__isnull=True)
    return _revoke(user_id=user_id, session_ids=list(live.values_list("id", flat=True)))


def session_of_refresh_token(*, user_id: UUID, refresh_token: str) -> UUID | None:
    """The caller's session that ``refresh_token`` belongs to, whether it is the current token or an older one."""
    token = RefreshToken.objects.filter(token_hash=hash_of(refresh_token), session__user_id=user_id).first()
    return token.session_id if token else None


def live_session_ids(ids: Iterable[UUID]) -> set[UUID]:
    """Those of ``ids`` whose access tokens still count: one query, for a sweep over open sockets."""
    return set(Session.objects.usable().filter(id__in=list(ids)).values_list("id", flat=True))


def _revoke(*, user_id: UUID, session_ids: list[UUID]) -> int:
    sessions = Session.objects.for_user(user_id).filter(id__in=session_ids, revoked_at__isnull=True)
    revoked = sessions.update(revoked_at=datetime.now(UTC))
    # After the commit: a socket that asks the database again must find the session gone.
    transaction.on_commit(partial(tell_revoked, user_id=user_id, session_ids=session_ids))
    return revoked
