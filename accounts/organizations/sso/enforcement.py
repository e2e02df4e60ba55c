"""What an organisation asks of its members' sessions: its provider at the beginning, and again after some hours.

Asked by ``accounts.sessions``, wherever a session begins or goes on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from django.db.models import F

from accounts import sessions
from accounts.models import Session
from accounts.organizations.models import Identity, Membership, SsoSession
from accounts.organizations.problems import SsoSessionOver
from accounts.organizations.seats import lock_organization
from accounts.organizations.sso import break_glass
from adiuva.api.errors import InvalidToken


def register() -> None:
    sessions.register(_Enforcement())


class Age(Enum):
    FINE = auto()
    OVER = auto()  # who it is has to be shown again
    LOST = auto()  # it began at the provider of an organisation that its user is no member of


@dataclass(frozen=True, slots=True)
class Standing:
    """Of a session and its user. ``provider`` and ``provider_hours``: the organisation at whose provider it began, None
    for none; ``organization``: whose active member the user is; ``enforced_hours``: None where nothing is enforced.
    """

    began_at: datetime
    provider: UUID | None
    provider_hours: int | None
    organization: UUID | None
    enforced_hours: int | None


def decide_age(standing: Standing, *, now: datetime) -> Age:
    """A pure rule, so that it can be tested whole."""
    if standing.provider is not None and standing.provider != standing.organization:
        return Age.LOST
    hours = [many for many in (standing.provider_hours, standing.enforced_hours) if many is not None]
    is_over = bool(hours) and now - standing.began_at >= timedelta(hours=min(hours))
    return Age.OVER if is_over else Age.FINE


class _Enforcement:
    def find_enforcing(self, user_id: UUID, /) -> UUID | None:
        members = Membership.objects.active().filter(user_id=user_id, organization__connection__enforced=True)
        return members.values_list("organization_id", flat=True).first()

    def lock(self, user_id: UUID, /) -> None:
        member = Membership.objects.active().filter(user_id=user_id).first()
        if member is not None:
            lock_organization(member.organization_id)

    def use_code(self, *, user_id: UUID, code: str, challenge_id: UUID | None) -> bool:
        return break_glass.use_code(user_id=user_id, code=code, challenge_id=challenge_id)

    def lock_challenge(self, challenge_id: UUID, /) -> bool:
        return break_glass.lock_challenge(challenge_id)

    def use_held_code(self, *, user_id: UUID, challenge_id: UUID) -> bool:
        return break_glass.use_held_code(user_id=user_id, challenge_id=challenge_id)

    def carry_over(self, *, from_session: UUID, to_session: UUID) -> None:
        begun = SsoSession.objects.filter(session_id=from_session).first()
        # Locked, so that it is there when this commits: of an identity that goes meanwhile nothing is left to carry.
        if begun is not None and Identity.objects.select_for_update(no_key=True).filter(id=begun.identity_id).exists():
            SsoSession.objects.create(
                session_id=to_session,
                identity_id=begun.identity_id,
                provider_session_id=begun.provider_session_id,
                authenticated_at=begun.authenticated_at,
            )

    def require_not_over(self, session_id: UUID, /, *, now: datetime) -> None:
        standing = _standing_of(session_id)
        match decide_age(standing, now=now) if standing is not None else Age.LOST:
            case Age.OVER:
                raise SsoSessionOver
            case Age.LOST:
                raise InvalidToken


def _standing_of(session_id: UUID) -> Standing | None:
    """One query. None: the session is gone."""
    row = (
        Session.objects.filter(id=session_id)
        .values(
            "created_at",
            began=F("sso__authenticated_at"),
            provider=F("sso__identity__connection__organization_id"),
            provider_hours=F("sso__identity__connection__session_hours"),
            is_member=F("user__membership__active"),
            member_of=F("user__membership__organization_id"),
            is_enforced=F("user__membership__organization__connection__enforced"),
            enforced_hours=F("user__membership__organization__connection__session_hours"),
        )
        .first()
    )
    if row is None:
        return None
    return Standing(
        began_at=row["began"] or row["created_at"],
        provider=row["provider"],
        provider_hours=row["provider_hours"],
        organization=row["member_of"] if row["is_member"] else None,
        enforced_hours=row["enforced_hours"] if row["is_member"] and row["is_enforced"] else None,
    )
