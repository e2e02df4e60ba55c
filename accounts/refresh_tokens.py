"""Refresh token rotation with re-use detection (RFC 9700 § 4.14.2, docs/api.md § 3).

A refresh token is opaque: 256 random bits, kept as their SHA-256. Its successor is an HMAC of it under a server key, so
a client that lost the answer can be told the same successor again although nothing raw was kept.
"""

import base64
import hashlib
import hmac
import logging
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import assert_never
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts.models import RefreshToken, SecurityEventType, Session, hash_of
from accounts.security_events.recording import Origin, record
from accounts.sessions import AuthTokens, enforcement, revoke_session, tokens_for
from adiuva.api.errors import InvalidToken, TokenReused

logger = logging.getLogger(__name__)

GRACE = timedelta(seconds=30)  # a lost answer must not log a user out


class RefreshOutcome(Enum):
    ROTATE = auto()
    REPEAT = auto()
    REUSED = auto()
    DEAD = auto()


def decide_refresh(
    *,
    now: datetime,
    expires_at: datetime,
    rotated_at: datetime | None,
    successor_rotated: bool,
    session_usable: bool,
) -> RefreshOutcome:
    """What to do with a presented token. A pure rule, so that it can be tested whole.

    A token that was rotated within the grace period is answered with the same successor again, unless that one has
    been used too: then the presented token is an older ancestor, and two parties hold the family.
    """
    if rotated_at is not None and (successor_rotated or now - rotated_at > GRACE):
        return RefreshOutcome.REUSED
    if not session_usable or expires_at <= now:
        return RefreshOutcome.DEAD
    return RefreshOutcome.ROTATE if rotated_at is None else RefreshOutcome.REPEAT


def rotate_refresh_token(*, refresh_token: str, origin: Origin) -> AuthTokens:
    """New tokens for a refresh token. Raises ``InvalidToken``, or ``TokenReused`` after revoking the session; and
    ``SsoSessionOver`` where the organisation of a member asks who they are again: nothing is rotated then.
    """
    token_hash = hash_of(refresh_token)
    with transaction.atomic():
        session = _lock_session(token_hash)
        # Read again under the lock: a parallel refresh may have rotated the token meanwhile. The time is the
        # database's: by the servers' own clocks, which are a little apart, the grace period would be another on each.
        token = RefreshToken.objects.filter(token_hash=token_hash).annotate(now=Now()).first()
        if token is None:  # purged in between (accounts.purge): nobody could have used it any more
            raise InvalidToken
        successor = successor_of(refresh_token)
        now = token.now
        outcome = decide_refresh(
            now=now,
            expires_at=token.expires_at,
            rotated_at=token.rotated_at,
            successor_rotated=RefreshToken.objects.filter(
                token_hash=hash_of(successor), rotated_at__isnull=False
            ).exists(),
            session_usable=session.revoked_at is None and session.user.is_active,
        )
        if outcome in {RefreshOutcome.ROTATE, RefreshOutcome.REPEAT}:
            enforcement().require_not_over(session.id, now=now)
        if outcome is RefreshOutcome.ROTATE:
            _replace(token=token, session=session, successor=successor, now=now)
        elif outcome is RefreshOutcome.REUSED and revoke_session(user_id=session.user_id, session_id=session.id):
            # Committed with this transaction: the exception is raised outside it.
            event = SecurityEventType.REFRESHED_REUSE
            record(event, user_id=session.user_id, origin=origin, session_id=session.id)
    match outcome:
        case RefreshOutcome.ROTATE | RefreshOutcome.REPEAT:
            return tokens_for(session=session, refresh_token=successor)
        case RefreshOutcome.REUSED:
            logger.warning("refresh token reused: session revoked", extra={"session": str(session.id)})
            raise TokenReused
        case RefreshOutcome.DEAD:
            raise InvalidToken
        case _:
            assert_never(outcome)


def owner_of(refresh_token: str) -> UUID | None:
    """Whose token it is, whether it can still be used or not; None for nobody's."""
    tokens = RefreshToken.objects.filter(token_hash=hash_of(refresh_token))
    owner: UUID | None = tokens.values_list("session__user_id", flat=True).first()
    return owner


def successor_of(refresh_token: str) -> str:
    """The token that replaces ``refresh_token``: the same one each time it is asked for."""
    key = settings.REFRESH_SUCCESSOR_KEY.encode()
    digest = hmac.new(key, b"successor:" + refresh_token.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _lock_session(token_hash: str) -> Session:
    """The token's session, locked: all refreshes of a family wait for one another here."""
    sessions = Session.objects.select_for_update(of=("self",), no_key=True).select_related("user")
    session = sessions.filter(refresh_tokens__token_hash=token_hash).first()
    if session is None:
        raise InvalidToken
    return session


def _replace(*, token: RefreshToken, session: Session, successor: str, now: datetime) -> None:
    token.rotated_at = now
    token.save(update_fields=["rotated_at"])
    expires_at = now + settings.REFRESH_TOKEN_LIFETIME
    RefreshToken.objects.create(session=session, token_hash=hash_of(successor), created_at=now, expires_at=expires_at)
    # Another server made the session, and its clock may be a little ahead of this one.
    session.last_used_at = max(now, session.last_used_at)
    session.expires_at = expires_at
    session.save(update_fields=["last_used_at", "expires_at"])
