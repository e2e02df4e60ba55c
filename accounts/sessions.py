"""Sessions begin at a login and end by revocation; both ends are here.

What an organisation asks of its members' sessions is the organisations' to know; accounts only ask (``enforcement``).
Nothing that begins a session can forget to: ``start_session`` itself asks.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts.access_tokens import new_access_token
from accounts.models import LoginChallenge, RefreshToken, SecurityEventType, Session, User, hash_of
from accounts.organizations.problems import SsoRequired
from accounts.security_events.recording import Origin, record, tell_of_new_device
from accounts.sockets.messages import tell_revoked
from adiuva.api.errors import InvalidToken, ReauthenticationRequired


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
_IN_ONE_STATEMENT = 500


class Shown(Enum):
    """How it was shown who begins a session."""

    TO_US = auto()  # by whatever the account asks for
    TO_PROVIDER = auto()  # to the organisation's identity provider
    BREAK_GLASS = auto()  # to us, and by a code of the organisation's that counts once


class Enforcement(Protocol):
    """What organisations ask of their members' sessions (docs/api.md § 16)."""

    def find_enforcing(self, user_id: UUID, /) -> UUID | None:
        """The organisation at whose provider a session of theirs begins, or by a break-glass code of it."""

    def lock(self, user_id: UUID, /) -> None:
        """The organisation of a member, whose row goes before the user's: before a code is used."""

    def use_code(self, *, user_id: UUID, code: str, challenge_id: UUID | None) -> bool:
        """Under ``lock``; False for a code that is none. One of a login that has yet to pass its second factor
        (``challenge_id``) is only held for it: until then it stays good.
        """

    def lock_challenge(self, challenge_id: UUID, /) -> bool:
        """As ``lock``, for a challenge that a code is held for; False where there is none."""

    def use_held_code(self, *, user_id: UUID, challenge_id: UUID) -> bool:
        """Under ``lock_challenge``. False where the code is not held any more: void, or held for a later login."""

    def carry_over(self, *, from_session: UUID, to_session: UUID) -> None:
        """That a session began at the provider, and when."""

    def require_not_over(self, session_id: UUID, /, *, now: datetime) -> None:
        """Raises ``SsoSessionOver`` for one that is older than its organisation allows, ``InvalidToken`` for one that
        began at the provider of an organisation that its user is no member of any more.
        """


@dataclass(slots=True)
class _Source:
    enforcement: Enforcement | None = None


_source = _Source()


def register(enforcement: Enforcement) -> None:
    _source.enforcement = enforcement


def enforcement() -> Enforcement:
    if _source.enforcement is None:
        raise RuntimeError("organisations have not said what they ask of sessions")
    return _source.enforcement


@transaction.atomic
def start_session(
    *,
    user: User,
    origin: Origin,
    event: SecurityEventType = SecurityEventType.LOGIN,
    shown: Shown = Shown.TO_US,
    continues: Session | None = None,
) -> AuthTokens:
    """A fresh session, which begins with ``event``. ``continues``: the session that this one takes the place of, for
    whoever goes on in it (``lock_session``); it is as old as that, so that no clock starts anew.

    Raises ``SsoRequired`` for a member whose organisation asks for its provider, unless it was shown there or by a
    break-glass code, or the session is there already.
    """
    if shown is Shown.TO_US and continues is None:
        organization_id = enforcement().find_enforcing(user.id)
        if organization_id is not None:
            raise SsoRequired(organization_id)
    now = datetime.now(UTC)
    began_at = now if continues is None else continues.created_at
    expires_at = now + settings.REFRESH_TOKEN_LIFETIME
    session = Session.objects.create(
        user=user,
        user_agent=origin.user_agent,
        created_at=began_at,
        # Another server made the session before, and its clock may be a little ahead of this one.
        last_used_at=max(now, began_at),
        fresh_at=now,
        expires_at=expires_at,
    )
    if continues is not None:
        enforcement().carry_over(from_session=continues.id, to_session=session.id)
    refresh_token = secrets.token_urlsafe(32)
    RefreshToken.objects.create(
        session=session, token_hash=hash_of(refresh_token), created_at=now, expires_at=expires_at
    )
    if event == SecurityEventType.LOGIN:
        tell_of_new_device(user=user, origin=origin)
    record(event, user_id=user.id, origin=origin, session_id=session.id)
    return tokens_for(session=session, refresh_token=refresh_token)


def lock_session(*, user_id: UUID, session_id: UUID) -> Session:
    """For whoever goes on in it as in another one: of whom ends it meanwhile, one waits for the other. To be called
    in the transaction of ``start_session``, under the user's row.

    Raises ``InvalidToken`` for one that is over.
    """
    sessions = Session.objects.select_for_update(of=("self",), no_key=True).filter(
        user_id=user_id, revoked_at__isnull=True
    )
    session = sessions.filter(id=session_id).first()
    if session is None:
        raise InvalidToken
    return session


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
    return revoke_sessions(user_id=user_id, session_ids=[session_id]) == 1


def revoke_sessions(*, user_id: UUID, session_ids: list[UUID]) -> int:
    """Of one user: how many could still be used."""
    sessions = Session.objects.for_user(user_id).filter(id__in=session_ids, revoked_at__isnull=True)
    revoked = sessions.update(revoked_at=datetime.now(UTC))
    # After the commit: a socket that asks the database again must find the session gone.
    transaction.on_commit(partial(tell_revoked, user_id=user_id, session_ids=session_ids))
    return revoked


def revoke_sessions_of_many(sessions: QuerySet[Session]) -> None:
    """Whoever's they are: in a few statements, since what asks for it may hold a lock that thousands are behind."""
    sessions = sessions.filter(revoked_at__isnull=True)
    # Their rows first, as of one: who ends all sessions of one of them meanwhile takes these in another order.
    users = User.objects.filter(id__in=sessions.values("user_id")).order_by("id")
    list(users.select_for_update(no_key=True).values_list("id"))
    ended: dict[UUID, list[UUID]] = defaultdict(list)
    live = list(sessions.values_list("user_id", "id"))
    for user_id, session_id in live:
        ended[user_id].append(session_id)
    now = datetime.now(UTC)
    for first in range(0, len(live), _IN_ONE_STATEMENT):
        ids = [session_id for _, session_id in live[first : first + _IN_ONE_STATEMENT]]
        Session.objects.filter(id__in=ids, revoked_at__isnull=True).update(revoked_at=now)
    for user_id, session_ids in ended.items():
        transaction.on_commit(partial(tell_revoked, user_id=user_id, session_ids=session_ids))


def revoke_all_sessions(*, user_id: UUID) -> int:
    """And the logins that still wait for their second factor: what ends sessions must not let one begin."""
    LoginChallenge.objects.filter(user_id=user_id, ended_at__isnull=True).update(ended_at=datetime.now(UTC))
    live = Session.objects.for_user(user_id).filter(revoked_at__isnull=True)
    return revoke_sessions(user_id=user_id, session_ids=list(live.values_list("id", flat=True)))


def session_of_refresh_token(*, user_id: UUID, refresh_token: str) -> UUID | None:
    """The caller's session that ``refresh_token`` belongs to, whether it is the current token or an older one."""
    token = RefreshToken.objects.filter(token_hash=hash_of(refresh_token), session__user_id=user_id).first()
    return token.session_id if token else None


def live_session_ids(ids: Iterable[UUID]) -> set[UUID]:
    """Those of ``ids`` whose access tokens still count: one query, for a sweep over open sockets."""
    return set(Session.objects.usable().filter(id__in=list(ids)).values_list("id", flat=True))
