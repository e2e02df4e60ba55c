"""Break-glass codes: eight, for the day on which an organisation's provider cannot be reached.

With the password of any member, a code passes what the organisation enforces, once. It is a secret of the
organisation's, made and written as a recovery code is (``accounts.factors.recovery_codes``), and takes the place of the
provider alone: a second factor of the account's is asked for all the same.
"""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.factors.recovery_codes import hash_code, new_code
from accounts.factors.service import lock_account_of_session
from accounts.models import User
from accounts.organizations.access import OWNERS, lock_with_role
from accounts.organizations.audit.recording import record
from accounts.organizations.models import AuditType, BreakGlassCode, Membership
from accounts.organizations.seats import lock_organization

AMOUNT: Final = 8


def make_codes(*, organization_id: UUID, user: User, session_id: UUID) -> list[str]:
    """Eight codes, which void those there were, also one that a login holds. ``user`` is an owner.

    Raises ``NotFound``, ``PermissionDenied`` for who is none any more, ``InvalidToken`` where the session is over.
    """
    with transaction.atomic():
        lock_with_role(user=user, organization_id=organization_id, roles=OWNERS)
        lock_account_of_session(user_id=user.id, session_id=session_id)
        codes = [new_code() for _ in range(AMOUNT)]
        now = datetime.now(UTC)
        BreakGlassCode.objects.filter(organization_id=organization_id).delete()
        BreakGlassCode.objects.bulk_create(
            BreakGlassCode(organization_id=organization_id, code_hash=_hash_of(code, organization_id), created_at=now)
            for code in codes
        )
        record(AuditType.BREAK_GLASS_CODES_MADE, organization_id=organization_id, actor=user)
        return codes


def use_code(*, user_id: UUID, code: str, challenge_id: UUID | None) -> bool:
    """As ``accounts.sessions.Enforcement`` says."""
    member = Membership.objects.active().filter(user_id=user_id).first()
    if member is None:
        return False
    codes = BreakGlassCode.objects.filter(
        organization_id=member.organization_id, code_hash=_hash_of(code, member.organization_id), used_at__isnull=True
    )
    if challenge_id is not None:
        return codes.update(held_for=challenge_id) == 1
    if codes.update(used_at=datetime.now(UTC)) != 1:
        return False
    _record_use(member)
    return True


def lock_challenge(challenge_id: UUID) -> bool:
    held = BreakGlassCode.objects.filter(held_for=challenge_id, used_at__isnull=True).first()
    return held is not None and lock_organization(held.organization_id) is not None


def use_held_code(*, user_id: UUID, challenge_id: UUID) -> bool:
    member = Membership.objects.active().filter(user_id=user_id).first()
    if member is None:
        return False
    held = BreakGlassCode.objects.filter(
        organization_id=member.organization_id, held_for=challenge_id, used_at__isnull=True
    )
    if held.update(used_at=datetime.now(UTC)) != 1:
        return False
    _record_use(member)
    return True


def _record_use(member: Membership) -> None:
    record(AuditType.BREAK_GLASS_CODE_USED, organization_id=member.organization_id, actor=member.user)


def _hash_of(code: str, organization_id: UUID) -> str:
    return hash_code(code, kind="break-glass-code", owner_id=organization_id)
