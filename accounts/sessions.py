"""Sessions begin at a login and end by revocation; both ends are here."""

import asyncio
import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction

from accounts.access_tokens import new_access_token
from accounts.models import RefreshToken, Session, User, hash_of

logger = logging.getLogger(__name__)

ANNOUNCE_SECONDS = 1.0  # a Redis that hangs must not hold up a logout


@dataclass(frozen=True, slots=True)
class AuthTokens:
    """What a client gets to log in with; ``expires_at`` is the access token's."""

    access_token: str
    refresh_token: str
    expires_at: datetime

    @property
    def expires_in(self) -> int:
        return max(0, round((self.expires_at - datetime.now(UTC)).total_seconds()))


@transaction.atomic
def start_session(*, user: User, user_agent: str) -> AuthTokens:
    now = datetime.now(UTC)
    expires_at = now + settings.REFRESH_TOKEN_LIFETIME
    session = Session.objects.create(
        user=user, user_agent=user_agent[:256], created_at=now, last_used_at=now, expires_at=expires_at
    )
    refresh_token = secrets.token_urlsafe(32)
    RefreshToken.objects.create(
        session=session, token_hash=hash_of(refresh_token), created_at=now, expires_at=expires_at
    )
    return tokens_for(session=session, refresh_token=refresh_token)


def tokens_for(*, session: Session, refresh_token: str) -> AuthTokens:
    """A fresh access token of ``session`` beside the refresh token given; ``session.user`` must be loaded."""
    user = session.user
    access_token, expires_at = new_access_token(user_id=user.id, session_id=session.id, email=user.email)
    return AuthTokens(access_token=access_token, refresh_token=refresh_token, expires_at=expires_at)


def revoke_session(*, user_id: UUID, session_id: UUID) -> bool:
    """True if a session that could still be used ended here."""
    return _revoke(user_id=user_id, session_ids=[session_id]) == 1


def revoke_all_sessions(*, user_id: UUID) -> int:
    live = Session.objects.for_user(user_id).filter(revoked_at__isnull=True)
    return _revoke(user_id=user_id, session_ids=list(live.values_list("id", flat=True)))


def session_of_refresh_token(*, user_id: UUID, refresh_token: str) -> UUID | None:
    """The caller's session that ``refresh_token`` belongs to, whether it is the current token or an older one."""
    token = RefreshToken.objects.filter(token_hash=hash_of(refresh_token), session__user_id=user_id).first()
    return token.session_id if token else None


def live_session_ids(ids: Iterable[UUID]) -> set[UUID]:
    """Those of ``ids`` whose access tokens still count: one query, for a sweep over open sockets."""
    return set(Session.objects.usable().filter(id__in=list(ids)).values_list("id", flat=True))


def revocation_group(session_id: UUID) -> str:
    """The channel-layer group that hears ``{"type": "session.revoked"}`` when the session ends."""
    return f"session.{session_id}"


def _revoke(*, user_id: UUID, session_ids: list[UUID]) -> int:
    sessions = Session.objects.for_user(user_id).filter(id__in=session_ids, revoked_at__isnull=True)
    revoked = sessions.update(revoked_at=datetime.now(UTC))
    # After the commit: a socket that asks the database again must find the session gone.
    transaction.on_commit(lambda: _announce(session_ids))
    return revoked


def _announce(session_ids: list[UUID]) -> None:
    try:
        async_to_sync(_tell_sockets)(session_ids)
    except Exception:
        # The revocation stands; open sockets learn of it from their sweep and on their next request.
        logger.warning("open sockets could not be told of a revocation", exc_info=True)


async def _tell_sockets(session_ids: list[UUID]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    async with asyncio.timeout(ANNOUNCE_SECONDS):
        for session_id in session_ids:
            await layer.group_send(revocation_group(session_id), {"type": "session.revoked"})
