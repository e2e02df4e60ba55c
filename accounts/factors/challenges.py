"""Logins whose password was right, and that wait for the second factor."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.factors.verification import WRONG, Context, try_to_verify, usable_methods
from accounts.models import ChallengePurpose, LoginChallenge, User
from accounts.security_events.recording import Origin
from accounts.sessions import AuthTokens, Shown, enforcement, start_session
from adiuva.api.errors import InvalidCredentials, SecondFactorRequired

LIFETIME = timedelta(seconds=300)
MAX_FAILURES = 5


@dataclass(frozen=True, slots=True)
class Answered:
    """``locked``: what the reset had to say; None for a login."""

    tokens: AuthTokens
    locked: bool | None


def open_challenge(*, user: User, purpose: ChallengePurpose, locked: bool | None = None) -> SecondFactorRequired:
    """What the caller raises once its transaction has committed. ``locked``: for a reset, and only then.

    To be called in a transaction that has locked the user's row, **after** the sessions were revoked: whatever ends
    all sessions of an account (a changed password, a reset) ends its open challenges too. The session that begins in
    the end is a ``login`` among the events: a reset records ``password_reset`` itself.
    """
    now = datetime.now(UTC)
    challenge = LoginChallenge.objects.create(
        user=user, purpose=purpose, locked=locked, created_at=now, expires_at=now + LIFETIME
    )
    return SecondFactorRequired(
        challenge_id=str(challenge.id),
        methods=usable_methods(user_id=user.id),
        expires_in=int(LIFETIME.total_seconds()),
    )


def find_open_challenge(challenge_id: UUID) -> LoginChallenge | None:
    """With its user; None for one that is unknown, answered, expired, ended, or of a closed account."""
    return LoginChallenge.objects.open(datetime.now(UTC)).select_related("user").filter(id=challenge_id).first()


def answer_challenge(
    *,
    challenge_id: UUID,
    method: str,
    code: str | None = None,
    credential: Mapping[str, Any] | None = None,
    origin: Origin,
) -> Answered:
    """Begins the session. The factor is used up and the challenge ends in the session's transaction, so a process that
    dies costs nobody a recovery code; a failure is committed before it is told.

    Raises ``InvalidCredentials`` (a wrong factor and a challenge that is none alike), ``RateLimited``,
    ``NotConfigured``; ``SsoRequired`` where the organisation has asked for its provider only since the password.
    """
    with transaction.atomic():
        answered = _answer(challenge_id=challenge_id, method=method, code=code, credential=credential, origin=origin)
    if answered is None:
        raise InvalidCredentials(WRONG)
    return answered


def _answer(
    *, challenge_id: UUID, method: str, code: str | None, credential: Mapping[str, Any] | None, origin: Origin
) -> Answered | None:
    found = find_open_challenge(challenge_id)
    if found is None:
        return None
    may_pass = enforcement().lock_challenge(challenge_id)
    # Everywhere the user's row first, then what is the user's. Both are held until the session is there: sessions that
    # are revoked meanwhile, by a command that locks no user, are revoked after this one has begun.
    user = User.objects.select_for_update(no_key=True).filter(id=found.user_id, is_active=True).first()
    still_open = LoginChallenge.objects.open(datetime.now(UTC)).filter(id=challenge_id)
    challenge = still_open.select_for_update(of=("self",)).first()
    if user is None or challenge is None:
        return None
    context = Context(origin=origin, challenge_id=challenge.id)
    if try_to_verify(user=user, method=method, code=code, credential=credential, context=context) is None:
        challenge.failures += 1
        challenge.ended_at = datetime.now(UTC) if challenge.failures >= MAX_FAILURES else None
        challenge.save(update_fields=["failures", "ended_at"])
        return None
    challenge.ended_at = datetime.now(UTC)
    challenge.save(update_fields=["ended_at"])
    has_passed = may_pass and enforcement().use_held_code(user_id=user.id, challenge_id=challenge.id)
    shown = Shown.BREAK_GLASS if has_passed else Shown.TO_US
    return Answered(tokens=start_session(user=user, origin=origin, shown=shown), locked=challenge.locked)
